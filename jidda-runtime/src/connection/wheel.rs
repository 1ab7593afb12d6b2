//! One coarse clock for all connections of a hub: no timer belongs to a connection.

use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::Connection;
use super::hub::Hub;
use crate::config::Config;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

const SLOTS: usize = 16;

/// A tick of the hub's clock, which costs no more where there may be none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(NonZeroU32);

impl Moment {
    /// The first tick of the clock passes for the one before it: a tick later, what was answered within it would pass
    /// for unanswered.
    pub(super) fn at(clock: u32) -> Self {
        Self(NonZeroU32::new(clock).unwrap_or(NonZeroU32::MAX))
    }

    pub(super) fn clock(self) -> u32 {
        self.0.get()
    }
}

/// Every connection is in one slot; each tick looks after the connections of one slot.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: [Mutex<Vec<Weak<Connection>>>; SLOTS],
    next: AtomicUsize,
    clock: AtomicU32,
    tick: Duration,
}

impl Wheel {
    /// A wheel that comes round at least four times in the shortest of the connections' timings.
    pub(super) fn new(config: &Config) -> Self {
        let shortest = config
            .heartbeat
            .min(config.heartbeat_timeout)
            .min(config.slow_consumer)
            .min(config.handshake_timeout)
            .min(config.connect_timeout)
            .min(if config.expiry_notice.is_zero() { config.heartbeat } else { config.expiry_notice });
        let turn = (shortest / 4).clamp(Duration::from_millis(16), Duration::from_secs(4));
        Self {
            slots: Default::default(),
            next: AtomicUsize::new(0),
            clock: AtomicU32::new(0),
            tick: turn / u32::try_from(SLOTS).expect("a small number"),
        }
    }

    /// Milliseconds since the hub started, as of the last tick. It wraps after 49 days.
    #[inline]
    pub(super) fn clock(&self) -> u32 {
        self.clock.load(Ordering::Relaxed)
    }

    pub(super) fn insert(&self, connection: &Arc<Connection>) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % SLOTS;
        self.slots[slot].lock().push(Arc::downgrade(connection));
    }

    /// Every connection there is.
    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        self.slots
            .iter()
            .flat_map(|slot| slot.lock().iter().filter_map(Weak::upgrade).collect::<Vec<_>>())
            .collect()
    }

    /// The connections of one slot; those that are gone leave it.
    fn visit(&self, slot: usize) -> Vec<Arc<Connection>> {
        let mut slot = self.slots[slot].lock();
        let mut found = Vec::with_capacity(slot.len());
        slot.retain(|connection| match connection.upgrade() {
            Some(connection) => {
                found.push(connection);
                true
            }
            None => false,
        });
        if slot.capacity() > 64 && slot.len() < slot.capacity() / 4 {
            let length = slot.len();
            slot.shrink_to(2 * length);
        }
        found
    }
}

/// Turns the wheel of a hub for as long as the hub lives.
pub(super) async fn turn(hub: Weak<Hub>, tick: Duration) {
    let start = Instant::now();
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for slot in (0..SLOTS).cycle() {
        ticks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        // Wraps after 49 days, which `check` is written for.
        #[allow(clippy::cast_possible_truncation)]
        let now = start.elapsed().as_millis() as u32;
        hub.wheel().clock.store(now, Ordering::Relaxed);
        for connection in hub.wheel().visit(slot) {
            connection.check(now);
        }
        hub.sessions.expire(now);
    }
}

impl Wheel {
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// How long it takes to come round.
    pub(super) fn turn(&self) -> Duration {
        self.tick * u32::try_from(SLOTS).expect("a small number")
    }
}
