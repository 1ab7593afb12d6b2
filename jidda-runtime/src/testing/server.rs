//! A server in memory, which serves only what a test names.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::client::TestClientBuilder;
use super::identities::ChosenIdentities;
use super::pair::address;
use super::socket_io_client::SocketIoBuilder;
use crate::client::{Client, ConnectError};
use crate::error::StartError;
use crate::handler::HandlerEntry;
use crate::identity::Identity;
use crate::objects::Socket;
use crate::server::{Server, ServerBuilder};
use crate::test_clients::TestClients;
use crate::wall_clock::WallClock;

/// A server in memory for a test, with clients of any identity. It dereferences to [`Server`].
///
/// It serves the handlers of the services that it was given and those that were named, and no others, whatever else is
/// linked into the test program.
///
/// ```
/// use jidda::prelude::*;
/// use jidda::testing::TestServer;
///
/// #[on]
/// async fn double(n: i64) -> i64 {
///     n * 2
/// }
///
/// #[on(allow = "admin")]
/// async fn erase() {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let server = TestServer::builder().handlers([double::handler(), erase::handler()]).start().await?;
/// let guest = server.connect().await?;
/// let admin = server.client_as("ada", ["admin"]).await?;
///
/// assert_eq!(double::call(&guest, 21).await?, 42);
/// assert_eq!(erase::call(&guest).await.unwrap_err().code(), Some("denied"));
/// erase::call(&admin).await?;
/// assert_eq!(server.count(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestServer {
    server: Server,
    address: String,
    clients: Arc<TestClients>,
    clock: WallClock,
    /// How many clients have a choice of their own.
    count: AtomicU64,
}

/// Collects what a [`TestServer`] is made of; see [`TestServer::builder`].
#[derive(Debug)]
#[must_use = "a server of a test starts with `.start()`"]
pub struct TestServerBuilder {
    handlers: Vec<&'static HandlerEntry>,
    builder: ServerBuilder,
}

impl TestServerBuilder {
    /// Serves the handlers that are methods of this service.
    pub fn service<S: Send + Sync + 'static>(mut self, service: S) -> Self {
        self.builder = self.builder.service(service);
        self
    }

    /// Serves these handlers as well: `.handlers([double::handler()])`.
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = &'static HandlerEntry>) -> Self {
        self.handlers.extend(handlers);
        self
    }

    /// Provides a value that handlers borrow as `&State<T>`.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.builder = self.builder.state(value);
        self
    }

    /// Changes the rest: limits, an authenticator, an app. Identities that a test chooses for its clients are taken before
    /// the authenticator is asked; without one, clients may connect without an identity.
    pub fn configure(mut self, change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// Starts the server at an in-memory address of its own.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the handlers and settings.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the server.
    pub async fn start(self) -> Result<TestServer, StartError> {
        let (address, clients, clock) = (address(), Arc::default(), WallClock::tokio());
        let identities = ChosenIdentities(Arc::clone(&clients));
        let builder = self.builder.for_test(self.handlers, Arc::clone(&clients), identities);
        let server = builder.wall_clock(clock).listen(address.clone()).start().await?;
        Ok(TestServer { server, address, clients, clock, count: AtomicU64::new(0) })
    }
}

impl TestServer {
    /// Builds a server that serves only what is named.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder { handlers: Vec::new(), builder: Server::builder() }
    }

    /// Starts a server that serves the handlers of one service.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the handlers.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the server.
    pub async fn start<S: Send + Sync + 'static>(service: S) -> Result<Self, StartError> {
        Self::builder().service(service).start().await
    }

    /// The address, for a [`Client::builder`] of the test's own.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Connects a client without an identity; each call connects another one.
    ///
    /// # Errors
    ///
    /// Why the server refused the client.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        self.client().connect().await
    }

    /// Connects a client with an identity and permissions.
    ///
    /// # Errors
    ///
    /// Why the server refused the client.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn client_as<P: Into<Box<str>>>(
        &self,
        name: &str,
        permissions: impl IntoIterator<Item = P>,
    ) -> Result<Client, ConnectError> {
        self.client().identity(Identity::new(name).with_permissions(permissions)).connect().await
    }

    /// Builds a client with an identity and a handshake of the test's choice.
    pub fn client(&self) -> TestClientBuilder {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        TestClientBuilder::new(format!("{}#{number}", self.address), Arc::clone(&self.clients))
    }

    /// Builds a Socket.IO client with an identity and a handshake of the test's choice.
    pub fn socket_io(&self) -> SocketIoBuilder {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}#{number}", self.address.trim_start_matches("mem:"));
        SocketIoBuilder::new(self.server.http_service(), name, Arc::clone(&self.clients))
    }

    /// The server's socket of a client in the root namespace, for calling a handler directly, for
    /// [`Recorder::of`](super::Recorder::of), and for [`Socket::of`](crate::Socket::of), which gives the same client's socket
    /// in another namespace.
    ///
    /// # Panics
    ///
    /// When the client is not in the root namespace of this server.
    #[track_caller]
    pub fn socket(&self, client: &Client) -> Socket {
        let id = client.root().id();
        let found = self.server.sockets().into_iter().find(|socket| socket.id() == id);
        found.expect("the client is in the root namespace of this server")
    }

    /// The time that the expiry of credentials is compared with: it advances as tokio's clock does.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use jidda::auth::Identity;
    /// use jidda::socket::DisconnectReason;
    /// use jidda::testing::TestServer;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> jidda::Result<()> {
    /// let server = TestServer::builder().start().await?;
    /// let expiry = server.now() + Duration::from_secs(3600);
    /// let ada = server.client().identity(Identity::new("ada").with_expiry(expiry)).connect().await?;
    /// let socket = server.socket(&ada);
    ///
    /// assert_eq!(socket.closed().await, DisconnectReason::CredentialsExpired);
    /// assert!(server.now() >= expiry);
    /// # Ok(())
    /// # }
    /// ```
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

impl Deref for TestServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
