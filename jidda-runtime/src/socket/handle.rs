//! One peer in one namespace.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use crate::error::SendError;
use crate::failure::Failure;
use crate::handler::{
    Call, Context, FromConnection, NamespaceTable, Origin, Parameters, RESERVED_EVENTS, Side, Table,
};
use crate::id::{ConnectionId, SocketId};
use crate::link::backlog::Waiting;
use crate::link::shared_state::Control;
use crate::objects::Connection;
use crate::objects::socket_state::{Extra, State};
use crate::observe::report::{FailureOrigin, Place};
use crate::payload::{Encoding, Value};
use crate::peer::{Handshake, PeerAddress};
use crate::reason::DisconnectReason;
use crate::room::{RoomKey, Rooms};
use crate::socket::listeners::Listeners;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::wire::{Protocol, Wire};

/// Whether a program may not send an event of this name.
pub(crate) fn is_reserved(event: &str) -> bool {
    RESERVED_EVENTS.contains(&event) || event.starts_with("$/")
}

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Its `connect` handler has not accepted it yet; on a client, the server has not.
    Joining,
    /// Accepted; events that came before are run first.
    Replaying,
    /// Events are run as they come.
    Active,
    /// A client's socket whose connection is lost, or that never joined.
    Away,
    /// It is over.
    Closed,
}

impl Phase {
    fn from_byte(byte: u8) -> Self {
        [Self::Joining, Self::Replaying, Self::Active, Self::Away, Self::Closed][usize::from(byte)]
    }
}

pub(crate) struct SocketInner {
    pub(crate) connection: Arc<Connection>,
    /// Its name in the rooms of this process, for all its life; a server's socket shows it to the world.
    pub(crate) key: SocketId,
    table: u32,
    /// Boxed: most namespaces have none.
    parameters: Option<Box<Parameters>>,
    /// Those of its namespace.
    pub(crate) rooms: Arc<Rooms<Socket>>,
    phase: AtomicU8,
    pub(crate) has_listeners: AtomicBool,
    /// Somebody wants to see what is sent.
    pub(crate) is_watched: AtomicBool,
    pub(crate) state: Mutex<State>,
}

impl fmt::Debug for SocketInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("namespace", &self.namespace())
            .field("connection", &self.connection.id)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

