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
use crate::socket::spans;
use crate::sync::atomic::Ordering;

impl Driver {
    /// The route of an event that nothing stands in the way of: most are such.
    #[inline]
    pub(crate) fn plain_route(
        &self,
        socket: &SocketInner,
        incoming: Incoming<'_>,
    ) -> Option<(RouteId, Glue)> {
        let is_plain = self.running.is_none()
            && self.draining.is_none()
            && incoming.meta.is_none()
            && socket.phase() == Phase::Active
            && !socket.has_listeners.load(Ordering::Acquire)
            && self.connection.trace().is_none()
            && !spans::are_wanted();
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
