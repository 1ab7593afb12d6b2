//! The short way of an event that nothing stands in the way of: most are such, and pay for nothing else.

use std::any::Any;
use std::sync::Arc;
use std::task::Context;

use crate::driver::incoming::Incoming;
use crate::driver::run_handler::run_bare;
use crate::driver::task::Driver;
use crate::handler::{self, Arguments, Dispatch, Glue, Origin, RouteId};
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;
use crate::observe::handled_by::EventLabel;
use crate::observe::watchdog;
use crate::socket::spans;
use crate::sync::atomic::Ordering;

/// What an event needs besides its handler, apart from what the handler's own entry asks for. The slow path does what it
/// finds here and nothing else, so that a feature that is added there has to be added here, and keeps its events from the
/// fast path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventNeeds(u8);

impl EventNeeds {
    pub(crate) const NOTHING: Self = Self(0);
    /// Other handlers run, or the connection drains: it may have to wait, or to be refused.
    pub(crate) const TURN: Self = Self(1);
    /// It has a deadline, a trace, an identity or the like.
    pub(crate) const SCOPE: Self = Self(1 << 1);
    /// Its socket is not active: it is kept until it is, or passed over.
    pub(crate) const ACTIVATION: Self = Self(1 << 2);
    /// Closures were added to its socket that may handle or observe it.
    pub(crate) const LISTENERS: Self = Self(1 << 3);
    /// Its handler runs in a span.
    pub(crate) const SPAN: Self = Self(1 << 4);

    #[inline]
    pub(crate) fn has(self, need: Self) -> bool {
        self.0 & need.0 != 0
    }

    #[inline]
    fn with(self, need: Self, is_needed: bool) -> Self {
        if is_needed { Self(self.0 | need.0) } else { self }
    }
}

impl Driver {
    /// What an event needs besides its handler.
    #[inline]
    pub(crate) fn needs(&self, socket: &SocketInner, incoming: Incoming<'_>) -> EventNeeds {
        EventNeeds::NOTHING
            .with(EventNeeds::TURN, self.running.is_some() || self.draining.is_some())
            .with(EventNeeds::SCOPE, incoming.meta.is_some() || self.connection.trace().is_some())
            .with(EventNeeds::ACTIVATION, socket.phase() != Phase::Active)
            .with(EventNeeds::LISTENERS, socket.has_listeners.load(Ordering::Acquire))
            .with(EventNeeds::SPAN, spans::are_wanted())
    }

    /// The route of an event that nothing stands in the way of: most are such.
    #[inline]
    pub(crate) fn plain_route(
        &self,
        socket: &SocketInner,
        incoming: Incoming<'_>,
    ) -> Option<(RouteId, Glue)> {
        let is_plain = self.needs(socket, incoming) == EventNeeds::NOTHING;
        if is_plain { socket.routes().plain_event(incoming.event) } else { None }
    }

    /// Runs an event of a plain route. It lends the socket to the handler, and gives it back: two fewer changes of a
    /// counter that other threads may look at.
    #[inline]
    pub(crate) fn run_plain(
        &mut self,
        socket: Arc<SocketInner>,
        (route, glue): (RouteId, Glue),
        incoming: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> Arc<SocketInner> {
        let label = EventLabel::of(route, None);
        let arguments = Arguments::new(incoming.arguments, socket.encoding());
        let context = handler::Context::new(socket, route, None);
        watchdog::begins(Some(route));
        let dispatch = run_bare(glue, &context, arguments, cx);
        let origin: Arc<dyn Any + Send + Sync> = context.into_origin();
        let socket = origin.downcast::<SocketInner>().expect("what was put in");
        // Looked at where it is.
        if let Dispatch::Ready(reply) = &dispatch
            && let Some(value) = reply.payload()
        {
            self.respond_with(&socket, incoming.id, &label, value);
            return socket;
        }
        match dispatch {
            Dispatch::Ready(reply) => self.respond(&socket, incoming.id, &label, reply),
            Dispatch::Future(future) => {
                self.running().push_event(
                    &socket,
                    (incoming.id, label, false, incoming.arguments.len()),
                    future,
                    None,
                );
            }
        }
        socket
    }
}
