//! The hub, its connections and their sockets: what each holds, and of the others.
//!
//! A hub reaches its connections and rooms weakly; a connection holds its hub and its sockets; a socket holds its
//! connection, until it ends. What they do is in the folders above, and what they hold in the files beside this one.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::heartbeat::Watch;
use super::socket_state::State;
use crate::authentication::Gate;
use crate::config::Config;
use crate::few::Few;
use crate::handler::{Arguments, Dispatch, Parameters, Side, Table};
use crate::id::{ConnectionId, SocketId};
use crate::identity::Identity;
use crate::link::lock::Link;
use crate::link::pending_requests::PendingRequests;
use crate::link::session_store::Sessions;
use crate::link::shared_state::SharedState;
use crate::link::timer_wheel::TimerWheel;
use crate::observe::metrics::Metrics;
use crate::observe::report::Reporter;
use crate::observe::watchdog::Ward;
use crate::payload::Encoding;
use crate::peer::{self, CompactPeer, Security, Transport};
use crate::room::{JoinWaiters, Presence, Rooms};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use crate::sync::{Mutex, RwLock};
use crate::test_clients::TestClients;
use crate::trace::TraceContext;
use crate::wall_clock::WallClock;
use crate::wire::Wire;

/// What a server or a client keeps with its hub, for the holders of its sockets.
pub(crate) type Extras = Box<dyn Any + Send + Sync>;

/// What the task of a connection and everyone else share.
pub(crate) type Shared = SharedState<Arc<SocketInner>>;

/// The requests of one connection that wait for their replies.
pub(crate) type Requests = PendingRequests<Arc<SocketInner>>;

/// Whether a peer of this identity may ask on behalf of others.
pub(crate) type Trust = Arc<dyn Fn(&Identity) -> bool + Send + Sync>;

/// Passes events on that have no handler here.
pub(crate) trait ProxyRule: fmt::Debug + Send + Sync {
    /// Whether it takes an event.
    fn takes(&self, namespace: &str, event: &str) -> bool;

    /// The more it asks for, the sooner it is asked: one for a namespace, then the longer prefix.
    fn precision(&self) -> (bool, usize);

    /// Runs an event elsewhere.
    fn forward(&self, socket: &Arc<SocketInner>, event: &str, arguments: Arguments<'_>) -> Dispatch;
}

/// Counts for monitoring.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) unknown_replies: AtomicU64,
    pub(crate) refused_events: AtomicU64,
}

/// What all connections of one server, or of one client, have in common.
pub(crate) struct Hub {
    /// Its name among the servers that pass events on to each other.
    pub(crate) name: Arc<str>,
    /// What takes events that have no handler here; the most specific one first.
    pub(crate) proxy_rules: Vec<Arc<dyn ProxyRule>>,
    pub(crate) side: Side,
    pub(crate) table: Table,
    pub(crate) config: Config,
    pub(crate) heartbeat: Watch,
    /// The state that handlers borrow, and what a server keeps here for itself, each by its type.
    pub(crate) states: HashMap<TypeId, Extras>,
    pub(crate) statistics: Statistics,
    pub(crate) metrics: Metrics,
    /// Finds its handlers that block.
    pub(crate) ward: Ward,
    /// Whether events sent while a client is away wait for its return.
    pub(crate) buffers_while_away: bool,
    /// The authenticator of its peers. A client has none.
    pub(crate) gate: Option<Gate>,
    /// Which peers may ask for others.
    pub(crate) trust: Option<Trust>,
    /// What the expiry of credentials is compared with.
    pub(crate) wall_clock: WallClock,
    /// The clients of a test, where it is one.
    pub(crate) test_clients: Option<Arc<TestClients>>,
    /// How many connections there are of each encoding: what goes to many is written in these.
    pub(crate) encodings: [AtomicUsize; Encoding::ALL.len()],
    pub(crate) namespaces: RwLock<HashMap<Box<str>, Weak<Rooms<Socket>>>>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) join_waiters: JoinWaiters,
    pub(crate) wheel: TimerWheel<Connection>,
    pub(crate) started: tokio::time::Instant,
    pub(crate) sessions: Sessions,
    pub(crate) drivers: TaskTracker,
    pub(crate) reporter: Reporter,
    /// The keepers of a client's connections wait here for being asked to end them.
    pub(crate) ending: Notify,
    /// And here for the word that their credentials expire.
    pub(crate) expiring: Notify,
}

