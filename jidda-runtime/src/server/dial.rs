//! Connections that a server opens itself, to clients that listen.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::driver::Driver;
use crate::foreign::printable;
use crate::objects::{Connection, Hub};
use crate::reason::DisconnectReason;
use crate::reconnect::{Backoff, ClientEvent, Departure, Keeper, Kept, Policy, Role, Serving, Setback};
#[cfg(feature = "tls")]
use crate::transport::TlsClient;
#[cfg(feature = "noise")]
use crate::transport::noise::NoiseClient;
use crate::transport::{Address, AddressError, ClientSecrets, Stream};

/// An address that a server connects to by itself, to serve the peer that listens there: see
/// [`ServerBuilder::dial`](crate::ServerBuilder::dial).
///
/// ```
/// use std::time::Duration;
/// use jidda::client::Backoff;
/// use jidda::server::Dial;
///
/// let dial = Dial::to("tcp://10.0.0.9:7000").reconnect(Backoff::default().limit(Duration::from_secs(60)));
/// # let _ = dial;
/// ```
#[derive(Clone, Debug)]
pub struct Dial {
    pub(super) address: String,
    secrets: ClientSecrets,
    backoff: Backoff,
}

impl Dial {
    /// A listening client's address, such as `tcp://host:port`.
    pub fn to(address: impl Into<String>) -> Self {
        Self { address: address.into(), secrets: ClientSecrets::default(), backoff: Backoff::default() }
    }

    /// The roots that the server trusts at a `tls://` address, and its own certificate. Without it, it trusts the roots
    /// of the system.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: TlsClient) -> Self {
        self.secrets.tls = Some(tls);
        self
    }

    /// The keys that the server trusts at a `noise://` address, and its own key.
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

/// Why a server cannot connect to a client that listens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The address cannot be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// What protects the address is missing, or the back-off is out of its bounds.
    #[error("{0}")]
    Invalid(String),
}

impl Dial {
    /// # Errors
    ///
    /// What keeps it from being dialed.
    pub(super) fn check(self) -> Result<CheckedDial, DialError> {
        let address: Address = self.address.parse()?;
        if let Some(problem) = self.secrets.problem(&address) {
            return Err(DialError::Invalid(problem));
        }
        if let Some(problem) = self.backoff.problem() {
            return Err(DialError::Invalid(problem.to_string()));
        }
        Ok(CheckedDial { address, secrets: self.secrets, backoff: self.backoff })
    }
}

/// An address that can be dialed.
pub(super) struct CheckedDial {
    address: Address,
    secrets: ClientSecrets,
    backoff: Backoff,
}

impl CheckedDial {
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Keeps a connection there. It ends when the server stops; a connection that is open then is drained with the
    /// others.
    pub(super) fn keep(
        self,
        hub: &Arc<Hub>,
        stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let policy = Policy { role: Role::Dials, backoff: Some(self.backoff), is_patient: true };
        let dialed = Dialed { address: self.address, secrets: self.secrets, hub: Arc::clone(hub), stopping };
        Keeper::new(policy, dialed).run()
    }
}

/// A connection that a server dials, for its keeper.
struct Dialed {
    address: Address,
    secrets: ClientSecrets,
    hub: Arc<Hub>,
    stopping: watch::Receiver<bool>,
}

impl Dialed {
    async fn stopped(stopping: &watch::Receiver<bool>) -> DisconnectReason {
        // An error means that the server was dropped.
        let _ = stopping.clone().wait_for(|stopping| *stopping).await;
        DisconnectReason::ServerShuttingDown
    }
}

impl Kept for Dialed {
    type Error = io::Error;

    async fn open(&self) -> io::Result<Serving> {
        let connecting = Stream::connect(&self.address, &self.secrets);
        let (stream, security) = timeout(self.hub.config.handshake_timeout, connecting).await??;
        let (peer, medium) = self.address.peer();
        let connection = Connection::new(&self.hub, peer, medium, security.map(Box::new));
        // A task of its own: it outlives the keeper when the server stops.
        let driver = tokio::spawn(Driver::new(connection, stream));
        let stopping = self.stopping.clone();
        let serving = async move {
            tokio::select! {
                reason = driver => {
                    Departure { reason: reason.unwrap_or(DisconnectReason::TransportError), returns: true }
                }
                reason = Self::stopped(&stopping) => Departure { reason, returns: false },
            }
        };
        Ok(serving.boxed())
    }

    /// It is for the client to say hello: the server has nothing to wait for.
    async fn introduce(&self) -> io::Result<()> {
        Ok(())
    }

    async fn attend(&self) -> Infallible {
        pending().await
    }

    async fn ending(&self) -> DisconnectReason {
        Self::stopped(&self.stopping).await
    }

    /// It is drained with the others.
    fn hang_up(&self, _: DisconnectReason) {}

    fn setback(&self, error: &io::Error) -> Setback {
        tracing::debug!(address = %self.address, error = %printable(error), "cannot dial");
        Setback::Passing
    }

    fn show(&self, event: ClientEvent) {
        let address = &self.address;
        match event {
            ClientEvent::GaveUp => tracing::warn!(%address, "gave up dialing"),
            event => tracing::debug!(%address, ?event, "a dialed connection changed"),
        }
    }

    fn finish(&self, _: &DisconnectReason, _: Option<io::Error>) {}
}
