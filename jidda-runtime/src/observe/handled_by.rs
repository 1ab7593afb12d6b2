//! What handles an event: for its reply, for metrics, and for reports of failures.

use std::sync::Arc;

use crate::handler::{EventName, RouteId, Table};
use crate::observe::started::Started;

/// What handles an event, and since when.
#[derive(Debug, Clone)]
pub(crate) struct EventLabel {
    pub(crate) handled: Handled,
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) started: Started,
}

/// What handles an event, and its name where a reply needs it: from the table, or as it was received.
#[derive(Debug, Clone)]
pub(crate) enum Handled {
    Route(RouteId),
    /// What has no handler of its own: that of all others, or the inbox of bare messages.
    Caught(RouteId, Arc<str>),
    /// A closure that was added at run time.
    Listener(Arc<str>),
}

impl EventLabel {
    #[inline]
    pub(crate) fn of(route: RouteId, name: Option<&EventName>) -> Self {
        let handled = match name {
            Some(name) => Handled::Caught(route, (&**name).into()),
            None => Handled::Route(route),
        };
        Self { handled, started: Started::now() }
    }

    /// An event that has no handler of its own.
    pub(crate) fn caught(route: RouteId, name: &str) -> Self {
        Self { handled: Handled::Caught(route, name.into()), started: Started::now() }
    }

    /// An event that a closure handles.
    pub(crate) fn listener(name: &str, started: Started) -> Self {
        Self { handled: Handled::Listener(name.into()), started }
    }

    /// The handler's route, if it is in the table.
    pub(crate) fn route(&self) -> Option<RouteId> {
        match &self.handled {
            Handled::Route(route) | Handled::Caught(route, _) => Some(*route),
            Handled::Listener(_) => None,
        }
    }

    pub(crate) fn name<'a>(&'a self, table: &'a Table) -> &'a str {
        match &self.handled {
            Handled::Route(route) => table.route(*route).event(),
            Handled::Caught(_, name) | Handled::Listener(name) => name,
        }
    }
}
