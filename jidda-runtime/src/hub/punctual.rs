//! Time-outs exact to the millisecond, for peers that send the pings themselves.
//!
//! The timer wheel checks each connection once in a while, and its clock does not advance between two ticks. That is
//! exact enough for a peer that the server pings. A client of Engine.IO 3 sends the pings itself, and its session has
//! to end after exactly the interval plus the time-out that the server announced. So for such a peer the time of the
//! last sign of life is exact, which costs reading the clock once per read. A check that the wheel cannot make in time
//! has its own timer. Few connections ever need one: only those that have been silent for nearly the whole time-out.

use std::sync::Arc;
use std::time::Duration;

use crate::objects::Connection;
use crate::sync::atomic::Ordering;
use crate::wire::{Heartbeat, Protocol};

impl Connection {
    /// Whether the peer sends the pings.
    #[inline]
    pub(crate) fn asks_itself(&self) -> bool {
        self.wire().heartbeat() == Heartbeat::Theirs
    }

    /// Whether its times are measured exactly: those that a peer counts on.
    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        self.asks_itself() || self.negotiated().is_some()
    }

    /// The clock that measures how long the peer is silent.
    #[inline]
    pub(crate) fn heart_clock(&self) -> u32 {
        if self.is_exact() { self.hub.exact_clock() } else { self.hub.clock() }
    }

    /// Whether the peer has been silent for too long, so that its messages are too late. Its connection ends then.
    pub(crate) fn is_over_time(self: &Arc<Self>) -> bool {
        if !self.asks_itself() {
            return false;
        }
        // Read `last_seen` before the clock: a message that arrives in between must not seem to be in the future.
        let seen = self.last_seen.load(Ordering::Relaxed);
        let silent_for = Duration::from_millis(self.hub.exact_clock().wrapping_sub(seen).into());
        silent_for >= self.patience() && self.check(self.hub.clock())
    }

    /// Checks the connection after so long, if the wheel may not visit it before.
    pub(crate) fn check_after(self: &Arc<Self>, left: Duration) {
        // It may be late by as much again, where there is a lot to do.
        if left > 2 * self.hub.wheel().turn() {
            return;
        }
        let Some(requested) = self.requested() else { return };
        if requested.is_timed.swap(true, Ordering::Relaxed) {
            return;
        }
        let connection = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(left).await;
            let Some(connection) = connection.upgrade() else { return };
            if let Some(requested) = connection.requested() {
                requested.is_timed.store(false, Ordering::Relaxed);
            }
            let hub = Arc::clone(&connection.hub);
            hub.look_after_one(connection, |connection| {
                connection.check(connection.hub.clock());
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tokio::time::Instant;

    use super::*;
    use crate::config::Config;
    use crate::driver::Driver;
    use crate::handler::{HandlerList, Parameters, Side, TableBuilder};
    use crate::id::SocketId;
    use crate::objects::{Arrival, Hub, Policies};
    use crate::objects::{DefaultHeartbeat, HeartbeatPolicy, Watch};
    use crate::payload::Integers;
    use crate::peer::{PeerAddress, Transport};
    use crate::reason::DisconnectReason;
    use crate::transport::Stream;
    use crate::wire::Wire;
    use crate::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
    use tokio::io::{AsyncWriteExt, DuplexStream};

    struct Policy(Duration);

    impl HeartbeatPolicy for Policy {
        fn interval(&self) -> Duration {
            DefaultHeartbeat::default().interval
        }

        fn patience(&self) -> Duration {
            self.0
        }
    }

    fn hub(patience: Duration) -> Arc<Hub> {
        let table =
            TableBuilder::new(Side::Server).handlers(HandlerList::Explicit(Vec::new())).build().unwrap();
        let policies = Policies { heartbeat: Some(Watch::new(Policy(patience))), ..Policies::default() };
        // Not what is tested.
        let config = Config { connect_timeout: Duration::from_secs(1000), ..Config::default() };
        Hub::start(Side::Server, table, config, HashMap::new(), false, policies)
    }

    fn connect(hub: &Arc<Hub>) -> (Arc<Connection>, Driver, DuplexStream) {
        let wire = Wire::EngineIo(EngineIo {
            role: Role::Server,
            version: Version::V3,
            layer: Layer::Raw,
            base64: false,
            max_attachments: 10,
            is_parted: false,
            acknowledgements: Acknowledgements::Plain,
            integers: Integers::Safe,
        });
        let arrival = Arrival {
            peer: PeerAddress::Unknown,
            medium: Transport::WebSocket,
            wire,
            security: None,
            session: Some(SocketId::random()),
            request: None,
            parameters: Parameters::default(),
            upgrades: false,
            is_quiet: false,
            gate: None,
            preface: Vec::new(),
        };
        let (peer, ours) = tokio::io::duplex(64 * 1024);
        let connection = Connection::arrive(hub, arrival);
        (Arc::clone(&connection), Driver::new(connection, Stream::foreign(ours)), peer)
    }

    /// How long it takes for a connection to end. Its task goes on, for its last words to be read.
    async fn lasted(connection: &Connection, start: Instant) -> Duration {
        while !connection.is_closed() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        start.elapsed()
    }

    /// A ping in a WebSocket, masked with zeros.
    const PING: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'2'];

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_closed_to_the_millisecond_with_any_wheel() {
        for patience in [70_000, 12_345, 4_000, 3_999, 300, 17, 1] {
            let patience = Duration::from_millis(patience);
            let hub = hub(patience);
            for pause in [0, 1, 249, 250, 1_777] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let (connection, driver, peer) = connect(&hub);
                let start = Instant::now();
                assert!(!connection.is_over_time());
                let driving = tokio::spawn(driver);
                let late = lasted(&connection, start).await.checked_sub(patience).expect("not too early");
                assert!(late <= Duration::from_millis(2), "{patience:?}, {pause}: {late:?} late");
                drop(peer);
                assert_eq!(driving.await.unwrap(), DisconnectReason::PingTimeout);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_asks_in_time_stays_and_has_its_whole_time_again() {
        let patience = Duration::from_millis(500);
        let hub = hub(patience);
        let (connection, driver, mut peer) = connect(&hub);
        let driving = tokio::spawn(driver);
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(499)).await;
            assert!(!connection.is_over_time());
            peer.write_all(PING).await.unwrap();
        }
        let lasted = lasted(&connection, Instant::now()).await;
        assert_eq!(driving.await.unwrap(), DisconnectReason::PingTimeout);
        assert!(lasted >= patience && lasted <= patience + Duration::from_millis(2), "{lasted:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_peer_is_closed_before_the_wheel_checks_it() {
        let patience = Duration::from_secs(60);
        let hub = hub(patience);
        let (connection, driver, _peer) = connect(&hub);
        // Nothing else runs meanwhile, as on a busy machine.
        tokio::time::advance(Duration::from_millis(59_999)).await;
        assert!(!connection.is_over_time());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(connection.is_over_time());
        assert_eq!(driver.await, DisconnectReason::PingTimeout);
    }
}
