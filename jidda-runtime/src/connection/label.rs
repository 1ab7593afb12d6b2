//! What handles an event: for its reply, for the numbers, and for whoever is told of a failure.

use std::sync::Arc;

use super::metrics::Started;
use super::report::{FailureOrigin, Place};
use super::socket::SocketInner;
use crate::handler::{EventName, Origin, RouteId};

/// What handles an event, and since when.
#[derive(Debug, Clone)]
pub(super) struct EventLabel {
    pub(super) handled: Handled,
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(super) started: Started,
}

/// What handles an event, and its name where a reply may have to tell it: from the table, or as it came.
#[derive(Debug, Clone)]
pub(super) enum Handled {
    Route(RouteId),
    /// What has no handler of its own: that of all others, or the inbox of bare messages.
    Caught(RouteId, Arc<str>),
    /// A closure that was added at run time.
    Listener(Arc<str>),
}

impl EventLabel {
    #[inline]
    pub(super) fn of(route: RouteId, name: Option<&EventName>) -> Self {
        let handled = match name {
            Some(name) => Handled::Caught(route, (&**name).into()),
            None => Handled::Route(route),
        };
        Self { handled, started: Started::now() }
    }

    /// An event that has no handler of its own.
    pub(super) fn caught(route: RouteId, name: &str) -> Self {
        Self { handled: Handled::Caught(route, name.into()), started: Started::now() }
    }

    /// An event that a closure handles.
    pub(super) fn listener(name: &str, started: Started) -> Self {
        Self { handled: Handled::Listener(name.into()), started }
    }

    pub(super) fn name<'a>(&'a self, socket: &'a SocketInner) -> &'a str {
        match &self.handled {
            Handled::Route(route) => socket.table().route(*route).event(),
            Handled::Caught(_, name) | Handled::Listener(name) => name,
        }
    }

    /// What handles the event.
    pub(super) fn place<'a>(&'a self, socket: &'a Arc<SocketInner>) -> Place<'a> {
        match &self.handled {
            Handled::Route(route) => Place::route(socket, *route, None),
            Handled::Caught(route, name) => Place::route(socket, *route, Some(name)),
            Handled::Listener(name) => Place::closure(FailureOrigin::Listener, socket, name),
        }
    }
}
