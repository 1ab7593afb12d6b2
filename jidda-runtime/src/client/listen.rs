//! Clients that are connected to: the server dials.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::builder::{ClientBuilder, Ready};
use super::{Client, ConnectError};
use crate::error::{StartError, StartProblem};
use crate::reconnect::Role;
use crate::transport::{Address, ClientSecrets, Incoming, KeepAlive, Listener, Stream};

/// Where a client's streams come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// It connects.
    Dial(Address, ClientSecrets),
    /// It is connected to. Its connections take turns in waiting.
    Accept(Address, Arc<Mutex<Listener>>),
}

impl Source {
    pub(super) fn address(&self) -> &Address {
        match self {
            Self::Dial(address, _) | Self::Accept(address, _) => address,
        }
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Self::Dial(..) => Role::Dials,
            Self::Accept(..) => Role::Listens,
        }
    }

    /// The next stream. `limit` is how long the handshake of one that came may take.
    pub(super) async fn stream(&self, limit: Duration) -> io::Result<Stream> {
        match self {
            Self::Dial(address, secrets) => Ok(Stream::connect(address, secrets).await?.0),
            Self::Accept(_, listener) => {
                // Others may wait for theirs while this one's handshake goes on.
                let (incoming, _) = listener.lock().await.accept().await?;
                match incoming {
                    Incoming::Clear(stream) => Ok(stream),
                    Incoming::Encrypted(handshaking) => Ok(timeout(limit, handshaking.finish()).await??.0),
                }
            }
        }
    }
}

/// A client that listens, and that no server has connected to yet; see [`ClientBuilder::listen`].
#[must_use = "a client is there once a server has connected: `.connected().await`"]
pub struct ListeningClient {
    /// There is at least one.
    addresses: Vec<Address>,
    ready: Ready,
}

impl fmt::Debug for ListeningClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListeningClient").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl ListeningClient {
    /// Where it listens, with the port that the system chose: the first of the [addresses](Self::addresses).
    pub fn address(&self) -> &Address {
        &self.addresses[0]
    }

    /// Where it listens: at a name at each address of this machine that the name has.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Waits until a server has connected, as many times as the client is to have connections, and let it into the
    /// root namespace.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Refused`] by the server.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the client up.
    pub async fn connected(self) -> Result<Client, ConnectError> {
        self.ready.await_all().await
    }
}

impl ClientBuilder {
    /// Listens at the address instead of connecting to it, for a server that [dials](crate::ServerBuilder::dial). Who
    /// connected to whom makes no other difference: the server has the `server` handlers, this the client's, and when the
    /// server comes back after a loss, the namespaces are joined again.
    ///
    /// Whoever connects is taken for the server, and shown the client's credentials: listen at a `tls://` address that asks
    /// for certificates, or at a `noise://` one for known keys, wherever strangers may come. One that refuses the client is
    /// sent away, and the next one waited for.
    ///
    /// ```no_run
    /// use jidda::{Client, Server};
    ///
    /// # async fn example() -> jidda::Result<()> {
    /// let listening = Client::builder("127.0.0.1:0").listen().await?;
    /// let server = Server::builder().dial(listening.address().to_string()).start().await?;
    /// let client = listening.connected().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError::Address`], [`ConnectError::Invalid`], and [`ConnectError::Io`] when it cannot listen there.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the client up.
    pub async fn listen(self) -> Result<ListeningClient, ConnectError> {
        let address: Address = self.address.parse()?;
        let cannot = |source| ConnectError::Io { address: address.to_string(), source };
        if let Some(problem) = self.server_secrets.problem(std::slice::from_ref(&address), "_server") {
            return Err(StartError::new("client", vec![StartProblem::Encryption { message: problem }]).into());
        }
        let listener = Listener::bind(&address, &|_| Ok(()), &self.server_secrets, KeepAlive::default());
        let listener = listener.await.map_err(cannot)?;
        let addresses = listener.addresses().map_err(cannot)?;
        let source = Source::Accept(addresses[0].clone(), Arc::new(Mutex::new(listener)));
        Ok(ListeningClient { addresses, ready: self.start(source)? })
    }
}
