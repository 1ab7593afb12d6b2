//! Runs what handles an event: a route of the table, a closure, the inbox of bare messages.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::guard::{discard, guarded};
use crate::handler::{
    self, Arguments, Call, Callback, Dispatch, EventName, Glue, Next, Origin, Reply, Scope,
};
use crate::objects::SocketInner;
use crate::observe::report::{FailureOrigin, Place};
use crate::observe::started::Started;
use crate::socket::listeners::{observed, show};

/// Runs a route's function, through its middleware where there is any. A panic is a reply like any other.
#[inline]
pub(crate) fn run_glue(
    socket: &SocketInner,
    context: &handler::Context,
    arguments: Arguments<'_>,
) -> Dispatch {
    let run = || {
        let route = socket.table().route(context.route());
        if route.middleware().is_empty() {
            let glue = route.glue();
            glue(context, arguments)
        } else {
            Dispatch::Future(
                Next::first(route.middleware(), route.glue()).run(Call::new(context.clone(), arguments)),
            )
        }
    };
    guarded(run).unwrap_or_else(|failure| Dispatch::Ready(Reply::failed(failure)))
}

/// Runs a function that nothing is around, up to where it waits for something. A panic is a reply like any other.
#[inline]
pub(crate) fn run_bare(
    glue: Glue,
    context: &handler::Context,
    arguments: Arguments<'_>,
    cx: &mut Context<'_>,
) -> Dispatch {
    // Written where it stays: what was just written and is moved on has to be waited for by the processor.
    let mut dispatch = None;
    let run = || {
        let dispatch = dispatch.insert(glue(context, arguments));
        if let Dispatch::Future(future) = dispatch
            && let Poll::Ready(reply) = future.as_mut().poll(cx)
        {
            *dispatch = Dispatch::Ready(reply);
        }
    };
    match guarded(run) {
        Ok(()) => dispatch.expect("it was run"),
        Err(failure) => {
            discard("the destructor of a handler's future", dispatch);
            Dispatch::Ready(Reply::failed(failure))
        }
    }
}

/// Shows an event to the observers, and takes its run-time handler if it has one.
#[cold]
pub(crate) fn listener(
    socket: &Arc<SocketInner>,
    event: &str,
    arguments: Arguments<'_>,
) -> Option<(Callback, Started)> {
    let started = Started::now();
    let (callback, observers) =
        socket.with_listeners(|listeners| (listeners.take(event), listeners.observers()));
    if !observers.is_empty() {
        show(socket, observers, event, &observed(arguments).unwrap_or_default());
    }
    Some((callback?, started))
}

/// Runs a handler that was added at run time. A panic is a reply like any other.
pub(crate) fn run_listener(
    socket: &Arc<SocketInner>,
    event: &str,
    arguments: Arguments<'_>,
    callback: Callback,
) -> Dispatch {
    let dispatch = guarded(|| run_callback(socket, event, arguments, &callback))
        .unwrap_or_else(|failure| Dispatch::Ready(Reply::failed(failure)));
    // A `once` closure that ran is over.
    socket.connection.hub.discard(Place::closure(FailureOrigin::Listener, socket, event), callback);
    dispatch
}

/// Runs a handler that is in no table, through the middleware of its namespace where there is any.
pub(crate) fn run_callback(
    socket: &Arc<SocketInner>,
    event: &str,
    arguments: Arguments<'_>,
    callback: &Callback,
) -> Dispatch {
    let fallback = socket.routes().fallback();
    let route = socket.table().route(fallback);
    if route.middleware().is_empty() {
        return callback(arguments, socket.encoding());
    }
    let name = EventName::new(event.to_owned());
    let context = handler::Context::new(Arc::clone(socket) as Arc<dyn Origin>, fallback, Some(name));
    let context = context.within(Scope::current());
    let next = Next::first(route.middleware(), route.glue());
    Dispatch::Future(next.run(Call::new(context, arguments).to(Arc::clone(callback))))
}

/// Keeps bare messages that no handler takes until they are received.
pub(crate) fn inbox(socket: &Arc<SocketInner>) -> Callback {
    let socket = Arc::clone(socket);
    Arc::new(move |arguments, encoding| {
        if socket.deliver_message(arguments.bytes()) {
            Dispatch::Ready(Reply::value(&(), encoding))
        } else {
            Dispatch::refused(Error::new("busy", "too many messages wait to be received"))
        }
    })
}
