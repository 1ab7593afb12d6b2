//! Heartbeat policies: when a silent peer is pinged, and what happens when it does not answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::LONGEST_HEARTBEAT;
use crate::handler::Origin;
use crate::id::ConnectionId;
use crate::observe::report::{FailureOrigin, Place, Reporter};
use crate::peer::PeerAddress;

/// How long the next heartbeat of a hidden browser tab may take: a minute, and some time for the network.
const THROTTLED: Duration = Duration::from_secs(70);

/// An interval that leaves no time for that.
const HASTY: Duration = Duration::from_secs(2);

/// What counts as a sign of life of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// Any bytes.
    Traffic,
    /// Heartbeats only: a ping or a pong.
    Beat,
}

/// What happens to a connection whose peer did not answer a ping in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutAction {
    /// Closes the connection, with the reason [`PingTimeout`](crate::DisconnectReason::PingTimeout).
    #[default]
    Close,
    /// Sends another ping and waits for the same time again. The operating system finally detects a connection that
    /// delivers no bytes; the [slow consumer](crate::ServerBuilder::slow_consumer) limit detects a peer that reads
    /// nothing.
    AskAgain,
}

/// A connection whose heartbeat is watched.
pub(crate) trait Watched {
    fn id(&self) -> ConnectionId;
    fn peer(&self) -> PeerAddress;
    fn origins(&self) -> Vec<Arc<dyn Origin>>;
    fn reporter(&self) -> &Reporter;
}

/// The state of one connection when its heartbeat is checked.
pub struct Liveness<'a> {
    connection: &'a dyn Watched,
    silent_for: Duration,
    missed: u32,
}

impl fmt::Debug for Liveness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Liveness")
            .field("connection", &self.connection.id())
            .field("silent_for", &self.silent_for)
            .field("missed", &self.missed)
            .finish()
    }
}

impl Liveness<'_> {
    pub(crate) fn watched(&self) -> &dyn Watched {
        self.connection
    }

    /// The id of the connection.
    pub fn connection_id(&self) -> ConnectionId {
        self.connection.id()
    }

    /// The address of the peer.
    pub fn peer(&self) -> PeerAddress {
        self.connection.peer()
    }

    /// The approximate time since the last sign of life that counts.
    pub fn silent_for(&self) -> Duration {
        self.silent_for
    }

    /// The number of pings in a row that were not answered in time.
    pub fn missed(&self) -> u32 {
        self.missed
    }
}

/// Decides how often peers are pinged, what counts as a sign of life, and what happens after a time-out.
///
/// The [default](DefaultHeartbeat) pings a peer that was silent for 25 seconds, and closes the connection if the peer
/// sends nothing for another 20 seconds. All methods have that as their default. None of them may block: one timer
/// checks all connections of a server.
///
/// ```
/// use std::time::Duration;
/// use jidda::Server;
/// use jidda::heartbeat::{HeartbeatPolicy, Liveness, TimeoutAction};
///
/// /// Three missed heartbeats in a row are one too many.
/// struct ThreeStrikes;
///
/// impl HeartbeatPolicy for ThreeStrikes {
///     fn interval(&self) -> Duration {
///         Duration::from_secs(5)
///     }
///
///     fn timeout(&self) -> Duration {
///         Duration::from_secs(5)
///     }
///
///     fn at_limit(&self, pulse: &Liveness<'_>) -> TimeoutAction {
///         if pulse.missed() < 3 { TimeoutAction::AskAgain } else { TimeoutAction::Close }
///     }
/// }
///
/// let builder = Server::builder().heartbeat_policy(ThreeStrikes);
/// # let _ = builder;
/// ```
pub trait HeartbeatPolicy: Send + Sync + 'static {
    /// How long a connection may be silent before its peer is pinged. It is read once, at start, and sent to clients.
    fn interval(&self) -> Duration {
        DefaultHeartbeat::default().interval
    }

    /// How long the answer to a ping may take. It is read once, at start, and sent to clients.
    fn timeout(&self) -> Duration {
        DefaultHeartbeat::default().timeout
    }

    /// How long a client of Engine.IO 3, which asks for signs of life itself, may be silent. Read once, at start;
    /// never more than 24 days.
    ///
    /// By default [`interval`](Self::interval) and [`timeout`](Self::timeout) together, but at least 70 seconds:
    /// browsers let the timers of a tab that is hidden fire only once a minute, whatever interval the client was given,
    /// and its connection is to outlive that. Where the interval is two seconds or less it is the two together: a
    /// server with such an interval is to find a dead peer within seconds, at the cost of hidden tabs.
    ///
    /// A connection whose stream ends is over at once, whatever this says.
    fn patience(&self) -> Duration {
        let both = self.interval().saturating_add(self.timeout());
        if self.interval() <= HASTY { both } else { both.max(THROTTLED) }
    }

    /// Whether this is a sign of life. By default everything is. Asked once for each, at start.
    fn counts(&self, sign: Activity) -> bool {
        let _ = sign;
        true
    }

    /// Called a few times an interval for each connection that has sent something since the last time: for programs
    /// that keep a list of the peers that are alive.
    fn alive(&self, pulse: &Liveness<'_>) {
        let _ = pulse;
    }

    /// Called when the answer was not received in time.
    fn at_limit(&self, pulse: &Liveness<'_>) -> TimeoutAction {
        let _ = pulse;
        TimeoutAction::Close
    }
}

