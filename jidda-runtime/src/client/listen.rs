//! Clients that are connected to: the server dials.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::builder::{ClientBuilder, Ready};
use super::error::ConnectError;
use super::handle::Client;
use super::source::Source;
use crate::error::{StartError, StartProblem};
use crate::transport::{Address, KeepAlive, Listener};

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
    /// Listens at the address instead of connecting to it, for a server that [dials](crate::ServerBuilder::dial). Which
    /// side opened the connection makes no other difference: the server has the `server` handlers, this the client's,
    /// and when the server reconnects after a loss, the namespaces are joined again.
    ///
    /// The client takes every peer that connects for the server, and sends it the client's credentials. Where
    /// strangers can connect, listen at a `tls://` address that requires certificates, or at a `noise://` address with
    /// known keys. If a server refuses the client, the client closes that connection and waits for the next one.
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
