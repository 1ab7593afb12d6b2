//! Servers: built, listening, accepting, draining.

mod accept;
mod admission;
mod apps;
mod builder;
mod dial;
mod handshakes;
mod http;
mod lobby;
mod pending;
mod presence;
mod proxy;
mod refusal;
mod run;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use builder::ServerBuilder;
pub use dial::{Dial, DialError};
pub use http::{
    Cookie, Cors, HttpBody, HttpService, Origins, RequestBody, RequestBodyError, Resource, SameSite,
    Transport,
};
pub use presence::Presence;
pub use proxy::Proxy;
pub use run::run;

use crate::error::{Error, SendError};
use crate::handler::{Context, FromConnection, State, Table};
use crate::hub::{BroadcastCall, Selection};
use crate::objects::Hub;
use crate::room::Target;
use crate::socket::Socket;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;
use crate::transport::Address;
use apps::Apps;
use http::{Front, Http};
use lobby::Lobby;

/// How long connections that were told to close at once may take for it.
const LAST_CALL: Duration = Duration::from_secs(5);
/// How long the responses to requests may take then.
const LAST_RESPONSE: Duration = Duration::from_millis(500);

/// A running server. Cheap to clone; also an extractor, `server: &Server`.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
    /// The place of the app that this handle is for.
    app: usize,
}

struct Inner {
    apps: Apps,
    addresses: Vec<Address>,
    /// `true` once the server accepts no more.
    stopping: watch::Sender<bool>,
    accepting: Mutex<JoinSet<()>>,
    http: Arc<Http>,
    front: Arc<Front>,
    lobby: Arc<Lobby>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.inner.addresses).finish_non_exhaustive()
    }
}

impl Server {
    /// Builds a server from all handlers linked into the program, or from some of them.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.inner.apps.all()[self.app].hub
    }

    /// The same server, for another app: those connected to its resources, their rooms and handlers. `None` when no
    /// resource serves it.
    pub fn app<A: 'static>(&self) -> Option<Self> {
        let app = self.inner.apps.find(std::any::TypeId::of::<A>())?;
        Some(Self { inner: Arc::clone(&self.inner), app })
    }

    /// The resources as a `tower` service, to be mounted where another server has the port.
    pub fn http_service(&self) -> HttpService {
        HttpService::new(&self.inner.http, self)
    }

    /// Where it listens, with the ports that the system chose; at a name each address of it.
    pub fn addresses(&self) -> &[Address] {
        &self.inner.addresses
    }

    /// The dispatch table: what is handled, to print or to test.
    pub fn handlers(&self) -> &Table {
        &self.hub().table
    }

    /// The state of type `T` that it was built with.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&State<T>> {
        self.hub().states.get(&std::any::TypeId::of::<T>())?.downcast_ref()
    }

    /// Everyone in a namespace.
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

    /// How many replies came that nobody waited for: late ones, and those of peers that make them up.
    pub fn unknown_replies(&self) -> u64 {
        self.hub().statistics.unknown_replies.load(Ordering::Relaxed)
    }

    /// How many events that wanted no reply were refused.
    pub fn refused_events(&self) -> u64 {
        self.hub().statistics.refused_events.load(Ordering::Relaxed)
    }

    /// Accepts no more, tells the peers, ends streams as `closing`, lets running calls end until `deadline` and closes what
    /// is left. Whether everything ended by itself. It returns in any case, a few seconds after the deadline at most. No
    /// connection is open then, those that came through an [`http_service`](Self::http_service) included.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the server draining, without a deadline.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        self.inner.stopping.send_replace(true);
        let mut accepting = std::mem::take(&mut *self.inner.accepting.lock());
        // Each ends by itself at its next step; what it had accepted is a connection by then.
        while accepting.join_next().await.is_some() {}
        let Inner { apps, front, lobby, http, .. } = &*self.inner;
        lobby.drain();
        apps.drain();
        let ended = async {
            apps.idle().await;
            // Clients that poll need their connections until they have heard the last of it.
            front.close().await;
            // A request that was under way until then may have opened a connection.
            apps.idle().await;
        };
        if timeout(deadline, ended).await.is_ok() {
            return true;
        }
        http.close();
        apps.close();
        if timeout(LAST_CALL, apps.idle()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        // Their responses are on their way.
        let _ = timeout(LAST_RESPONSE, front.close()).await;
        front.abort();
        false
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
        let owner: &Weak<Inner> = hub.owner.get()?.downcast_ref()?;
        let inner = owner.upgrade()?;
        let app = inner.apps.with_hub(hub)?;
        Some(Self { inner, app })
    }
}

/// A server that nobody holds any more accepts no more; its connections go on until their peers leave.
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
