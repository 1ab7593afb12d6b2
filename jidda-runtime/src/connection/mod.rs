//! One peer: its namespaces, calls in flight, outbox, heartbeat and life.
//!
//! A connection is one task, the [`Driver`](driver::Driver): it reads, runs handlers and writes. Everyone else
//! reaches it through the [`Exchange`](exchange::Exchange), one short lock.

mod backlog;
mod call;
mod calls;
mod dispatch;
mod driver;
mod events;
mod exchange;
mod hub;
mod inbox;
mod invoke;
mod join;
mod lifecycle;
mod listeners;
mod outbox;
mod running;
mod selection;
mod socket;
mod state;
mod wheel;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use smallvec::SmallVec;

pub use call::{CallFuture, Request};
pub use events::{Emit, Volatile};
pub(crate) use hub::{Extras, Hub};
pub(crate) use join::Acquaintance;
pub use listeners::Listener;
pub use selection::{Broadcast, BroadcastCall, Replies, Selection};
pub use socket::Socket;
pub(crate) use socket::SocketInner;

use crate::id::{ConnectionId, SocketId};
use crate::peer::PeerAddress;
use crate::reason::DisconnectReason;
use crate::wire::Wire;
use exchange::{Control, Exchange, Link};

pub(crate) use driver::Driver;

/// What is known of a connection by everyone who holds one of its sockets.
pub(crate) struct Connection {
    id: ConnectionId,
    hub: Arc<Hub>,
    peer: PeerAddress,
    transport: &'static str,
    wire: Wire,
    opened: SystemTime,
    /// When anything was last read, in milliseconds of the hub's clock.
    last_seen: AtomicU32,
    /// Whether anything complete was read yet.
    is_established: AtomicBool,
    exchange: Mutex<Exchange>,
    sockets: Mutex<SmallVec<[Arc<SocketInner>; 1]>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection without a stream yet. The hub watches it from now on.
    pub(crate) fn new(hub: &Arc<Hub>, peer: PeerAddress, transport: &'static str) -> Arc<Self> {
        let connection = Arc::new(Self {
            id: ConnectionId::next(),
            hub: Arc::clone(hub),
            peer,
            transport,
            wire: Wire::MessagePackRpc,
            opened: SystemTime::now(),
            last_seen: AtomicU32::new(hub.clock()),
            is_established: AtomicBool::new(false),
            exchange: Mutex::new(Exchange::new(Link::Away, hub.config.max_message)),
            sockets: Mutex::new(SmallVec::new()),
        });
        hub.watch(&connection);
        connection
    }

    /// A new socket of this connection in a namespace; `None` when the table has no such namespace.
    pub(crate) fn open_socket(self: &Arc<Self>, namespace: &str) -> Option<Arc<SocketInner>> {
        let socket = SocketInner::new(self, namespace)?;
        self.sockets.lock().push(Arc::clone(&socket));
        Some(socket)
    }

    pub(crate) fn socket(&self, namespace: &str) -> Option<Arc<SocketInner>> {
        self.sockets.lock().iter().find(|socket| socket.namespace() == namespace).cloned()
    }

    pub(crate) fn sockets(&self) -> SmallVec<[Arc<SocketInner>; 1]> {
        self.sockets.lock().clone()
    }

    fn forget_socket(&self, socket: &Arc<SocketInner>) {
        self.sockets.lock().retain(|other| !Arc::ptr_eq(other, socket));
    }

    fn control(&self, control: Control) {
        let mut exchange = self.exchange.lock();
        if exchange.link != Link::Up {
            // Nobody would do it, or the next stream's task would, which it is not meant for.
            return;
        }
        let waker = exchange.control(control);
        drop(exchange);
        if let Some(waker) = waker {
            waker.wake();
        }
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
        self.exchange.lock().link == Link::Closed
    }

    /// Looks after the connection's timings; called by the wheel a few times an interval.
    fn check(&self, now: u32) {
        let config = &self.hub.config;
        let mut exchange = self.exchange.lock();
        if exchange.link != Link::Up {
            return;
        }
        let since = |then: u32| u64::from(now.wrapping_sub(then));
        let limit = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let silent = since(self.last_seen.load(Ordering::Relaxed));
        let ending = if exchange.stalled_since.is_some_and(|then| since(then) >= limit(config.slow_consumer))
        {
            Some(DisconnectReason::SlowConsumer)
        } else if !self.is_established.load(Ordering::Relaxed) {
            // `last_seen` stands still until the first complete message.
            (silent >= limit(config.handshake_timeout)).then_some(DisconnectReason::HandshakeTimeout)
        } else if silent < limit(config.heartbeat) || exchange.is_paused {
            exchange.pinged_at = None;
            None
        } else if let Some(then) = exchange.pinged_at {
            (since(then) >= limit(config.heartbeat_timeout)).then_some(DisconnectReason::PingTimeout)
        } else {
            if exchange.is_acquainted {
                exchange.pinged_at = Some(now);
                let id = exchange.calls.begin_ping();
                exchange.outbox.append(false, |out| self.wire.ping(out, id));
            }
            None
        };
        let waker = match ending {
            Some(reason) => exchange.control(Control::Close(reason)),
            None if exchange.outbox.is_empty() => exchange.nudge(),
            None => exchange.queued(),
        };
        drop(exchange);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl crate::room::Member for Socket {
    fn id(&self) -> SocketId {
        self.inner.key
    }
}
