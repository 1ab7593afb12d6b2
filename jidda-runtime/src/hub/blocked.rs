//! The report of a handler that blocks.

use std::time::Duration;

use crate::handler::RouteId;
use crate::objects::Hub;
use crate::observe::watchdog::Blocked;

impl Blocked for Hub {
    fn report_blocked(&self, route: Option<RouteId>, held: Duration) {
        let entry = route.and_then(|route| self.table.route(route).entry());
        match entry {
            Some(entry) => tracing::warn!(
                namespace = entry.namespace(),
                event = entry.event(),
                place = %entry.location(),
                ?held,
                "a handler blocks its thread, and with it other connections: write `blocking` in its `#[on(..)]`, or move \
                 the work to `tokio::task::spawn_blocking`"
            ),
            None => tracing::warn!(
                ?held,
                "a connection's task blocks its thread, and with it other connections: is there a closure, a destructor or a \
                 `Serialize` that takes long?"
            ),
        }
    }
}
