//! A connection: how it began, its wire and medium, its sockets.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use smallvec::SmallVec;

use super::graph::{Connection, Hub, Negotiated, Particulars, Requested, Socket, SocketInner};
use crate::deadline::milliseconds;
use crate::handler::Parameters;
use crate::id::{ConnectionId, SocketId};
use crate::link::lock::Link;
use crate::link::shared_state::{Control, LinkStatus, SharedState};
use crate::peer::{self, PeerAddress, Security, Transport};
use crate::reason::DisconnectReason;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::trace::TraceContext;
use crate::wire::engine_io::{EngineIo, Role, Version};
use crate::wire::{Opening, Protocol, Wire};

/// How a connection began.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) peer: PeerAddress,
    pub(crate) medium: Transport,
    pub(crate) wire: Wire,
    /// What protects it.
    pub(crate) security: Option<Box<Security>>,
    /// The session's name, where the wire has sessions.
    pub(crate) session: Option<SocketId>,
    /// The request it began with.
    pub(crate) request: Option<peer::Request>,
    /// What the request's path said.
    pub(crate) parameters: Parameters,
    /// Whether the peer is offered the upgrade to a WebSocket.
    pub(crate) upgrades: bool,
    /// Whether refusals stay unanswered.
    pub(crate) is_quiet: bool,
    /// Whether the medium can write, where it knows better than the last attempt: long polling.
    pub(crate) gate: Option<Arc<AtomicBool>>,
    /// What is to be written before anything else: the end of what the stream was before.
    pub(crate) preface: Vec<u8>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Connection {
    /// A native connection without a stream yet. The hub watches it from now on.
    pub(crate) fn new(
        hub: &Arc<Hub>,
        peer: PeerAddress,
        medium: Transport,
        security: Option<Box<Security>>,
    ) -> Arc<Self> {
        Self::bare(hub, peer, medium, security, Wire::MessagePackRpc)
    }

    /// A client's connection without a stream yet.
    pub(crate) fn dialing(hub: &Arc<Hub>, peer: PeerAddress, medium: Transport, wire: Wire) -> Arc<Self> {
        Self::bare(hub, peer, medium, None, wire)
    }

    fn bare(
        hub: &Arc<Hub>,
        peer: PeerAddress,
        medium: Transport,
        security: Option<Box<Security>>,
        wire: Wire,
    ) -> Arc<Self> {
        Self::arrive(
            hub,
            Arrival {
                peer,
                medium,
                wire,
                security,
                session: None,
                request: None,
                parameters: Parameters::default(),
                upgrades: false,
                is_quiet: false,
                gate: None,
                preface: Vec::new(),
            },
        )
    }

    /// A connection without a stream yet, that begins with what its wire begins with.
    pub(crate) fn arrive(hub: &Arc<Hub>, arrival: Arrival) -> Arc<Self> {
        let Arrival {
            peer,
            medium,
            wire,
            security,
            session,
            request,
            parameters,
            upgrades,
            is_quiet,
            gate,
            preface,
        } = arrival;
        let is_dialed = matches!(wire, Wire::EngineIo(EngineIo { role: Role::Client, .. }));
        // Clients of Socket.IO tell no limit of theirs, and have none.
        let max_message = if wire.closes_on_misplaced_packet() { usize::MAX } else { hub.config.max_message };
        let mut shared = SharedState::new(LinkStatus::Away, max_message);
        if let Some(session) = &session {
            let config = &hub.config;
            let opening = Opening {
                upgrades,
                session: session.as_str(),
                heartbeat: config.heartbeat,
                timeout: config.heartbeat_timeout,
                max_message: config.max_message,
                max_in_flight: config.max_in_flight,
                identity: None,
                expires: None,
            };
            shared.outbox.append(|out| {
                *out = preface;
                wire.open(out, &opening);
            });
            shared.speaks_native = wire.has_namespaces();
        }
        if wire.auto_joins_root() {
            shared.push_control(Control::Join);
        }
        let requested = (session.is_some() || request.is_some() || is_dialed).then(|| {
            // Nobody is shown that of a wire without sessions.
            let id = session.unwrap_or_else(SocketId::random);
            let trace = request.as_ref().and_then(peer::Request::trace);
            let (is_upgraded, is_timed) = (AtomicBool::new(false), AtomicBool::new(false));
            Requested { id, request, parameters, gate, is_upgraded, is_quiet, is_timed, trace }
        });
        let connection = Arc::new(Self {
            id: ConnectionId::next(),
            hub: Arc::clone(hub),
            peer: peer.into(),
            medium,
            wire,
            opened: hub.wall_clock.now().duration_since(UNIX_EPOCH).map_or(0, milliseconds),
            particulars: (security.is_some() || requested.is_some()).then(|| {
                let negotiated = is_dialed.then(Negotiated::default);
                Box::new(Particulars { security, requested, negotiated })
            }),
            opened_at: AtomicU32::new(hub.clock()),
            last_seen: AtomicU32::new(hub.clock()),
            is_established: AtomicBool::new(false),
            link: Link::new(shared),
            sockets: Mutex::default(),
        });
        hub.add_encoding(wire.encoding());
        hub.watch(&connection);
        connection
    }

    /// A WebSocket took the place of its first medium.
    pub(crate) fn upgraded(&self) {
        if let Some(requested) = self.requested() {
            requested.is_upgraded.store(true, Ordering::Relaxed);
        }
    }

    /// What it has that began with a request.
    #[inline]
    pub(crate) fn requested(&self) -> Option<&Requested> {
        self.particulars.as_ref()?.requested.as_ref()
    }

    /// Whether its peer counts on time-outs: it gets no answer where nothing was done.
    pub(crate) fn is_quiet(&self) -> bool {
        self.requested().is_some_and(|requested| requested.is_quiet)
    }

    /// The trace of the request that it began with.
    #[inline]
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        self.requested()?.trace.as_ref()
    }

    /// Whether it polls, and no poll waits.
    pub(crate) fn is_between_polls(&self) -> bool {
        let gate = self.requested().and_then(|requested| requested.gate.as_ref());
        gate.is_some_and(|gate| !gate.load(Ordering::Acquire))
    }

    /// Whether what is handed in now is written with the next write: nothing is left of the one before.
    pub(crate) fn is_writable(&self) -> bool {
        !self.is_between_polls() && self.link.change().is_writable()
    }

    /// Whether a WebSocket took the place of its first medium.
    pub(crate) fn is_upgraded(&self) -> bool {
        self.requested().is_some_and(|requested| requested.is_upgraded.load(Ordering::Relaxed))
    }

    /// How packets are written on it now.
    #[inline]
    pub(crate) fn wire(&self) -> Wire {
        match self.wire {
            // A WebSocket has frames. There is no way back from it.
            Wire::EngineIo(wire) if wire.is_parted && self.is_upgraded() => {
                Wire::EngineIo(EngineIo { is_parted: false, ..wire })
            }
            Wire::EngineIo(wire) if wire.role == Role::Client => self.negotiated_wire(wire),
            wire => wire,
        }
    }

    /// A client's wire, in the version that its server speaks.
    fn negotiated_wire(&self, wire: EngineIo) -> Wire {
        let is_version_3 =
            self.negotiated().is_some_and(|negotiated| negotiated.is_version_3.load(Ordering::Relaxed));
        Wire::EngineIo(EngineIo { version: if is_version_3 { Version::V3 } else { Version::V4 }, ..wire })
    }

    /// What a client of Socket.IO learned of its server.
    #[inline]
    pub(crate) fn negotiated(&self) -> Option<&Negotiated> {
        self.particulars.as_ref()?.negotiated.as_ref()
    }

    /// How often there is a ping, and how long its answer may take.
    pub(crate) fn pulse(&self) -> (Duration, Duration) {
        match self.negotiated() {
            None => (self.hub.config.heartbeat, self.hub.config.heartbeat_timeout),
            Some(Negotiated { ping_interval, ping_timeout, .. }) => {
                let time = |value: &AtomicU32| Duration::from_millis(value.load(Ordering::Relaxed).into());
                (time(ping_interval), time(ping_timeout))
            }
        }
    }

    /// How long a peer that asks for signs of life itself may be silent.
    pub(crate) fn patience(&self) -> Duration {
        if self.negotiated().is_none() {
            return self.hub.heartbeat.patience();
        }
        let (interval, timeout) = self.pulse();
        interval + timeout
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.negotiated() {
            Some(negotiated)
                if negotiated.began_polling.load(Ordering::Relaxed)
                    && !negotiated.upgraded.lock().load(Ordering::Relaxed) =>
            {
                Transport::Polling
            }
            _ if self.is_upgraded() => Transport::WebSocket,
            _ => self.medium,
        }
    }

    /// A new socket of this connection in a namespace; `None` when the table has no such namespace.
    pub(crate) fn open_socket(self: &Arc<Self>, namespace: &str) -> Option<Arc<SocketInner>> {
        let socket = SocketInner::new(self, namespace)?;
        self.sockets.lock().push(Arc::clone(&socket));
        Some(socket)
    }

    /// How many bytes of the peer's wait with the connection's other sockets, to be received or for them to be accepted.
    pub(crate) fn waiting_beside(&self, socket: &SocketInner) -> usize {
        let sockets = self.sockets.lock();
        let others = sockets.iter().filter(|other| other.key != socket.key);
        others.map(|other| other.waiting_bytes()).sum()
    }

    /// Whether one more socket may keep so many bytes that its peer chose, its name and its auth value: all of them
    /// together are no more than a message may have, as if they had been sent in one.
    pub(crate) fn has_room_for_socket(&self, bytes: usize) -> bool {
        let sockets = self.sockets.lock();
        let kept: usize = sockets.iter().map(|socket| socket.kept_bytes()).sum();
        sockets.is_empty() || kept + bytes <= self.hub.config.max_message
    }

    pub(crate) fn socket(&self, namespace: &str) -> Option<Arc<SocketInner>> {
        self.sockets.lock().iter().find(|socket| socket.namespace() == namespace).cloned()
    }

    pub(crate) fn sockets(&self) -> SmallVec<[Arc<SocketInner>; 1]> {
        self.sockets.lock()[..].into()
    }

    pub(crate) fn forget_socket(&self, socket: &Arc<SocketInner>) {
        // Dropped after the lock: what it lets go of is the program's.
        let _gone = self.sockets.lock().take(|other| Arc::ptr_eq(other, socket));
    }

    pub(crate) fn control(&self, control: Control<Arc<SocketInner>>) {
        self.link.control(control);
    }

    /// Ends the connection after what is queued is written.
    pub(crate) fn close(&self, reason: DisconnectReason) {
        self.control(Control::Close(reason));
    }

    /// Ends the connection once none of its handlers runs.
    pub(crate) fn drain(&self, reason: DisconnectReason) {
        self.control(Control::Drain(reason));
    }

    /// Whether it is over for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.link.status() == LinkStatus::Closed
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A client's that never was, for example.
        self.release_kept();
        self.hub.remove_encoding(self.wire.encoding());
    }
}

impl crate::room::Member for Socket {
    fn id(&self) -> SocketId {
        self.inner.key
    }

    fn alias(&self) -> Option<SocketId> {
        self.inner.name_by_session()
    }
}
