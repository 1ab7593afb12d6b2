//! One run of what handles an event: its scope, its span, its context, and the first poll of a handler that waits.
//!
//! There is no other way from an event to a handler, except the [fast path](super::fast_path) of events that need none
//! of this.

use std::sync::Arc;
use std::task::Context;

use crate::driver::in_flight::first_poll;
use crate::driver::run_handler::run_glue;
use crate::handler::{self, Arguments, Dispatch, EventName, HandlerFuture, Origin, Reply, RouteId, Scope};
use crate::objects::SocketInner;
use crate::observe::watchdog;
use crate::socket::spans::{self, About};

/// An event whose handler is about to run.
pub(crate) struct Invocation<'a> {
    pub(crate) socket: &'a Arc<SocketInner>,
    /// The event's name as it was received, or `connect` or `disconnect`.
    pub(crate) event: &'a str,
    /// Whether the peer waits for a reply.
    pub(crate) is_call: bool,
    /// What the event was sent with: a deadline, a trace, an identity.
    pub(crate) scope: Option<Arc<Scope>>,
}

impl Invocation<'_> {
    /// Runs the handler of a route, through its middleware, up to the point where it waits.
    #[inline]
    pub(crate) fn run_route(
        &self,
        (route, name): (RouteId, Option<EventName>),
        arguments: &[u8],
        cx: &mut Context<'_>,
    ) -> Result<Reply, HandlerFuture> {
        let context = handler::Context::new(Arc::clone(self.socket) as Arc<dyn Origin>, route, name);
        let context = context.within(self.scope.clone());
        let arguments = Arguments::new(arguments, self.socket.encoding());
        self.run(Some(route), || run_glue(self.socket, &context, arguments), cx)
    }

    /// The same with a function. `route` is where it is from, if it is from the table.
    #[inline]
    pub(crate) fn run(
        &self,
        route: Option<RouteId>,
        handler: impl FnOnce() -> Dispatch,
        cx: &mut Context<'_>,
    ) -> Result<Reply, HandlerFuture> {
        watchdog::begins(route);
        match self.dispatch(handler) {
            Dispatch::Ready(reply) => Ok(reply),
            Dispatch::Future(future) => Scope::enter(self.scope.as_ref(), || first_poll(future, cx)),
        }
    }

    /// Calls what handles the event, without polling what it returns.
    #[inline]
    pub(crate) fn dispatch(&self, handler: impl FnOnce() -> Dispatch) -> Dispatch {
        let about = About { event: self.event, is_call: self.is_call, scope: self.scope.as_ref() };
        spans::run(self.socket, about, handler)
    }
}
