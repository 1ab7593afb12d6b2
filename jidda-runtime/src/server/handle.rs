//! The handle of a server.

use std::any::TypeId;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use super::accept::accept;
use super::admission::Admission;
use super::apps::Apps;
use super::dial::{CheckedDial, Dial, DialError};
use super::http::{BoxError, Fallback, Front, Http, Limits, RequestBody};
use super::listening::Listening;
use super::lobby::Lobby;
use super::plan::Plan;
use super::refusal::Refusals;
use crate::error::StartError;
use crate::error::{Error, SendError};
use crate::handler::{Context, FromConnection, Namespaces, State, Table};
use crate::hub::{BroadcastCall, Selection};
use crate::objects::Hub;
use crate::objects::Socket;
use crate::room::Target;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;
use crate::transport::Address;

/// How long connections may take to close once they were asked to close immediately.
pub(super) const LAST_CALL: Duration = Duration::from_secs(5);
/// How long the responses to requests may take then.
pub(super) const LAST_RESPONSE: Duration = Duration::from_millis(500);

/// A server. Cheap to clone; also an extractor, `server: &Server`.
///
/// [`ServerBuilder::build`](crate::ServerBuilder::build) makes it; it accepts connections from
/// [`listen`](Self::listen) or [`serve`](Self::serve) on, and gets requests through its
/// [`http_service`](Self::http_service) from the beginning.
///
/// When the last handle is dropped, the server accepts no more connections. Existing connections stay until their peers
/// disconnect; for a graceful end call [`shutdown`](Self::shutdown).
///
/// ```
/// use jidda::{Server, StartError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StartError> {
/// let server = Server::builder().listen("mem:handle").build()?;
/// let news = server.clone();
/// tokio::spawn(async move { news.emit("news", "it is here").await });
/// server.listen().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a server whose last handle is dropped accepts no more: keep it, or `.serve().await`"]
pub struct Server {
    pub(super) inner: Arc<Inner>,
    /// The place of the app that this handle is for.
    pub(super) app: usize,
}

pub(super) struct Inner {
    pub(super) apps: Apps,
    addresses: OnceLock<Vec<Address>>,
    /// `true` once the server accepts no more.
    pub(super) stopping: watch::Sender<bool>,
    /// Cancelled when a shutdown has ended.
    pub(super) ended: CancellationToken,
    pub(super) accepting: Mutex<JoinSet<()>>,
    /// What is needed to listen, until the server does.
    pub(super) idle: tokio::sync::Mutex<Option<Idle>>,
    pub(super) http: Arc<Http>,
    front: Arc<Front>,
    lobby: Arc<Lobby>,
    refusals: Arc<Refusals>,
    pub(super) grace: Duration,
}

/// What a server has to do when it begins to listen.
pub(super) struct Idle {
    pub(super) listening: Listening,
    pub(super) dials: Vec<CheckedDial>,
}

/// Two handles are equal if they are of the same server and the same app.
impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) && self.app == other.app
    }
}

impl Eq for Server {}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

impl Server {
    /// Starts what was planned: the apps and their clocks. It does not listen yet.
    pub(super) fn launch(plan: Plan) -> Self {
        let Plan { tables, config, policies, mut states, http, fallback, listening, dials, grace } = plan;
        let inner = Arc::new_cyclic(|inner: &Weak<Inner>| {
            // For `Server::from_hub`; weak, since the hubs are part of what it points to.
            states.insert_own(inner.clone());
            let apps = Apps::start(tables, &config, &states, policies);
            let hub = apps.native();
            let (stopping, stopped) = watch::channel(false);
            let limit = || Admission::new(&config, hub);
            let (connections, sessions) = (limit(), limit());
            let limits = Limits { connections: connections.clone(), sessions };
            let http = Arc::new(Http::open(http, &apps.hubs(), limits, &stopped));
            let front = Front::new(&http, fallback, hub, &config);
            let lobby = Lobby::new(hub, &front, connections.clone());
            let refusals = Refusals::new(hub, connections);
            Inner {
                apps,
                addresses: OnceLock::new(),
                stopping,
                ended: CancellationToken::new(),
                accepting: Mutex::default(),
                idle: tokio::sync::Mutex::new(Some(Idle { listening, dials })),
                http,
                front,
                lobby,
                refusals,
                grace,
            }
        });
        let weak = Arc::downgrade(&inner);
        inner.front.extend(Box::new(move |extensions| {
            if let Some(inner) = weak.upgrade() {
                extensions.insert(Self { inner, app: 0 });
            }
        }));
        Self { inner, app: 0 }
    }

