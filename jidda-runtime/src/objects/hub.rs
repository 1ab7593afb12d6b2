//! What all connections of one server, or of one client, have in common.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::authentication::Gate;
use crate::config::{Config, too_short};
use crate::error::StartProblem;
use crate::guard::discard;
use crate::handler::{Side, Table};
use crate::hub::heartbeat::{DefaultHeartbeat, Watch};
use crate::hub::join_waiters::Arrivals;
use crate::hub::presence::Presence;
use crate::hub::timer_wheel::{self, Wheel};
use crate::id::SocketId;
use crate::link::direct_write::BroadcastTime;
use crate::objects::Connection;
use crate::observe::metrics::Metrics;
use crate::observe::report::{ErrorHook, FailureOrigin, Place};
use crate::payload::Encoding;
use crate::proxy::forward::{Delegate, Trust};
use crate::room::Rooms;
use crate::socket::Socket;
use crate::socket::session_store::Sessions;
use crate::sync::RwLock;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a server or a client keeps with its hub, for those who hold one of its sockets.
pub(crate) type Extras = Box<dyn Any + Send + Sync>;

/// What the program decides about all connections of a hub.
#[derive(Clone, Default)]
pub(crate) struct Policies {
    /// Who gets events that have no handler here.
    pub(crate) delegates: Vec<Delegate>,
    /// How the life of connections is watched, if not as usual.
    pub(crate) heartbeat: Option<Watch>,
    /// Who is shown what fails in the program's own code.
    pub(crate) on_error: Option<ErrorHook>,
    /// Who finds out who the peers are.
    pub(crate) gate: Option<Gate>,
    /// Which peers may ask for others.
    pub(crate) trust: Option<Trust>,
}

impl Policies {
    /// The settings as they are in force: a heartbeat of the program's own has timings of its own.
    ///
    /// # Errors
    ///
    /// The settings that cannot work.
    pub(crate) fn settle(&self, mut config: Config) -> Result<Config, Vec<StartProblem>> {
        if let Some(heartbeat) = &self.heartbeat {
            (config.heartbeat, config.heartbeat_timeout) = (heartbeat.interval(), heartbeat.timeout());
        }
        let mut problems = config.problems();
        problems.extend(
            self.heartbeat.as_ref().and_then(|heartbeat| too_short("patience", heartbeat.patience())),
        );
        if problems.is_empty() { Ok(config.bounded()) } else { Err(problems) }
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("delegates", &self.delegates).finish_non_exhaustive()
    }
}

/// Counts of what happened, for those who watch a server.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) unknown_replies: AtomicU64,
    pub(crate) refused_events: AtomicU64,
}

pub(crate) struct Hub {
    /// Its name among the servers that pass events on to each other.
    pub(crate) name: Arc<str>,
    /// Who gets events that have no handler here; the most particular one first.
    pub(crate) delegates: Vec<Delegate>,
    pub(crate) side: Side,
    pub(crate) table: Table,
    pub(crate) config: Config,
    pub(crate) heartbeat: Watch,
    pub(crate) states: HashMap<TypeId, Extras>,
    pub(crate) statistics: Statistics,
    pub(crate) metrics: Metrics,
    /// Whether events sent while a client is away wait for its return.
    pub(crate) buffers_while_away: bool,
    /// Who finds out who its peers are. A client has none.
    pub(crate) gate: Option<Gate>,
    /// Which peers may ask for others.
    pub(crate) trust: Option<Trust>,
    /// Set once: the floor above keeps its own things here.
    pub(crate) owner: std::sync::OnceLock<Extras>,
    /// How many connections there are of each encoding: what goes to many is written in these.
    encodings: [AtomicUsize; Encoding::ALL.len()],
    namespaces: RwLock<HashMap<Box<str>, Weak<Rooms<Socket>>>>,
    pub(crate) presence: Presence,
    pub(crate) arrivals: Arrivals,
    wheel: Wheel,
    started: tokio::time::Instant,
    pub(crate) sessions: Sessions,
    drivers: TaskTracker,
    /// Sees what fails in the program's own code; without it, it is logged.
    pub(crate) on_error: Option<ErrorHook>,
    /// The keepers of a client's connections wait here for being asked to end them.
    pub(crate) ending: Notify,
    /// And here for the word that their credentials expire.
    pub(crate) expiring: Notify,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("side", &self.side).finish_non_exhaustive()
    }
}

/// What the program gave it goes with it: each thing by itself, and its panic is reported like any other.
impl Drop for Hub {
    fn drop(&mut self) {
        self.discard_sessions();
        let of = |what| Place::apart(FailureOrigin::Destructor, what);
        let (states, delegates) = (std::mem::take(&mut self.states), std::mem::take(&mut self.delegates));
        for state in states.into_values() {
            self.discard(of("state"), state);
        }
        for delegate in delegates {
            self.discard(of("proxy"), delegate);
        }
        let heartbeat = std::mem::replace(&mut self.heartbeat, Watch::new(DefaultHeartbeat::default()));
        self.discard(of("heartbeat policy"), heartbeat);
        let (gate, trust) = (self.gate.take(), self.trust.take());
        self.discard(of("authenticator"), gate);
        self.discard(of("trust_identities_from"), trust);
        discard("the destructor of the hook for errors", self.on_error.take());
    }
}