impl SocketInner {
    pub(crate) fn new(connection: &Arc<Connection>, namespace: &str) -> Option<Arc<Self>> {
        let hub = &connection.hub;
        let (table, parameters) = match hub.table.find(namespace) {
            Some(found) => found,
            // A client may join what it has no handlers for.
            None if hub.side == Side::Client => (hub.table.find("/")?.0, Parameters::default()),
            None => return None,
        };
        let phase = match hub.side {
            Side::Server => Phase::Joining,
            Side::Client => Phase::Away,
        };
        let session = connection.requested();
        let parameters: Parameters = match session.map_or(&[][..], |session| &session.parameters) {
            [] => parameters,
            // What the path of the request said comes first, what the namespace says has the last word.
            request => request.iter().cloned().chain(parameters).collect(),
        };
        Some(Arc::new(Self {
            connection: Arc::clone(connection),
            key: SocketId::random(),
            rooms: hub.rooms(namespace),
            table: u32::try_from(table).expect("fewer than 4 billion namespaces"),
            parameters: (!parameters.is_empty()).then(|| Box::new(parameters)),
            phase: AtomicU8::new(phase as u8),
            has_listeners: AtomicBool::new(false),
            is_watched: AtomicBool::new(false),
            state: Mutex::default(),
        }))
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::Acquire))
    }

    /// Only while `state` is locked, so that a change and what goes with it are one.
    pub(crate) fn enter(&self, phase: Phase) -> Phase {
        Phase::from_byte(self.phase.swap(phase as u8, Ordering::AcqRel))
    }

    #[inline]
    pub(crate) fn namespace(&self) -> &str {
        self.rooms.namespace()
    }

    /// Whether it is in that namespace.
    #[inline]
    pub(crate) fn is_in(&self, namespace: &str) -> bool {
        match (self.namespace().as_bytes(), namespace.as_bytes()) {
            // The root, which most are in.
            ([own], [other]) => own == other,
            (own, other) => own == other,
        }
    }

    /// The name that both sides know it by.
    pub(crate) fn id(&self, state: &State) -> SocketId {
        let given = state.extra.as_ref().and_then(|extra| extra.given_id);
        given.or_else(|| self.name_by_session()).unwrap_or(self.key)
    }

    /// The session's name, where the wire names sockets by it.
    pub(crate) fn name_by_session(&self) -> Option<SocketId> {
        let session = self.connection.requested()?;
        self.wire().socket_id_is_session_id().then_some(session.id)
    }

    /// The place among its connection's sockets, in the order they joined.
    pub(crate) fn place(&self) -> Option<usize> {
        let sockets = self.connection.sockets.lock();
        sockets.iter().position(|socket| std::ptr::eq(&raw const **socket, self))
    }

    #[inline]
    pub(crate) fn routes(&self) -> &NamespaceTable {
        self.connection.hub.table.namespace(self.table as usize)
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn table_place(&self) -> usize {
        self.table as usize
    }

    /// What tells this socket from all others that are there.
    #[inline]
    pub(crate) fn mark(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self).addr()
    }

    #[inline]
    pub(crate) fn wire(&self) -> Wire {
        self.connection.wire()
    }

    pub(crate) fn extra<R>(&self, look: impl FnOnce(&mut Extra) -> R) -> R {
        look(self.state.lock().extra())
    }

    /// Adds a closure, unless the socket is over: the closure may hold it, and nothing would free either.
    /// Gives what was replaced, to be dropped by the caller, after the lock: its destructor may use the socket. So may that of
    /// what is not added, since the socket has ended.
    pub(crate) fn add_listener<R>(&self, add: impl FnOnce(&mut Listeners) -> R) -> Option<R> {
        let (added, _unused) = self.extra(|extra| {
            if extra.is_released {
                return (None, Some(add));
            }
            self.has_listeners.store(true, Ordering::Release);
            (Some(add(&mut extra.listeners)), None)
        });
        added
    }

    pub(crate) fn with_listeners<R>(&self, change: impl FnOnce(&mut Listeners) -> R) -> R {
        let result = self.extra(|extra| change(&mut extra.listeners));
        self.has_listeners.store(true, Ordering::Release);
        result
    }

    /// Accepts a server's socket, if that has not happened: the peer learns it, gets what was sent meanwhile,
    /// and what it sent early is run.
    pub(crate) fn accept(self: &Arc<Self>) {
        if self.phase() != Phase::Joining || self.connection.hub.side == Side::Client {
            return;
        }
        self.activate(None);
    }

    /// Brings a joining socket to life. `id` is the one the server gave it, on a client.
    pub(crate) fn activate(self: &Arc<Self>, id: Option<SocketId>) {
        let mut state = self.state.lock();
        if self.phase() != Phase::Joining {
            return;
        }
        if let Some(id) = id {
            state.extra().given_id = Some(id);
        }
        self.connection.is_established.store(true, Ordering::Relaxed);
        // Before the peer can know: who is told to be connected must be found by a broadcast.
        let has_own = state.extra.as_ref().is_some_and(|extra| extra.identity.is_some());
        drop(state);
        self.rooms.enter(Socket { inner: Arc::clone(self) });
        if let Some(identity) = self.connection.identity()
            && !has_own
        {
            self.rooms.join(Socket { inner: Arc::clone(self) }, RoomKey::Identity(identity.shared_name()));
        }
        let mut state = self.state.lock();
        match self.phase() {
            Phase::Joining => {}
            Phase::Closed => {
                drop(state);
                self.rooms.exit(self.key);
                return;
            }
            // Another thread was faster.
            Phase::Replaying | Phase::Active | Phase::Away => return,
        }
        let connect_id = state.connect_id.take();
        let (held, has_early) = match state.extra.as_deref_mut() {
            Some(extra) => (extra.held.take(), !extra.early.is_empty()),
            None => (Vec::new(), false),
        };
        let mut exchange = self.connection.exchange.lock();
        let limit = exchange.outbox.max_message();
        // The peer that takes less than the one before would close the connection, and lose the others with it.
        let (held, too_large): (Vec<_>, Vec<_>) = held.into_iter().partition(|frame| frame.len() <= limit);
        let wire = self.wire();
        exchange.outbox.append(|out| {
            if let Some(id) = connect_id {
                wire.connected(out, self.namespace(), id, self.id(&state).as_str());
            }
            for frame in &held {
                out.extend_from_slice(frame);
            }
        });
        let waker = if has_early {
            self.enter(Phase::Replaying);
            exchange.control(Control::Accepted(Arc::clone(self)))
        } else {
            self.enter(Phase::Active);
            exchange.queued()
        };
        drop(exchange);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        self.connection.hub.metrics.socket_came(self);
        self.announce();
        let failure = |size| Failure::new("too_large", SendError::TooLarge { size, limit }.to_string());
        self.report_unsent(&too_large, failure);
    }

    /// Keeps an event that came before its socket was accepted, and gives its place; or gives the event back when the
    /// socket is active, or when too many wait.
    pub(crate) fn keep_early(&self, early: Waiting) -> Result<u64, Waiting> {
        let beside = self.connection.waiting_beside(self);
        let mut state = self.state.lock();
        if !matches!(self.phase(), Phase::Joining | Phase::Replaying) {
            return Err(early);
        }
        let extra = state.extra();
        let config = &self.connection.hub.config;
        let has_room = extra.early.has_room(&early, beside, config);
        if !has_room || extra.early.len() >= config.max_in_flight {
            return Err(early);
        }
        Ok(extra.early.push((), early))
    }

    /// How many bytes are kept that the peer joined with.
    pub(crate) fn kept_bytes(&self) -> usize {
        let state = self.state.lock();
        let auth = state.extra.as_ref().and_then(|extra| extra.auth.as_ref());
        self.namespace().len() + auth.map_or(0, |auth| auth.bytes().len())
    }

    /// How many bytes of the peer's wait, to be received or for the socket to be accepted.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let state = self.state.lock();
        state.extra.as_ref().map_or(0, |extra| extra.inbox_bytes + extra.early.bytes())
    }
}