/// The policy that is in force unless another one is given: any traffic is life, and its absence the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultHeartbeat {
    /// How long a connection may be silent before its peer is asked. Default: 25 s.
    pub interval: Duration,
    /// How long the answer may take. Default: 20 s.
    pub timeout: Duration,
}

impl Default for DefaultHeartbeat {
    fn default() -> Self {
        Self { interval: Duration::from_secs(25), timeout: Duration::from_secs(20) }
    }
}

impl HeartbeatPolicy for DefaultHeartbeat {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// A policy in force, and what it said once and for all.
#[derive(Clone)]
pub(crate) struct Watch {
    policy: Arc<dyn HeartbeatPolicy>,
    /// Whether all that is read counts.
    pub(crate) traffic_counts: bool,
    pub(crate) beats_count: bool,
    /// How long a peer that asks itself may be silent.
    patience: Duration,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("traffic_counts", &self.traffic_counts).finish_non_exhaustive()
    }
}

impl Watch {
    pub(crate) fn new(policy: impl HeartbeatPolicy) -> Self {
        let (traffic_counts, beats_count) = (policy.counts(Activity::Traffic), policy.counts(Activity::Beat));
        // The clock of all connections wraps after 49 days.
        let patience = policy.patience().min(2 * LONGEST_HEARTBEAT);
        Self { policy: Arc::new(policy), traffic_counts, beats_count, patience }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.policy.interval()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.policy.timeout()
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// Runs the program's own code, which must not take the clock of all connections along.
    fn ask<R>(
        &self,
        connection: &dyn Watched,
        question: impl FnOnce(&dyn HeartbeatPolicy) -> R,
    ) -> Option<R> {
        let place = Place::apart(FailureOrigin::Hook, "heartbeat policy");
        connection.reporter().run(place, || question(&*self.policy))
    }

    pub(crate) fn alive(&self, connection: &dyn Watched, silent_for: Duration) {
        self.ask(connection, |policy| policy.alive(&Liveness { connection, silent_for, missed: 0 }));
    }

    pub(crate) fn at_limit(
        &self,
        connection: &dyn Watched,
        silent_for: Duration,
        missed: u32,
    ) -> TimeoutAction {
        let pulse = Liveness { connection, silent_for, missed };
        self.ask(connection, |policy| policy.at_limit(&pulse)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_tab_is_waited_for_and_a_test_is_not() {
        let patience = |interval, timeout| {
            let [interval, timeout] = [interval, timeout].map(Duration::from_millis);
            DefaultHeartbeat { interval, timeout }.patience().as_millis()
        };
        assert_eq!(patience(25_000, 20_000), 70_000);
        assert_eq!(patience(2_500, 2_000), 70_000);
        assert_eq!(patience(2_000, 2_000), 4_000);
        assert_eq!(patience(60_000, 20_000), 80_000);
        assert_eq!(patience(300, 200), 500);
        assert_eq!(patience(1_000, 60_000), 61_000);
        let most = DefaultHeartbeat { interval: Duration::MAX, timeout: Duration::MAX };
        assert_eq!(most.patience(), Duration::MAX);
    }
}
