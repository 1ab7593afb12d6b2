//! How a client is put together.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, oneshot};
use tokio_util::task::TaskTracker;

use super::connecting::Connecting;
use super::credentials::Credentials;
use super::dialect::Dialect;
use super::error::ConnectError;
use super::handle::{Client, Inner};
use super::source::{Dial, Source};
#[cfg(feature = "web-client")]
use super::web::WebOptions;
use crate::config::{Config, too_short};
use crate::connection_options::{ConnectionOptions, common_settings};
use crate::deadline;
use crate::error::{Error, StartError, StartProblem};
use crate::handler::{AppKey, Side};
use crate::objects::{Connection, Hub};
use crate::payload::{CodecError, Encoding, Payload};
use crate::reconnect::{Backoff, Keeper, Policy};
use crate::sync::Mutex;
#[cfg(feature = "web-client")]
use crate::sync::atomic::Ordering;
#[cfg(feature = "noise")]
use crate::transport::noise::{NoiseClient, NoiseServer};
use crate::transport::{Address, ClientSecrets, ServerSecrets};
#[cfg(feature = "tls")]
use crate::transport::{TlsClient, TlsServer};
#[cfg(feature = "web-client")]
use crate::wire::engine_io::Version;

/// How many connections a client may have: a system has no more ports for one address.
const MOST_CONNECTIONS: usize = 65_535;

/// What happens to events that are sent while a client has no connection. Calls always fail at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfflinePolicy {
    /// They wait, up to the size of the outbox, and are sent once the namespace is joined again. What cannot be sent then,
    /// since the server takes smaller messages than before or the client has ended, is shown to
    /// [`Socket::on_refused`](crate::Socket::on_refused), one event at a time.
    #[default]
    Buffer,
    /// They fail with [`SendError::NotConnected`](crate::SendError::NotConnected).
    Reject,
}

/// Collects what a client is made of; see [`Client::builder`].
#[must_use = "a client connects with `.connect()`"]
pub struct ClientBuilder {
    pub(super) address: String,
    fallbacks: Vec<String>,
    pub(super) secrets: ClientSecrets,
    /// For one that listens.
    pub(super) server_secrets: ServerSecrets,
    /// How servers of the web are reached.
    #[cfg(feature = "web-client")]
    pub(super) web: WebOptions,
    /// What is wrong with what it was given.
    pub(super) problems: Vec<StartProblem>,
    options: ConnectionOptions,
    connections: usize,
    backoff: Option<Backoff>,
    is_patient: bool,
    offline_policy: OfflinePolicy,
    connect_timeout: Duration,
    auth: Result<Option<Payload>, CodecError>,
    credentials: Result<Credentials, CodecError>,
    joins_root: bool,
    /// How Socket.IO is spoken, where it is.
    pub(super) dialect: Dialect,
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder").field("address", &self.address).finish_non_exhaustive()
    }
}

common_settings!(ClientBuilder);