    /// Listens at the server's addresses and accepts connections, as tasks of the current runtime; it also begins to
    /// [dial](crate::ServerBuilder::dial). It does nothing for a server that listens already, or was shut down.
    ///
    /// # Errors
    ///
    /// Each address that the server cannot listen at. The server then listens nowhere, and `listen` can be called
    /// again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves a server that does not listen.
    pub async fn listen(&self) -> Result<(), StartError> {
        let inner = &*self.inner;
        let mut idle = inner.idle.lock().await;
        let Some(Idle { listening, .. }) = &*idle else { return Ok(()) };
        let hub = inner.apps.native();
        let (listeners, addresses) = listening.bind(hub).await?;
        let _ = inner.addresses.set(addresses);
        let dials = idle.take().map(|idle| idle.dials).unwrap_or_default();
        let mut accepting = inner.accepting.lock();
        for listener in listeners {
            let (lobby, refusals) = (Arc::clone(&inner.lobby), Arc::clone(&inner.refusals));
            accepting.spawn(accept(listener, Arc::clone(hub), lobby, refusals, inner.stopping.subscribe()));
        }
        for dial in dials {
            accepting.spawn(dial.keep(hub, inner.stopping.subscribe()));
        }
        Ok(())
    }

    /// Connects to a client that listens, from now on: see [`ServerBuilder::dial`](crate::ServerBuilder::dial).
    ///
    /// # Errors
    ///
    /// [`DialError`] if the address is invalid, or its key or certificate is missing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn dial(&self, to: impl Into<Dial>) -> Result<(), DialError> {
        let dialing = to.into().check()?.keep(self.hub(), self.inner.stopping.subscribe());
        self.inner.accepting.lock().spawn(dialing);
        Ok(())
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.inner.apps.all()[self.app].hub
    }

    /// Answers all other HTTP requests with this service, such as an axum router that holds the server. It replaces the
    /// one of [`ServerBuilder::http_fallback`](crate::ServerBuilder::http_fallback). A service that holds
    /// the server keeps it alive until it is [shut down](Self::shutdown), which drops the service.
    ///
    /// ```no_run
    /// use axum::extract::State;
    /// use axum::routing::get;
    /// use jidda::Server;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), jidda::StartError> {
    /// let server = Server::builder().listen("127.0.0.1:8000").build()?;
    /// let router = axum::Router::new()
    ///     .route("/count", get(async |State(server): State<Server>| server.count().to_string()))
    ///     .with_state(server.clone());
    /// server.http_fallback(router);
    /// server.serve().await
    /// # }
    /// ```
    pub fn http_fallback<S, B>(&self, service: S)
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.inner.front.replace_fallback(Fallback::new(service));
    }

    /// The same server, for another app, with its own connections, rooms and handlers. `None` if no resource serves
    /// that app.
    pub fn app<A: 'static>(&self) -> Option<Self> {
        let app = self.inner.apps.find(TypeId::of::<A>())?;
        Some(Self { inner: Arc::clone(&self.inner), app })
    }

    /// The addresses that the server listens at, with the ports that the system chose, and for a name all its
    /// addresses. Empty before the server [listens](Self::listen).
    pub fn addresses(&self) -> &[Address] {
        self.inner.addresses.get().map_or(&[], Vec::as_slice)
    }

    /// The dispatch table, to print or to test which events are handled.
    pub fn handlers(&self) -> &Table {
        &self.hub().table
    }

    /// The state of type `T` that it was built with.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&State<T>> {
        self.hub().states.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// Selects all sockets in a namespace.
    pub fn of(&self, namespace: &str) -> Selection {
        Selection::in_namespace(self.hub(), namespace, Target::default())
    }

    /// Everyone in a room of the root namespace.
    pub fn to(&self, room: impl AsRef<str>) -> Selection {
        self.of("/").to(room)
    }

    /// Everyone in the root namespace but those in a room.
    pub fn except(&self, room: impl AsRef<str>) -> Selection {
        self.of("/").except(room)
    }

    /// Every socket of an identity, in whatever namespace.
    pub fn user(&self, identity: &str) -> Selection {
        Selection::of_identity(self.hub(), identity)
    }

    /// Sends an event to everyone in the root namespace. Gives how many sockets it was handed to.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, is too large, or the name is reserved.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, only some sockets got the event.
    pub async fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<usize, SendError> {
        self.of("/").emit(event, arguments).await
    }

    /// Calls everyone in the root namespace.
    pub fn call<R>(&self, event: &str, arguments: &(impl Serialize + ?Sized)) -> BroadcastCall<R> {
        self.of("/").call(event, arguments)
    }

    /// The sockets in the root namespace.
    pub fn sockets(&self) -> Vec<Socket> {
        self.of("/").sockets()
    }

    /// How many sockets are in the root namespace.
    pub fn count(&self) -> usize {
        self.of("/").count()
    }

    /// How many replies were received that no call waited for: late ones, and those to calls that were never made.
    pub fn unknown_replies(&self) -> u64 {
        self.hub().statistics.unknown_replies.load(Ordering::Relaxed)
    }

    /// How many events that wanted no reply were refused.
    pub fn refused_events(&self) -> u64 {
        self.hub().statistics.refused_events.load(Ordering::Relaxed)
    }

    /// Accepts no more connections, notifies the peers, ends streams as `closing`, lets running calls end until
    /// `deadline` and closes what is left. Whether everything ended by itself. It returns in any case, a few seconds
    /// after the deadline at most. No connection is open then, those through an [`http_service`](Self::http_service)
    /// included.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the server draining, without a deadline.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        // Also when the future is dropped: nothing is to wait for it then.
        let _ended = self.inner.ended.clone().drop_guard();
        self.inner.stopping.send_replace(true);
        // What is about to listen does so first, and ends then.
        let _ = self.inner.idle.lock().await.take();
        let mut accepting = std::mem::take(&mut *self.inner.accepting.lock());
        // Each ends by itself at its next step; what it had accepted is a connection by then.
        while accepting.join_next().await.is_some() {}
        let Inner { apps, front, lobby, .. } = &*self.inner;
        lobby.drain();
        apps.drain();
        let ended = async {
            apps.idle().await;
            // Polling clients need their HTTP connections until they have received the last packets.
            front.close().await;
            // A request that was under way until then may have opened a connection.
            apps.idle().await;
        };
        let in_time = timeout(deadline, ended).await.is_ok();
        if !in_time {
            self.end_at_once().await;
        }
        // It may hold this server.
        front.discard_fallback();
        in_time
    }

    /// Ends what has not ended by itself.
    async fn end_at_once(&self) {
        let Inner { apps, front, http, .. } = &*self.inner;
        http.close();
        apps.close();
        if timeout(LAST_CALL, apps.idle()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        // Their responses are on their way.
        let _ = timeout(LAST_RESPONSE, front.close()).await;
        front.abort();
    }

    /// Waits until [`shutdown`](Self::shutdown) was called on any clone of this server.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn stopping(&self) {
        let mut stopping = self.inner.stopping.subscribe();
        // The sender lives as long as `self`.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    fn from_hub(hub: &Hub) -> Option<Self> {
        let inner: &Weak<Inner> = hub.states.get(&TypeId::of::<Weak<Inner>>())?.downcast_ref()?;
        let inner = inner.upgrade()?;
        let app = inner.apps.with_hub(hub)?;
        Some(Self { inner, app })
    }
}

/// A server whose last handle was dropped accepts no more; its connections go on until their peers leave.
impl Drop for Inner {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
    }
}

impl FromConnection for Server {
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        let socket =
            context.socket().ok_or_else(|| Error::new("not_connected", "there is no server here"))?;
        Self::from_hub(socket.hub()).ok_or_else(|| Error::new("closing", "the server is going down"))
    }
}

/// For the stubs of what clients handle: `ChatEventsClient::of(&server)`.
impl Namespaces for Server {
    type Selection = Selection;

    fn of(&self, namespace: &str) -> Selection {
        Server::of(self, namespace)
    }
}
