//! Connections that a server opens itself, to clients that listen.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::Server;
use super::builder::ServerBuilder;
use crate::client::{Backoff, chance};
use crate::connection::{Connection, Driver, Hub};
use crate::error::Error;
#[cfg(feature = "tls")]
use crate::transport::TlsClient;
#[cfg(feature = "noise")]
use crate::transport::noise::NoiseClient;
use crate::transport::{Address, ClientSecrets, Stream};

/// Where a server connects to by itself, to serve who listens there: see [`ServerBuilder::dial`].
///
/// ```
/// use std::time::Duration;
/// use jidda_runtime::{Backoff, Dial};
///
/// let dial = Dial::to("tcp://10.0.0.9:7000").reconnect(Backoff::default().limit(Duration::from_secs(60)));
/// # let _ = dial;
/// ```
#[derive(Clone, Debug)]
pub struct Dial {
    address: String,
    secrets: ClientSecrets,
    backoff: Backoff,
}

impl Dial {
    /// A listening client's address, such as `tcp://host:port`.
    pub fn to(address: impl Into<String>) -> Self {
        Self { address: address.into(), secrets: ClientSecrets::default(), backoff: Backoff::default() }
    }

    /// Whom the server believes at a `tls://` address, and what it proves itself with. Without it, it believes the roots
    /// of the system.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: TlsClient) -> Self {
        self.secrets.tls = Some(tls);
        self
    }

    /// Whom the server believes at a `noise://` address, and what it proves itself with.
    #[cfg(feature = "noise")]
    #[must_use]
    pub fn noise(mut self, noise: NoiseClient) -> Self {
        self.secrets.noise = Some(noise);
        self
    }

    /// How a connection that is lost, or cannot be made, is tried again. Default: [`Backoff::default`], for ever.
    #[must_use]
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }
}

impl std::fmt::Display for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

impl<A: Into<String>> From<A> for Dial {
    fn from(address: A) -> Self {
        Self::to(address)
    }
}

impl ServerBuilder {
    /// Connects to a client that listens, as if that had connected here: for servers that cannot be reached from
    /// outside. May be given several times, beside [`listen`](Self::listen) or in its place.
    ///
    /// The other end is a [`ClientBuilder::listen`](crate::ClientBuilder::listen). A connection that is lost is made
    /// again until the server stops.
    pub fn dial(mut self, to: impl Into<Dial>) -> Self {
        self.dials.push(to.into());
        self
    }
}

impl Server {
    /// Connects to a client that listens, from now on: see [`ServerBuilder::dial`].
    ///
    /// # Errors
    ///
    /// When the address cannot be read, or what protects it is missing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn dial(&self, to: impl Into<Dial>) -> Result<(), Error> {
        let stopping = self.inner.stopping.subscribe();
        let dialing = dialing(to.into(), self.hub(), stopping)?;
        self.inner.accepting.lock().spawn(dialing);
        Ok(())
    }
}

/// The task that keeps such a connection. It ends when the server stops; a connection that stands is drained with the
/// others.
pub(super) fn dialing(
    dial: Dial,
    hub: &Arc<Hub>,
    stopping: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + Send + 'static, Error> {
    let address: Address = dial.address.parse().map_err(|error: crate::transport::AddressError| {
        Error::new("start", format!("cannot dial: {error}"))
    })?;
    if let Some(problem) = dial.secrets.problem(&address).or_else(|| dial.backoff.problem()) {
        return Err(Error::new("start", problem));
    }
    let hub = Arc::clone(hub);
    Ok(async move {
        let mut stopping = stopping;
        tokio::select! {
            () = keep(&address, &dial, &hub) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    })
}

async fn keep(address: &Address, dial: &Dial, hub: &Arc<Hub>) {
    let mut attempt = 0;
    loop {
        match timeout(hub.config.handshake_timeout, Stream::connect(address, &dial.secrets)).await {
            Ok(Ok((stream, security))) => {
                let began = Instant::now();
                let (peer, medium) = address.peer();
                // A task of its own: it outlives this one when the server stops.
                let serving = {
                    let connection = Connection::new(hub, peer, medium, security.map(Box::new));
                    tokio::spawn(Driver::new(connection, stream))
                };
                if let Ok(reason) = serving.await {
                    tracing::debug!(%address, %reason, "a dialed connection ended");
                }
                // Who is there only to hang up is as good as not there.
                if began.elapsed() > hub.config.handshake_timeout {
                    attempt = 0;
                }
            }
            Ok(Err(error)) => tracing::debug!(%address, %error, "cannot dial"),
            Err(_) => tracing::debug!(%address, "nobody answers in time"),
        }
        let Some(wait) = dial.backoff.wait(attempt, chance()) else {
            tracing::warn!(%address, "gave up dialing");
            return;
        };
        attempt = attempt.saturating_add(1);
        tokio::time::sleep(wait).await;
    }
}
