//! One coarse clock for all connections of a hub: no timer belongs to a connection.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use crate::config::Config;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::objects::Connection;
use crate::objects::hub::Hub;
use crate::observe::report::{FailureOrigin, Place};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

const SLOTS: usize = 16;

/// A tick of the hub's clock, which costs no more where there may be none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(NonZeroU32);

impl Moment {
    /// The first tick of the clock passes for the one before it: a tick later, what was answered within it would pass
    /// for unanswered.
    pub(crate) fn at(clock: u32) -> Self {
        Self(NonZeroU32::new(clock).unwrap_or(NonZeroU32::MAX))
    }

    pub(crate) fn clock(self) -> u32 {
        self.0.get()
    }
}

/// Every connection is in one slot; each tick looks after the connections of one slot.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: [Mutex<Vec<Weak<Connection>>>; SLOTS],
    next: AtomicUsize,
    clock: AtomicU32,
    started: Instant,
    tick: Duration,
}

impl Wheel {
    /// A wheel that comes round at least four times in the shortest of the connections' timings.
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

    pub(crate) fn insert(&self, connection: &Arc<Connection>) {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % SLOTS;
        self.slots[slot].lock().push(Arc::downgrade(connection));
    }

    /// Every connection there is.
    pub(crate) fn connections(&self) -> Vec<Arc<Connection>> {
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

impl Hub {
    /// Checks the connections of one slot.
    fn look_after(&self, slot: usize, check: impl Fn(&Arc<Connection>)) {
        for connection in self.wheel().visit(slot) {
            self.look_after_one(connection, &check);
        }
    }

    /// Checks one connection.
    pub(crate) fn look_after_one(&self, connection: Arc<Connection>, check: impl FnOnce(&Arc<Connection>)) {
        let id = connection.id;
        self.survive(format_args!("connection {id}"), || {
            check(&connection);
            // It may be the last to hold it, and what the connection holds is the program's.
            drop(connection);
        });
    }

    /// Runs one check and reports its panic. The wheel turns on: all other connections depend on it.
    fn survive(&self, of: impl fmt::Display, check: impl FnOnce()) {
        let Err(failure) = guarded(check) else { return };
        let failure = Failure { message: format!("{of}: {}", failure.message).into(), ..*failure };
        self.disclose(Place::apart(FailureOrigin::Hook, "time-outs"), failure);
    }
}

/// Turns the wheel of a hub for as long as the hub lives. A check that panics is reported, and ends nothing else.
pub(crate) async fn turn(hub: Weak<Hub>, tick: Duration) {
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for slot in (0..SLOTS).cycle() {
        ticks.tick().await;
        let Some(hub) = hub.upgrade() else { return };
        let now = hub.exact_clock();
        hub.wheel().clock.store(now, Ordering::Relaxed);
        hub.look_after(slot, |connection| {
            connection.check(now);
        });
        hub.survive("sessions", || hub.expire_sessions(now));
    }
}

impl Wheel {
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// How long it takes to come round.
    pub(crate) fn turn(&self) -> Duration {
        self.tick * u32::try_from(SLOTS).expect("a small number")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::handler::{HandlerList, Side, TableBuilder};
    use crate::objects::Policies;
    use crate::observe::ErrorHook;
    use crate::peer::{PeerAddress, Transport};

    #[tokio::test]
    async fn a_check_that_panics_is_reported_and_the_others_take_place() {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&reports);
        let policies = Policies {
            on_error: Some(ErrorHook::new(move |report| seen.lock().push(report.message().to_owned()))),
            ..Policies::default()
        };
        let table =
            TableBuilder::new(Side::Server).handlers(HandlerList::Explicit(Vec::new())).build().unwrap();
        let hub = Hub::start(Side::Server, table, Config::default(), HashMap::new(), false, policies);
        let open = |_| Connection::new(&hub, PeerAddress::Unix, Transport::Unix, None);
        let connections: Vec<_> = (0..3 * SLOTS).map(open).collect();
        let unlucky = connections[SLOTS].id;
        let checked = AtomicUsize::new(0);
        for slot in 0..SLOTS {
            hub.look_after(slot, |connection| {
                checked.fetch_add(1, Ordering::Relaxed);
                assert!(connection.id != unlucky, "a fault in a check");
            });
        }
        assert_eq!(checked.into_inner(), connections.len());
        assert_eq!(*reports.lock(), [format!("connection {unlucky}: panic: a fault in a check")]);
    }
}