/// What a socket keeps that did not end before it was dropped, as a client's that was never joined.
impl Drop for SocketInner {
    fn drop(&mut self) {
        let Some(extra) = self.state.get_mut().extra.take() else { return };
        let Extra { values, listeners, refused, .. } = *extra;
        let (hub, place) = (&self.connection.hub, Place::apart(FailureOrigin::Destructor, "socket"));
        values.discard(hub, place);
        listeners.discard(hub, place);
        hub.discard(place, refused);
    }
}

impl Origin for SocketInner {
    fn table(&self) -> &Table {
        &self.connection.hub.table
    }

    fn state(&self, key: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.connection.hub.states.get(&key).map(|state| &**state)
    }

    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let own = self.state.lock().extra.as_ref().and_then(|extra| extra.values.get(key));
        let shared = || self.connection.value(key).or_else(|| self.connection.session_value(key));
        own.or_else(shared)
    }

    fn namespace(&self) -> &str {
        self.rooms.namespace()
    }

    fn parameters(&self) -> &[(Box<str>, Box<str>)] {
        self.parameters.as_ref().map_or(&[], |parameters| parameters)
    }

    fn allows(&self, permission: &str) -> bool {
        self.has_permission(permission)
    }

    fn handshake(&self) -> Handshake {
        let auth = self.state.lock().extra.as_ref().and_then(|extra| extra.auth.clone());
        self.connection.handshake(auth.and_then(|auth| auth.to_value().ok()).unwrap_or(Value::Nil))
    }

    fn peer(&self) -> PeerAddress {
        self.connection.peer.to_address()
    }

    fn encoding(&self) -> Encoding {
        self.connection.wire.encoding()
    }
}

