//! The task that turns a hub's timer wheel, and looks after its connections.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::failure::Failure;
use crate::guard::guarded;
use crate::link::timer_wheel::SLOTS;
use crate::objects::{Connection, Hub};
use crate::observe::report::{FailureOrigin, Place};

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
        hub.wheel().advance(now);
        hub.look_after(slot, |connection| {
            connection.check(now);
        });
        hub.survive("sessions", || hub.expire_sessions(now));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::Config;
    use crate::handler::{HandlerList, Side, TableBuilder};
    use crate::objects::Policies;
    use crate::observe::ErrorHook;
    use crate::peer::{PeerAddress, Transport};
    use crate::sync::Mutex;
    use crate::sync::atomic::{AtomicUsize, Ordering};

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