impl ClientBuilder {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            fallbacks: Vec::new(),
            secrets: ClientSecrets::default(),
            server_secrets: ServerSecrets::default(),
            #[cfg(feature = "web-client")]
            web: WebOptions::default(),
            problems: Vec::new(),
            options: ConnectionOptions::new(Side::Client),
            connections: 1,
            backoff: Some(Backoff::default()),
            is_patient: false,
            offline_policy: OfflinePolicy::default(),
            connect_timeout: Duration::from_secs(20),
            auth: Ok(None),
            credentials: Ok(Credentials::default()),
            joins_root: true,
            dialect: Dialect::default(),
        }
    }

    /// Adds an address that is tried when those before it lead to no connection: another server, or another way to the same
    /// one. The one that worked is tried first when the connection is made again. Each has an equal part of the
    /// [time to connect](Self::connect_timeout).
    ///
    /// ```
    /// # use jidda::Client;
    /// // By TCP, and through proxies that pass only HTTP where that is not possible.
    /// let builder = Client::builder("tls://chat.example.com:8443")
    ///     .fallback_address("wss+native://chat.example.com/socket.io/");
    /// # let _ = builder;
    /// ```
    pub fn fallback_address(mut self, address: impl Into<String>) -> Self {
        self.fallbacks.push(address.into());
        self
    }

    /// The roots that the client trusts at a `tls://`, `https://`, `wss://` or `wss+native://` address, and its own certificate.
    /// Without it, it trusts the roots of the system.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: TlsClient) -> Self {
        self.secrets.tls = Some(tls);
        self
    }

    /// What a client that [listens](Self::listen) at a `tls://` address proves itself with.
    #[cfg(feature = "tls")]
    pub fn tls_server(mut self, tls: TlsServer) -> Self {
        self.server_secrets.tls = Some(tls);
        self
    }

    /// The keys that the client trusts at a `noise://` address, and its own key.
    #[cfg(feature = "noise")]
    pub fn noise(mut self, noise: NoiseClient) -> Self {
        self.secrets.noise = Some(noise);
        self
    }

    /// The own key of a client that [listens](Self::listen) at a `noise://` address, and the servers that may connect.
    #[cfg(feature = "noise")]
    pub fn noise_server(mut self, noise: NoiseServer) -> Self {
        self.server_secrets.noise = Some(noise);
        self
    }

    /// Runs the `side = client` handlers of an app instead of those of none.
    pub fn app<A: 'static>(mut self) -> Self {
        self.options = self.options.table(|table| table.app(AppKey::of::<A>()));
        self
    }

    /// Runs only the handlers of the services that it is given, for a test.
    #[cfg(feature = "server")]
    pub(crate) fn only_services(mut self) -> Self {
        self.options = self.options.table(|table| table.only_named(Vec::new()));
        self
    }

    /// The auth value for the root namespace.
    pub fn auth<A: Serialize>(mut self, auth: &A) -> Self {
        self.auth = Payload::encode(auth, Encoding::MessagePack).map(Some);
        self
    }

    /// The credentials that authenticate the client at each connection: a token, a map with `user` and `password`,
    /// whatever the server's [`Authenticator`](crate::Authenticator) reads.
    pub fn credentials<A: Serialize + ?Sized>(mut self, credentials: &A) -> Self {
        self.credentials = self.credentials.and_then(|mut own| {
            own.fix(Payload::encode(credentials, Encoding::MessagePack)?);
            Ok(own)
        });
        self
    }

    /// Calls a closure for the credentials at each connection, and whenever the server announces that they are about to
    /// expire: for tokens that do not last. Any error may be raised in the closure by `?`.
    ///
    /// ```
    /// # use jidda::Client;
    /// # async fn fresh_token() -> std::io::Result<String> { Ok(String::new()) }
    /// let builder = Client::builder("127.0.0.1:8000").credentials_with(async || Ok(fresh_token().await?));
    /// # let _ = builder;
    /// ```
    pub fn credentials_with<V, O>(mut self, ask: impl Fn() -> O + Send + Sync + 'static) -> Self
    where
        V: Serialize,
        O: Future<Output = Result<V, Error>> + Send + 'static,
    {
        if let Ok(credentials) = &mut self.credentials {
            credentials.ask(ask);
        }
        self
    }

    /// Who this is: a claim, which the server takes as it is only where it trusts its peers, and which the
    /// credentials have to prove elsewhere.
    pub fn identity(mut self, name: impl Into<Arc<str>>) -> Self {
        if let Ok(credentials) = &mut self.credentials {
            credentials.identity = Some(name.into());
        }
        self
    }

    /// Does not join the root namespace.
    pub fn without_root(mut self) -> Self {
        self.joins_root = false;
        self
    }

    /// Opens several connections; each joins the namespaces and runs `connect` handlers of its own. Default: 1; at most
    /// 65,535, which is how many ports there are.
    ///
    /// What is sent by a socket stays in order. [`Client::of`] gives the sockets of the connections in turn: keep the
    /// one it gave for what has to stay in order. A [`Proxy`](crate::Proxy) does so for each of its callers.
    pub fn connections(mut self, count: usize) -> Self {
        self.connections = count;
        self
    }

    /// How a lost connection is made again. Default: [`Backoff::default`], for ever.
    pub fn reconnect(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// A lost connection stays lost.
    pub fn no_reconnect(mut self) -> Self {
        self.backoff = None;
        self
    }

    /// The first connection is tried like a lost one, too: the server may be started later than the client.
    pub fn wait_for_server(mut self) -> Self {
        self.is_patient = true;
        self
    }

    /// What happens to events that are sent while there is no connection.
    pub fn offline_policy(mut self, policy: OfflinePolicy) -> Self {
        self.offline_policy = policy;
        self
    }

    /// How long a connection may take, the handshake of an encrypted one included, and then its hello and its namespaces.
    /// Where a name has several addresses, each is tried 250 ms after the one before, and the first that answers is taken
    /// (RFC 8305). Default: 20 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Connects and joins the root namespace.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let mut addresses: Vec<Address> = vec![self.address.parse()?];
        for fallback in &self.fallbacks {
            addresses.push(fallback.parse()?);
        }
        if let Some(message) = addresses.iter().find_map(|address| self.secrets.problem(address)) {
            return Err(StartError::new("client", vec![StartProblem::Encryption { message }]).into());
        }
        if !addresses.iter().all(|address| address.is_socket_io() == addresses[0].is_socket_io()) {
            let rule =
                "all addresses of a client are those of Socket.IO, or all those of the native protocol";
            let problem = StartProblem::setting("fallback_address", &self.fallbacks, rule);
            return Err(StartError::new("client", vec![problem]).into());
        }
        let secrets = self.secrets.clone();
        #[cfg(feature = "web-client")]
        let dial = Dial::new(addresses, secrets, &self.web);
        #[cfg(not(feature = "web-client"))]
        let dial = Dial::new(addresses, secrets);
        self.start(Source::Dial(Box::new(dial)))?.await_all().await
    }

    /// Starts the tasks that make the connections.
    pub(super) fn start(self, source: Source) -> Result<Ready, ConnectError> {
        let ConnectionOptions { table, config, policies, states } = self.options;
        let table = table.build()?;
        let auth = self.auth.map_err(ConnectError::Encode)?;
        let credentials = self.credentials.map_err(ConnectError::Encode)?;
        let buffers = self.offline_policy == OfflinePolicy::Buffer;
        let mut problems = self.problems;
        problems.extend(self.backoff.iter().filter_map(Backoff::problem));
        problems.extend(too_short("connect_timeout", self.connect_timeout));
        if !(1..=MOST_CONNECTIONS).contains(&self.connections) {
            let count = self.connections;
            let rule = format!("it is from 1 to {MOST_CONNECTIONS}");
            problems.push(StartProblem::setting("connections", count, rule));
        }
        let config = match policies.settle(config) {
            Ok(config) if problems.is_empty() => config,
            settled => {
                problems.extend(settled.err().into_iter().flatten());
                return Err(StartError::new("client", problems).into());
            }
        };
        // The time to connect is watched by whoever connects; the connection's own watch only backs it up.
        let handshake_timeout = deadline::bounded(self.connect_timeout.saturating_mul(2));
        let config = Config { handshake_timeout, ..config };
        #[cfg(feature = "web-client")]
        let source = source.limited(config.max_message);
        let hub = Hub::start(Side::Client, table, config, states.share(), buffers, policies);
        let (events, _) = broadcast::channel(64);
        let policy = Policy { role: source.role(), backoff: self.backoff, is_patient: self.is_patient };
        let wire = self.dialect.wire(source.address());
        let keepers = TaskTracker::new();
        let mut connections = Vec::new();
        let mut roots = Vec::new();
        let mut ready = Vec::new();
        for _ in 0..self.connections {
            let connection = Connection::for_client(&hub, source.address(), wire);
            #[cfg(feature = "web-client")]
            if let Some(negotiated) = connection.negotiated() {
                // Events are encoded before the first connection is there.
                let is_version_3 = self.web.version == Some(Version::V3);
                negotiated.is_version_3.store(is_version_3, Ordering::Relaxed);
            }
            let root = connection.client_socket("/");
            if self.joins_root {
                root.want(auth.clone());
            }
            let (answer, answered) = oneshot::channel();
            let connecting = Connecting {
                connection: Arc::clone(&connection),
                source: source.for_connection(),
                connect_timeout: self.connect_timeout,
                events: events.clone(),
                credentials: credentials.clone(),
                ready: Mutex::new(Some(answer)),
                alert: Mutex::default(),
                root: Mutex::default(),
            };
            keepers.spawn(Keeper::new(policy.clone(), connecting).run());
            connections.push(connection);
            roots.push(root);
            ready.push(answered);
        }
        keepers.close();
        // From here on, dropping the client ends its connections.
        let inner = Inner {
            address: source.address().clone(),
            connections,
            roots,
            next: 0.into(),
            events: events.downgrade(),
            identity: credentials.identity,
            keepers,
        };
        Ok(Ready { client: Client { inner: Arc::new(inner) }, connections: ready })
    }
}

impl Client {
    /// Connects with one connection and joins the root namespace.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(address: &str) -> Result<Self, ConnectError> {
        Self::builder(address).connect().await
    }

    /// Says more about the connections before they are made.
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(address.into())
    }
}

/// A client whose connections are being made.
pub(super) struct Ready {
    client: Client,
    connections: Vec<oneshot::Receiver<Result<(), ConnectError>>>,
}

impl Ready {
    /// Waits until each is there.
    pub(super) async fn await_all(self) -> Result<Client, ConnectError> {
        let lost = |client: &Client| ConnectError::Lost { address: client.inner.address.to_string() };
        for answered in self.connections {
            answered.await.unwrap_or_else(|_| Err(lost(&self.client)))?;
        }
        Ok(self.client)
    }
}
