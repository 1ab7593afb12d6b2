//! Where a client's streams come from.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::error::ConnectError;
#[cfg(feature = "web-client")]
use super::web::{self, WebOptions};
use crate::reconnect::Role;
use crate::sync::atomic::{AtomicUsize, Ordering};
#[cfg(feature = "web-client")]
use crate::transport::WebProtocol;
use crate::transport::{Address, ClientSecrets, Incoming, Listener, Stream};

/// Where a client's streams come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// It connects.
    Dial(Box<Dial>),
    /// It is connected to. Its connections take turns in waiting.
    Accept(Address, Arc<Mutex<Listener>>),
}

/// The addresses of a server, and what is needed to connect there.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    /// Tried in this order; there is at least one.
    pub(super) addresses: Arc<[Address]>,
    #[cfg(not(feature = "web-client"))]
    secrets: ClientSecrets,
    /// How servers of the web are reached; it has the secrets for all servers.
    #[cfg(feature = "web-client")]
    pub(super) web: WebOptions,
    /// The place of the address that worked last: it is the first one the next time.
    worked: Arc<AtomicUsize>,
}

impl Dial {
    #[cfg(not(feature = "web-client"))]
    pub(super) fn new(addresses: Vec<Address>, secrets: ClientSecrets) -> Self {
        Self { addresses: addresses.into(), secrets, worked: Arc::default() }
    }

    #[cfg(feature = "web-client")]
    pub(super) fn new(addresses: Vec<Address>, secrets: ClientSecrets, web: &WebOptions) -> Self {
        let web = WebOptions { secrets, ..web.clone() };
        Self { addresses: addresses.into(), web, worked: Arc::default() }
    }

    fn secrets(&self) -> &ClientSecrets {
        #[cfg(feature = "web-client")]
        return &self.web.secrets;
        #[cfg(not(feature = "web-client"))]
        return &self.secrets;
    }

    fn address(&self) -> &Address {
        let worked = self.worked.load(Ordering::Relaxed);
        self.addresses.get(worked).unwrap_or(&self.addresses[0])
    }

    /// Tries the addresses, the one that worked last before the others, each for its part of the time.
    ///
    /// # Errors
    ///
    /// That of the last one.
    pub(super) async fn try_each<'a, T, F>(
        &'a self,
        limit: Duration,
        connect: impl Fn(&'a Address) -> F,
    ) -> Result<T, ConnectError>
    where
        F: Future<Output = Result<T, ConnectError>>,
    {
        let (count, first) = (self.addresses.len(), self.worked.load(Ordering::Relaxed));
        let part = limit / u32::try_from(count).unwrap_or(u32::MAX);
        let mut last = None;
        for place in (first..count).chain(0..first) {
            let address = &self.addresses[place];
            let late = || ConnectError::Timeout { address: address.to_string() };
            match timeout(part, connect(address)).await.unwrap_or_else(|_| Err(late())) {
                Ok(connected) => {
                    self.worked.store(place, Ordering::Relaxed);
                    return Ok(connected);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| ConnectError::Timeout { address: self.address().to_string() }))
    }

    async fn stream(&self, address: &Address) -> Result<Stream, ConnectError> {
        #[cfg(feature = "web-client")]
        if let Address::Web(address) = address
            && address.protocol() == WebProtocol::Native
        {
            return Ok(web::open_native(address, &self.web).await?.0);
        }
        let connected = Stream::connect(address, self.secrets()).await;
        let (stream, _) =
            connected.map_err(|source| ConnectError::Io { address: address.to_string(), source })?;
        Ok(stream)
    }
}

impl Source {
    /// The same for another connection of the client.
    pub(super) fn for_connection(&self) -> Self {
        match self {
            #[cfg(feature = "web-client")]
            Self::Dial(dial) => Self::Dial(Box::new(Dial {
                addresses: Arc::clone(&dial.addresses),
                web: dial.web.for_connection(),
                worked: Arc::clone(&dial.worked),
            })),
            other => other.clone(),
        }
    }

    /// Limits what a server of the web may send, too.
    #[cfg(feature = "web-client")]
    pub(super) fn limited(mut self, max_message: usize) -> Self {
        if let Self::Dial(dial) = &mut self {
            dial.web.max_message = max_message;
        }
        self
    }

    pub(super) fn address(&self) -> &Address {
        match self {
            Self::Dial(dial) => dial.address(),
            Self::Accept(address, _) => address,
        }
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Self::Dial(_) => Role::Dials,
            Self::Accept(..) => Role::Listens,
        }
    }

    /// Connects to a server of Socket.IO; `None` if that is not what is spoken there.
    #[cfg(feature = "web-client")]
    pub(super) async fn open_socket_io(&self, limit: Duration) -> Option<Result<web::Opened, ConnectError>> {
        let Self::Dial(dial) = self else { return None };
        if !dial.addresses[0].is_socket_io() {
            return None;
        }
        let opened = dial.try_each(limit, |address| async move {
            match address {
                Address::Web(address) => web::open(address, &dial.web).await,
                // All addresses of a client are of one kind.
                other => Err(ConnectError::Lost { address: other.to_string() }),
            }
        });
        Some(opened.await)
    }

    /// The next stream. `limit` is how long connecting may take, or the handshake of one that connected.
    pub(super) async fn stream(&self, limit: Duration) -> Result<Stream, ConnectError> {
        match self {
            Self::Dial(dial) => dial.try_each(limit, |address| dial.stream(address)).await,
            Self::Accept(address, listener) => {
                let failed = |source| ConnectError::Io { address: address.to_string(), source };
                // Others may wait for theirs while this one's handshake goes on.
                let (incoming, _) = listener.lock().await.accept().await.map_err(failed)?;
                match incoming {
                    Incoming::Clear(stream) => Ok(stream),
                    Incoming::Encrypted(handshaking) => {
                        let finished = timeout(limit, handshaking.finish()).await;
                        Ok(finished.map_err(|late| failed(late.into()))?.map_err(failed)?.0)
                    }
                }
            }
        }
    }
}
