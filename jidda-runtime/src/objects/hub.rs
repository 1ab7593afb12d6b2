//! What a hub is in itself: its clock, its rooms, its connections.

use std::fmt;
use std::sync::{Arc, Weak};

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::graph::{Connection, Hub, ProxyRule, Socket, Trust};
use super::heartbeat::{DefaultHeartbeat, Watch};
use super::listeners::Listeners;
use crate::authentication::Gate;
use crate::config::{Config, too_short};
use crate::error::StartProblem;
use crate::failure::Failure;
use crate::guard::discard;
use crate::link::stream_slot::BroadcastTime;
use crate::link::timer_wheel::TimerWheel;
use crate::link::values::Values;
use crate::observe::report::{ErrorHook, FailureOrigin, Place};
use crate::payload::Encoding;
use crate::room::Rooms;
use crate::sync::atomic::Ordering;
use crate::test_clients::TestClients;
use crate::wall_clock::WallClock;

/// What the program decides about all connections of a hub.
#[derive(Clone, Default)]
pub(crate) struct Policies {
    /// What takes events that have no handler here.
    pub(crate) proxy_rules: Vec<Arc<dyn ProxyRule>>,
    /// How the life of connections is watched, if not as usual.
    pub(crate) heartbeat: Option<Watch>,
    /// Who is shown what fails in the program's own code.
    pub(crate) on_error: Option<ErrorHook>,
    /// The authenticator of the peers.
    pub(crate) gate: Option<Gate>,
    /// Which peers may ask for others.
    pub(crate) trust: Option<Trust>,
    /// What the expiry of credentials is compared with.
    pub(crate) wall_clock: WallClock,
    /// The clients of a test, where it is one.
    pub(crate) test_clients: Option<Arc<TestClients>>,
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
        f.debug_struct("Policies").field("proxy_rules", &self.proxy_rules).finish_non_exhaustive()
    }
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
        let (states, rules) = (std::mem::take(&mut self.states), std::mem::take(&mut self.proxy_rules));
        for state in states.into_values() {
            self.discard(of("state"), state);
        }
        for rule in rules {
            self.discard(of("proxy"), rule);
        }
        let heartbeat = std::mem::replace(&mut self.heartbeat, Watch::new(DefaultHeartbeat::default()));
        self.discard(of("heartbeat policy"), heartbeat);
        let (gate, trust) = (self.gate.take(), self.trust.take());
        self.discard(of("authenticator"), gate);
        self.discard(of("trust_identities_from"), trust);
        discard("the destructor of the hook for errors", self.reporter.hook.take());
    }
}

impl Hub {
    /// Whether events that have no handler here may go to another server.
    pub(crate) fn passes_on(&self) -> bool {
        !self.proxy_rules.is_empty()
    }

    pub(crate) fn wheel(&self) -> &TimerWheel<Connection> {
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
        self.encodings[encoding.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Says that there is one less.
    pub(crate) fn remove_encoding(&self, encoding: Encoding) {
        self.encodings[encoding.index()].fetch_sub(1, Ordering::Relaxed);
    }

    /// The encodings of the connections there are.
    pub(crate) fn encodings(&self) -> impl Iterator<Item = Encoding> + '_ {
        let is_used = |encoding: &Encoding| self.encodings[encoding.index()].load(Ordering::Relaxed) > 0;
        Encoding::ALL.into_iter().filter(is_used)
    }

    /// Every connection there is.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
        self.wheel.connections()
    }

    /// The rooms of a namespace, created with its first socket.
    pub(crate) fn rooms(&self, namespace: &str) -> Arc<Rooms<Socket>> {
        if let Some(rooms) = self.existing_rooms(namespace) {
            return rooms;
        }
        let mut namespaces = self.namespaces.write();
        if let Some(rooms) = namespaces.get(namespace).and_then(Weak::upgrade) {
            return rooms;
        }
        // The namespaces of a family may be many: those without sockets are removed before the map grows.
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

    /// Held by each driver and by each handshake that may become one: while one exists, a connection is served.
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
        // Without this the tracker expects more tasks.
        self.drivers.close();
        self.drivers.wait().await;
    }

    /// What takes an event that has no handler here.
    ///
    /// Nothing in a family of namespaces: peers choose the names of those, and the connection to the other server is
    /// everyone's.
    pub(crate) fn proxy_rule(&self, pattern: &str, event: &str) -> Option<&dyn ProxyRule> {
        let namespace = Some(pattern).filter(|pattern| !pattern.contains('{'))?;
        self.proxy_rules.iter().map(|rule| &**rule).find(|rule| rule.takes(namespace, event))
    }

    /// Reports a failure of the program's own code: see [`Reporter::disclose`](crate::observe::report::Reporter).
    #[cold]
    pub(crate) fn disclose(&self, place: Place<'_>, failure: Failure) -> Failure {
        self.reporter.disclose(place, failure)
    }

    /// Runs code of the program; a panic is reported, and harms nothing else.
    #[inline]
    pub(crate) fn run<R>(&self, place: Place<'_>, run: impl FnOnce() -> R) -> Option<R> {
        self.reporter.run(place, run)
    }

    /// Drops something of the program's. Not while anything is locked: its destructor may use whatever it likes.
    #[inline]
    pub(crate) fn discard<T>(&self, place: Place<'_>, value: T) {
        self.reporter.discard(place, value);
    }

    /// Drops values of the program, each by itself.
    pub(crate) fn discard_values(&self, place: Place<'_>, values: Values) {
        values.into_values().for_each(|value| self.discard(place, value));
    }

    /// Drops closures of the program, each by itself.
    pub(crate) fn discard_listeners(&self, place: Place<'_>, listeners: Listeners) {
        let (callbacks, observers) = listeners.into_closures();
        callbacks.for_each(|callback| self.discard(place, callback));
        observers.for_each(|observer| self.discard(place, observer));
    }
}
