//! How a server is put together.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use socket2::SockRef;
use tower_service::Service;

use super::dial::Dial;
use super::http::{BoxError, Fallback, HealthPlan, RequestBody, Resource};
use super::listen::Listen;
use super::listening::ConfigureSocket;
use crate::authentication::{Authenticator, Gate};
use crate::config::DuplicateIdentity;
use crate::connection_options::{ConnectionOptions, common_settings, limits};
use crate::error::{Error, StartProblem};
use crate::handler::{AppKey, HandlerEntry, Link, Side, TableBuilder};
use crate::objects::graph::ProxyRule;
use crate::test_clients::TestClients;
use crate::transport::ServerSecrets;
#[cfg(feature = "tls")]
use crate::transport::TlsServer;
#[cfg(feature = "noise")]
use crate::transport::noise::NoiseServer;
use crate::wall_clock::WallClock;

/// The default time-out of calls to clients.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Configures a server; see [`Server::builder`](crate::Server::builder).
#[must_use = "a server is made by `.build()`, and served by `.run()`"]
pub struct ServerBuilder {
    pub(super) listen: Vec<Listen>,
    pub(super) secrets: ServerSecrets,
    pub(super) options: ConnectionOptions,
    pub(super) app: AppKey,
    pub(super) configure: Vec<ConfigureSocket>,
    /// The one that is always there, then those that were added.
    pub(super) resources: Vec<Resource>,
    pub(super) fallback: Option<Fallback>,
    pub(super) health: HealthPlan,
    pub(super) gate: Option<Gate>,
    pub(super) allows_anonymous: bool,
    pub(super) proxies: Vec<Arc<dyn ProxyRule>>,
    /// The problems of the settings so far.
    pub(super) problems: Vec<StartProblem>,
    pub(super) dials: Vec<Dial>,
    pub(super) grace: Duration,
}

impl std::fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerBuilder").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Default for ServerBuilder {
    fn default() -> Self {
        let mut options = ConnectionOptions::new(Side::Server);
        options.config.call_timeout = Some(CALL_TIMEOUT);
        Self {
            listen: Vec::new(),
            secrets: ServerSecrets::default(),
            options,
            app: AppKey::of::<()>(),
            configure: Vec::new(),
            resources: vec![Resource::socket_io("/socket.io/")],
            fallback: None,
            health: HealthPlan::default(),
            gate: None,
            allows_anonymous: false,
            proxies: Vec::new(),
            problems: Vec::new(),
            dials: Vec::new(),
            grace: Duration::from_secs(10),
        }
    }
}

common_settings!(ServerBuilder);

impl ServerBuilder {
    /// Listens at an address: `host:port`, `tcp://`, `tls://`, `noise://`, `unix:`, `mem:name` as text, an
    /// [`Address`](crate::transport::Address), a [`SocketAddr`](std::net::SocketAddr), or a listener of `std` or tokio.
    /// Can be called several times.
    ///
    /// With port 0 the system chooses a port; [`Server::addresses`](crate::Server::addresses) returns it. For a name
    /// such as `localhost`, the server listens at each address of the name (`::1` and `127.0.0.1`), on the same port.
    pub fn listen(mut self, address: impl Into<Listen>) -> Self {
        self.listen.push(address.into());
        self
    }