/// One peer in one namespace: what a handler borrows on a server, and what a client talks through.
///
/// Cheap to clone. It stays usable after the connection ended: everything then says so.
#[derive(Clone)]
pub struct Socket {
    pub(crate) inner: Arc<SocketInner>,
}

impl Socket {
    /// The socket's name, which is also a room that only it is in. A client's changes when it reconnects.
    pub fn id(&self) -> SocketId {
        self.inner.id(&self.inner.state.lock())
    }

    /// The number of its connection, for logs.
    pub fn connection_id(&self) -> ConnectionId {
        self.inner.connection.id
    }

    /// The namespace it joined, such as `/` or `/orders/7`.
    pub fn namespace(&self) -> &str {
        self.inner.namespace()
    }

    /// The address of the other end.
    pub fn peer(&self) -> PeerAddress {
        self.inner.connection.peer.to_address()
    }

    /// What the peer said when it joined.
    pub fn handshake(&self) -> Handshake {
        self.inner.handshake()
    }

    /// Whether events can be sent and received.
    pub fn is_connected(&self) -> bool {
        matches!(self.inner.phase(), Phase::Active | Phase::Replaying)
    }

    /// The socket of the same connection in another namespace, if it joined that.
    pub fn of(&self, namespace: &str) -> Option<Socket> {
        self.inner.connection.socket(namespace).map(|inner| Socket { inner })
    }

    /// Leaves the namespace; the peer is told, and the connection goes on for the others.
    pub fn disconnect(&self) {
        let reason = match self.inner.connection.hub.side {
            Side::Server => DisconnectReason::ServerDisconnect,
            Side::Client => DisconnectReason::ClientDisconnect,
        };
        if self.inner.phase() == Phase::Away {
            // There is nobody to tell, and no task to do it.
            return self.finish(&reason);
        }
        self.inner.connection.control(Control::Leave(Arc::clone(&self.inner), reason));
    }

    /// Closes the connection, after what is queued is written, with all its namespaces.
    pub fn close(&self) {
        match self.inner.connection.hub.side {
            Side::Server => self.inner.connection.close(DisconnectReason::ForcedClose),
            Side::Client => self.inner.connection.ask_to_end(DisconnectReason::ForcedClose),
        }
    }

    /// Waits until the socket is closed, and says why. A client's socket is not closed while it reconnects.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn closed(&self) -> DisconnectReason {
        self.inner.wait(|extra| &mut extra.closed, |state| state.reason.as_deref().cloned()).await
    }
}

impl Socket {
    pub(crate) fn hub(&self) -> &Arc<crate::objects::Hub> {
        &self.inner.connection.hub
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Two handles are equal when they are handles of the same socket.
impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Socket {}

impl std::hash::Hash for Socket {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.inner).hash(state);
    }
}

impl Context {
    /// The socket that the event was received on; `None` in a context without a connection, such as a test's.
    pub fn socket(&self) -> Option<Socket> {
        let origin: Arc<dyn Any + Send + Sync> = self.origin().clone();
        origin.downcast().ok().map(|inner| Socket { inner })
    }
}

impl Call {
    /// The socket that the event was received on; `None` in a context without a connection, such as a test's.
    ///
    /// ```
    /// use jidda::middleware::{Call, Next, Reply};
    ///
    /// async fn count(call: Call, next: Next) -> Reply {
    ///     if let Some(socket) = call.socket() {
    ///         println!("{} asks for {}", socket.id(), call.event());
    ///     }
    ///     next.run(call).await
    /// }
    /// ```
    pub fn socket(&self) -> Option<Socket> {
        self.context().socket()
    }
}

impl FromConnection for Socket {
    async fn from_connection(context: &Context) -> Result<Self, crate::Error> {
        context.socket().ok_or_else(|| crate::Error::new("not_connected", "there is no socket here"))
    }
}