impl Hub {
    /// Starts a hub with [settled](Policies::settle) settings; its clock runs as a task of the current runtime.
    pub(crate) fn start(
        side: Side,
        table: Table,
        config: Config,
        states: HashMap<TypeId, Extras>,
        buffers_while_away: bool,
        policies: Policies,
    ) -> Arc<Self> {
        let Policies { mut delegates, heartbeat, on_error, gate, trust } = policies;
        delegates.sort_by_key(|delegate| std::cmp::Reverse(delegate.precision()));
        let heartbeat = heartbeat.unwrap_or_else(|| {
            Watch::new(DefaultHeartbeat { interval: config.heartbeat, timeout: config.heartbeat_timeout })
        });
        let wheel = Wheel::new(&config);
        let tick = wheel.tick();
        let sessions = Sessions::new(&config);
        let metrics = Metrics::new(side, &table);
        let hub = Arc::new(Self {
            name: SocketId::random().as_str().into(),
            delegates,
            side,
            table,
            config,
            heartbeat,
            states,
            statistics: Statistics::default(),
            metrics,
            buffers_while_away,
            gate,
            trust,
            owner: std::sync::OnceLock::new(),
            encodings: Default::default(),
            namespaces: RwLock::default(),
            presence: Presence::default(),
            arrivals: Arrivals::default(),
            wheel,
            started: tokio::time::Instant::now(),
            sessions,
            drivers: TaskTracker::new(),
            on_error,
            ending: Notify::new(),
            expiring: Notify::new(),
        });
        tokio::spawn(timer_wheel::turn(Arc::downgrade(&hub), tick));
        hub
    }

    /// Whether events that have no handler here may go to another server.
    pub(crate) fn passes_on(&self) -> bool {
        !self.delegates.is_empty()
    }

    pub(crate) fn wheel(&self) -> &Wheel {
        &self.wheel
    }

    /// Now, where the wheel's clock is too coarse.
    pub(crate) fn broadcast_time(&self) -> BroadcastTime {
        BroadcastTime::since(self.started)
    }

    #[inline]
    pub(crate) fn clock(&self) -> u32 {
        self.wheel.clock()
    }

    /// What the clock of the wheel is a little behind of.
    #[inline]
    pub(crate) fn exact_clock(&self) -> u32 {
        self.wheel.exact_clock()
    }

    pub(crate) fn watch(&self, connection: &Arc<Connection>) {
        self.wheel.insert(connection);
    }

    /// Says that there is one more connection of this encoding.
    pub(crate) fn add_encoding(&self, encoding: Encoding) {
        self.encodings[encoding as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Says that there is one less.
    pub(crate) fn remove_encoding(&self, encoding: Encoding) {
        self.encodings[encoding as usize].fetch_sub(1, Ordering::Relaxed);
    }

    /// The encodings of the connections there are.
    pub(crate) fn encodings(&self) -> impl Iterator<Item = Encoding> + '_ {
        let is_used = |encoding: &Encoding| self.encodings[*encoding as usize].load(Ordering::Relaxed) > 0;
        Encoding::ALL.into_iter().filter(is_used)
    }

    /// Every connection there is.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        self.wheel.connections()
    }

    /// The rooms of a namespace, made when its first socket comes.
    pub(crate) fn rooms(&self, namespace: &str) -> Arc<Rooms<Socket>> {
        if let Some(rooms) = self.existing_rooms(namespace) {
            return rooms;
        }
        let mut namespaces = self.namespaces.write();
        if let Some(rooms) = namespaces.get(namespace).and_then(Weak::upgrade) {
            return rooms;
        }
        // Families of namespaces come and go: those without sockets are swept before the map grows.
        if namespaces.len() == namespaces.capacity() {
            namespaces.retain(|_, rooms| rooms.strong_count() > 0);
        }
        let rooms = Arc::new(Rooms::new(namespace));
        namespaces.insert(namespace.into(), Arc::downgrade(&rooms));
        rooms
    }

    pub(crate) fn existing_rooms(&self, namespace: &str) -> Option<Arc<Rooms<Socket>>> {
        self.namespaces.read().get(namespace)?.upgrade()
    }

    /// The rooms of every namespace that has sockets.
    pub(crate) fn all_rooms(&self) -> Vec<Arc<Rooms<Socket>>> {
        self.namespaces.read().values().filter_map(Weak::upgrade).collect()
    }

    /// Held by each driver, and by who may become one: while any is, a connection is served.
    pub(crate) fn serving(&self) -> TaskTrackerToken {
        self.drivers.token()
    }

    /// How many connections are served.
    #[cfg(test)]
    pub(crate) fn served(&self) -> usize {
        self.drivers.len()
    }

    /// Waits until no connection is served any more.
    pub(crate) async fn idle(&self) {
        // Without this the tracker takes it that more is to come.
        self.drivers.close();
        self.drivers.wait().await;
    }
}