/// What all sockets of a connection share.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) hub: Arc<Hub>,
    pub(crate) peer: CompactPeer,
    pub(crate) medium: Transport,
    pub(crate) wire: Wire,
    /// When it was made, in milliseconds of the Unix epoch.
    pub(crate) opened: u64,
    /// Boxed: native ones in clear text have nothing of it.
    pub(crate) particulars: Option<Box<Particulars>>,
    /// When it got its stream, in milliseconds of the hub's clock.
    pub(crate) opened_at: AtomicU32,
    /// When anything was last read, in milliseconds of the hub's clock.
    pub(crate) last_seen: AtomicU32,
    /// Whether anything complete was read yet.
    pub(crate) is_established: AtomicBool,
    pub(crate) link: Link<Arc<SocketInner>>,
    pub(crate) sockets: Mutex<Few<Arc<SocketInner>>>,
}

/// What only some connections have.
pub(crate) struct Particulars {
    pub(crate) security: Option<Box<Security>>,
    pub(crate) requested: Option<Requested>,
    /// What the server of a client's connection said.
    pub(crate) negotiated: Option<Negotiated>,
}

/// What a client of Socket.IO learned when it connected the last time.
#[derive(Debug, Default)]
pub(crate) struct Negotiated {
    /// Whether the server speaks version 3 of Engine.IO.
    pub(crate) is_version_3: AtomicBool,
    /// How often there is a ping, in milliseconds.
    pub(crate) ping_interval: AtomicU32,
    /// How long its answer may take, in milliseconds.
    pub(crate) ping_timeout: AtomicU32,
    /// Whether the server recovers sockets, so that what it sent last is noted.
    pub(crate) recovers: AtomicBool,
    /// Whether it began with long polling.
    pub(crate) began_polling: AtomicBool,
    /// Set when a WebSocket takes the place of long polling.
    pub(crate) upgraded: Mutex<Arc<AtomicBool>>,
}

/// What a connection has that began with a request.
pub(crate) struct Requested {
    pub(crate) id: SocketId,
    pub(crate) request: Option<peer::Request>,
    /// What the request's path said.
    pub(crate) parameters: Parameters,
    /// Whether the medium can write, where it knows better than the last attempt.
    pub(crate) gate: Option<Arc<AtomicBool>>,
    /// Whether a WebSocket took the place of the first medium.
    pub(crate) is_upgraded: AtomicBool,
    /// Whether refusals stay unanswered.
    pub(crate) is_quiet: bool,
    /// Whether a timer runs for its next check.
    pub(crate) is_timed: AtomicBool,
    /// The trace that the request is part of.
    pub(crate) trace: Option<TraceContext>,
}

/// One peer in one namespace.
pub(crate) struct SocketInner {
    pub(crate) connection: Arc<Connection>,
    /// Its name in the rooms of this process, for all its life; a server's socket shows it to the world.
    pub(crate) key: SocketId,
    pub(crate) table: u32,
    /// Boxed: most namespaces have none.
    pub(crate) parameters: Option<Box<Parameters>>,
    /// Those of its namespace.
    pub(crate) rooms: Arc<Rooms<Socket>>,
    pub(crate) phase: AtomicU8,
    pub(crate) has_listeners: AtomicBool,
    /// Somebody wants to see what is sent.
    pub(crate) is_watched: AtomicBool,
    pub(crate) state: Mutex<State>,
}

/// One peer in one namespace: what a handler borrows on a server, and what a client talks through.
///
/// Cheap to clone. It stays usable after the connection ended: everything then says so.
#[derive(Clone)]
pub struct Socket {
    pub(crate) inner: Arc<SocketInner>,
}
