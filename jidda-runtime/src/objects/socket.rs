//! What a socket is in itself: its place in the table, its phase, its names.

use std::fmt;
use std::sync::Arc;

use super::graph::{Connection, SocketInner};
use super::socket_state::{Extra, Phase, State};
use crate::handler::{NamespaceTable, Parameters, Side};
use crate::id::SocketId;
use crate::observe::handled_by::EventLabel;
use crate::observe::report::{FailureOrigin, Place};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use crate::wire::{Protocol, Wire};

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
            // Parameters of the request's path first; those of the namespace override them.
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

    /// Counts that what handled an event has ended.
    #[inline]
    pub(crate) fn count_event(&self, label: &EventLabel, outcome: &'static str) {
        let hub = &self.connection.hub;
        hub.metrics.event(&hub.table, self.table as usize, label, outcome);
    }

    /// Counts that a call to the peer has ended.
    #[inline]
    pub(crate) fn count_call(&self, outcome: &'static str) {
        let hub = &self.connection.hub;
        hub.metrics.call(&hub.table, self.table as usize, outcome);
    }

    /// Counts that the socket was accepted.
    pub(crate) fn count_joined(&self) {
        let hub = &self.connection.hub;
        hub.metrics.socket_joined(&hub.table, self.table as usize);
    }

    /// Counts that the socket, which had been accepted, has ended or is away.
    pub(crate) fn count_left(&self) {
        let hub = &self.connection.hub;
        hub.metrics.socket_left(&hub.table, self.table as usize);
    }

    /// Identifies this socket among all sockets that exist at the same time.
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
        hub.discard_values(place, values);
        hub.discard_listeners(place, listeners);
        hub.discard(place, refused);
    }
}
