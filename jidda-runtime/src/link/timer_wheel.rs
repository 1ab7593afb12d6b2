//! One coarse clock for all connections of a hub: no timer belongs to a connection.
//!
//! The wheel does not know what it holds. `hub/clock_task.rs` turns it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Config;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Each tick looks after one of so many slots.
pub(crate) const SLOTS: usize = 16;

/// Every connection is in one slot; each tick looks after the connections of one slot.
#[derive(Debug)]
pub(crate) struct TimerWheel<T> {
    slots: [Mutex<Vec<Weak<T>>>; SLOTS],
    next: AtomicUsize,
    clock: AtomicU32,
    started: Instant,
    tick: Duration,
}

impl<T> TimerWheel<T> {
    /// A wheel that turns at least four times in the shortest of the connections' timings.
    pub(crate) fn new(config: &Config) -> Self {
        let shortest = config
            .heartbeat
            .min(config.heartbeat_timeout)
            .min(config.slow_consumer)
            .min(config.handshake_timeout)
            .min(config.plain_idle_timeout)
            .min(config.connect_timeout)
            .min(if config.expiry_notice.is_zero() { config.heartbeat } else { config.expiry_notice });
        let turn = (shortest / 4).clamp(Duration::from_millis(16), Duration::from_secs(4));
        Self {
            slots: Default::default(),
            next: AtomicUsize::new(0),
            clock: AtomicU32::new(0),
            started: Instant::now(),
            tick: turn / u32::try_from(SLOTS).expect("a small number"),
        }
    }

    /// Milliseconds since the hub started, as of the last tick. It wraps after 49 days.
    #[inline]
    pub(crate) fn clock(&self) -> u32 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Milliseconds since the hub started. Wraps after 49 days, which `check` is written for.
    #[inline]
    pub(crate) fn exact_clock(&self) -> u32 {
        #[allow(clippy::cast_possible_truncation)]
        let now = self.started.elapsed().as_millis() as u32;
        now
    }

    /// Sets the clock.
    pub(crate) fn advance(&self, now: u32) {
        self.clock.store(now, Ordering::Relaxed);
    }

    pub(crate) fn insert(&self, connection: &Arc<T>) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % SLOTS;
        self.slots[slot].lock().push(Arc::downgrade(connection));
    }

    /// Every connection there is.
    pub(crate) fn connections(&self) -> Vec<Arc<T>> {
        self.slots
            .iter()
            .flat_map(|slot| slot.lock().iter().filter_map(Weak::upgrade).collect::<Vec<_>>())
            .collect()
    }

    /// The connections of one slot; those that have ended are removed.
    pub(crate) fn visit(&self, slot: usize) -> Vec<Arc<T>> {
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

impl<T> TimerWheel<T> {
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// How long one turn takes.
    pub(crate) fn turn(&self) -> Duration {
        self.tick * u32::try_from(SLOTS).expect("a small number")
    }
}