    /// Sets the server's certificate for `tls://` addresses, and which client certificates it requires there.
    /// Native clients, HTTPS and secure WebSockets share such an address.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: TlsServer) -> Self {
        self.secrets.tls = Some(tls);
        self
    }

    /// Sets the server's key for `noise://` addresses, and which clients may connect there.
    #[cfg(feature = "noise")]
    pub fn noise(mut self, noise: NoiseServer) -> Self {
        self.secrets.noise = Some(noise);
        self
    }

    /// Serves the handlers of an app, `#[on(app = Admin)]`, instead of those without an app.
    pub fn app<A: 'static>(mut self) -> Self {
        let app = AppKey::of::<A>();
        self.app = app;
        self.options = self.options.table(|table| table.app(app));
        self
    }

    /// Serves only the handlers of this namespace; can be called several times.
    pub fn only_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.options = self.options.table(|table| table.only_namespace(namespace));
        self
    }

    /// Serves only the handlers that are methods of `S`.
    pub fn only_service<S: 'static>(mut self) -> Self {
        self.options = self.options.table(TableBuilder::only_service::<S>);
        self
    }

    /// Requires a crate to have handlers in the program; `run!("..", link = [..])` does this and links it.
    pub fn link(mut self, crate_name: &'static str) -> Self {
        self.options = self.options.table(|table| table.link(Link { crate_name }));
        self
    }

    /// Calls `configure` for each socket before it listens, after the `#[configure_socket]` functions.
    pub fn configure_socket(
        mut self,
        configure: impl Fn(&SockRef<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.configure.push(Box::new(configure));
        self
    }

    /// Replaces the resource for Socket.IO clients at `/socket.io/`.
    pub fn socket_io(mut self, change: impl FnOnce(Resource) -> Resource) -> Self {
        let resource = self.resources.remove(0);
        self.resources.insert(0, change(resource));
        self
    }

    /// Serves another resource on the same addresses.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resources.push(resource);
        self
    }

    /// Answers all other HTTP requests with this service, such as an axum router. Without it the answer is 404.
    /// The extensions of each request contain the [`Server`](crate::Server), the peer's
    /// [`PeerAddress`](crate::PeerAddress), with the feature `axum` its `ConnectInfo<SocketAddr>`, and at encrypted
    /// addresses its [`Security`](crate::Security).
    ///
    /// ```
    /// use axum::Extension;
    /// use axum::routing::get;
    /// use jidda::Server;
    ///
    /// let router = axum::Router::new()
    ///     .route("/count", get(async |Extension(server): Extension<Server>| server.count().to_string()));
    /// let builder = Server::builder().http_fallback(router);
    /// # let _ = builder;
    /// ```
    pub fn http_fallback<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.fallback = Some(Fallback::new(service));
        self
    }

    /// Adds two HTTP paths for health checks: the first one for liveness, the second one for readiness.
    ///
    /// The liveness path returns 200 while the process serves. The readiness path returns 200, or 503 while the server
    /// [shuts down](crate::Server::shutdown) or one of its [checks](Self::ready_check) fails. Both responses are JSON,
    /// `{"status": "ready", "checks": {"database": {"ok": true}}}`, and are not cached. The fallback does not receive
    /// these requests.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use jidda::{Result, Server};
    /// # async fn ping() -> std::io::Result<()> { Ok(()) }
    /// let builder = Server::builder()
    ///     .health("/healthz", "/readyz")
    ///     .ready_check("database", || async { ping().await })
    ///     .ready_timeout(Duration::from_secs(1));
    /// ```
    pub fn health(mut self, alive: impl Into<String>, ready: impl Into<String>) -> Self {
        self.health.paths = Some((alive.into(), ready.into()));
        self
    }

    /// Adds a readiness check.
    ///
    /// Checks run concurrently when the readiness path is requested, but at most once a second. As with handlers, the
    /// text of an internal error is not sent to the requester; it is reported under an id.
    pub fn ready_check<F, E>(
        mut self,
        name: impl Into<String>,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        self.health.check(name.into(), check);
        self
    }

    /// Sets the time-out of each check, at least a millisecond. Default: 2 s.
    pub fn ready_timeout(mut self, limit: Duration) -> Self {
        self.health.limit = limit;
        self
    }

    /// Authenticates each peer before any handler runs for it; a peer without a valid identity is refused as
    /// `unauthenticated`. Handlers borrow the result as `identity: &Identity`. See [`Authenticator`].
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.gate = Some(Gate::new(authenticator));
        self
    }

    /// Accepts peers that send no credentials, without an identity. Peers with wrong credentials are still refused.
    pub fn allow_anonymous(mut self) -> Self {
        self.allows_anonymous = true;
        self
    }

    // `Duration::MAX` and `usize::MAX` stand for no limit; what nothing could keep is an error at start.
    limits! {
        /// How many namespaces one connection may join. Default: 64.
        max_namespaces: usize;
        /// How many rooms the sockets of one connection may be in, all namespaces together. Default: 1024.
        max_rooms: usize;
        /// How many bytes the name of a room, a namespace or an identity may have. Default: 1024.
        max_name: usize;
        /// How many connections there may be at once, at all addresses and on all wires; polling sessions have a second
        /// limit of the same size. Beyond that, a connection that has sent nothing yet is evicted; if there is none,
        /// the new one is refused: HTTP with 503 and `Retry-After`, native peers with `$/close`, encrypted ones by
        /// closing. Default: only the limits of the system.
        max_connections: usize;
        /// How many connections may be from one address; for IPv6, from one /64 network. A proxy in front of the server
        /// is one address; local peers without an address are not counted. Default: no limit.
        max_connections_per_address: usize;
        /// How many connections may be pending at once: in the handshake of an encrypted address, or before their first
        /// byte. Beyond that, one of the address that has most of them is evicted, first those that have sent nothing.
        /// Default: 16,384, of which 1024 in a handshake that has begun.
        max_pending: usize;
        /// How long a new connection may take for its first complete message, or for the head of its first HTTP
        /// request, and before that for the handshake of an encrypted address. Default: 10 s.
        handshake_timeout: Duration;
        /// How long an HTTP connection may be idle between two requests, the head of the next one included. Default:
        /// 75 s. It has to be longer than proxies keep idle connections to this server (nginx: 60 s), otherwise they
        /// may send a request into a connection that is being closed.
        http_idle_timeout: Duration;
        /// How long a Socket.IO client may take to join a namespace. Default: 45 s.
        connect_timeout: Duration;
        /// How many binary attachments one event of a Socket.IO client may have. Default: 10.
        max_attachments: usize;
        /// How long a peer of plain MessagePack-RPC, which has no heartbeat, may be idle: it sends nothing, receives
        /// nothing, and no call of either side is running. Default: 10 min.
        plain_idle_timeout: Duration;
        /// How long a TCP connection may be silent before the system sends keep-alive probes; the peer has the same
        /// time again to answer. Zero disables the probes. A `configure_socket` function can override this. Default:
        /// 60 s.
        tcp_keepalive: Duration;
        /// How long the body of a request to the [HTTP fallback](Self::http_fallback) may be silent. Default: 30 s.
        body_timeout: Duration;
        /// How long before its credentials expire a peer is notified. Zero disables that. Default: 30 s.
        expiry_notice: Duration;
        /// How long the session of a native client is kept for its reconnect, with its values. Default: 60 s.
        session_linger: Duration;
        /// The maximum number of such sessions. Beyond that the oldest session of the owner that has most of them is
        /// evicted, those of peers without an identity first. Default: 10,000.
        max_lingering_sessions: usize;
    }

    /// Sets what happens if an identity connects while it is already connected. Default: both stay connected.
    pub fn duplicate_identity(mut self, policy: DuplicateIdentity) -> Self {
        self.options.config.duplicate_identity = policy;
        self
    }

    /// Sets how long [`run`](Self::run) and [`serve`](crate::Server::serve) wait for running calls after a signal.
    /// Default: 10 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Connects to a client that listens, as if the client had connected to the server: for servers that cannot be
    /// reached from outside. Can be called several times, with or without [`listen`](Self::listen).
    ///
    /// The client uses [`ClientBuilder::listen`](crate::ClientBuilder::listen). The server reconnects after a loss
    /// until it stops.
    pub fn dial(mut self, to: impl Into<Dial>) -> Self {
        self.dials.push(to.into());
        self
    }

    /// Makes it the server of a test: it serves only what is named, and takes the identities that the test chose for
    /// its clients.
    pub(crate) fn for_test(
        mut self,
        handlers: Vec<&'static HandlerEntry>,
        clients: Arc<TestClients>,
        identities: impl Authenticator,
    ) -> Self {
        self.options = self.options.table(|table| table.only_named(handlers));
        self.options.policies.test_clients = Some(clients);
        self.gate = Some(match self.gate.take() {
            Some(gate) => gate.preceded_by(identities),
            None => {
                self.allows_anonymous = true;
                Gate::new(identities)
            }
        });
        self
    }

    /// Compares the expiry of credentials with this clock.
    pub(crate) fn wall_clock(mut self, clock: WallClock) -> Self {
        self.options.policies.wall_clock = clock;
        self
    }
}
