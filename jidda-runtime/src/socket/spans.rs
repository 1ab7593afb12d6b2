//! Spans for `tracing`: of a connection, of each event and of each call. `docs/observability.md` has their fields.
//!
//! Without a subscriber at the level of debug, an event costs one relaxed load for them.

use std::sync::Arc;

use tracing::field::{Empty, display};
use tracing::{Instrument, Level, Span};

use crate::foreign::shown;
use crate::handler::{Dispatch, Scope};
use crate::objects::Connection;
use crate::objects::{Socket, SocketInner};
use crate::reason::DisconnectReason;
use crate::trace::TraceContext;
use crate::wire::Protocol;

/// Whether there is a subscriber at all.
#[inline]
pub(crate) fn are_wanted() -> bool {
    tracing::level_enabled!(Level::DEBUG)
}

/// What is known of an event before its handler runs.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) event: &'a str,
    /// Whether the peer waits for a reply.
    pub(crate) is_call: bool,
    pub(crate) scope: Option<&'a Arc<Scope>>,
}

/// Runs what handles an event in the scope it was sent with, and in a span of its own.
#[inline]
pub(crate) fn run(socket: &Arc<SocketInner>, about: About<'_>, run: impl FnOnce() -> Dispatch) -> Dispatch {
    let run = || Scope::enter(about.scope, run);
    if are_wanted() { in_span(socket, about, run) } else { run() }
}

#[cold]
fn in_span(socket: &Arc<SocketInner>, about: About<'_>, run: impl FnOnce() -> Dispatch) -> Dispatch {
    let connection = &socket.connection;
    let parent = connection.span();
    let span = tracing::debug_span!(
        target: "jidda",
        parent: parent.as_ref().and_then(Span::id),
        "jidda.event",
        namespace = &*shown(socket.namespace()),
        event = &*shown(about.event),
        socket = %Socket { inner: Arc::clone(socket) }.id(),
        connection = %connection.id,
        kind = if about.is_call { "call" } else { "event" },
        trace_id = Empty,
    );
    if span.is_disabled() {
        return run();
    }
    if let Some(trace) = about.scope.and_then(|scope| scope.trace()) {
        span.record("trace_id", trace.trace_id());
    }
    match span.in_scope(run) {
        Dispatch::Future(future) => Dispatch::Future(Box::pin(future.instrument(span))),
        ready @ Dispatch::Ready(_) => ready,
    }
}

/// The span of a call to the other side.
#[cold]
pub(crate) fn of_call(socket: &Socket, event: &str, trace: Option<&TraceContext>) -> Option<Box<Span>> {
    let span = tracing::debug_span!(
        target: "jidda",
        "jidda.call",
        namespace = &*shown(socket.namespace()),
        event = &*shown(event),
        socket = %socket.id(),
        connection = %socket.connection_id(),
        trace_id = Empty,
        outcome = Empty,
    );
    if span.is_disabled() {
        return None;
    }
    if let Some(trace) = trace {
        span.record("trace_id", trace.trace_id());
    }
    Some(Box::new(span))
}

impl Connection {
    /// The connection's span, made when it is first asked for: one that never says anything has none.
    #[cold]
    pub(crate) fn span(&self) -> Option<Span> {
        if let Some(span) = self.link.change().span() {
            return Some(span);
        }
        // Not under the lock: a subscriber is code of the program.
        let span = tracing::debug_span!(
            target: "jidda",
            parent: None,
            "jidda.connection",
            connection = %self.id,
            peer = %self.peer,
            transport = self.transport().as_str(),
            protocol = self.wire.name(),
            identity = Empty,
            reason = Empty,
        );
        if span.is_disabled() {
            return None;
        }
        if let Some(identity) = self.identity() {
            span.record("identity", &*shown(identity.name()));
        }
        self.kept(|kept| Some((**kept?.span.get_or_insert_with(|| Box::new(span))).clone()))
    }

    /// Records the peer's identity in the connection's span.
    pub(crate) fn record_identity(&self, identity: &str) {
        if are_wanted()
            && let Some(span) = self.span()
        {
            span.record("identity", &*shown(identity));
        }
    }

    /// The same, once that was proved.
    pub(crate) fn record_standing(&self) {
        if are_wanted()
            && let Some(identity) = self.identity()
        {
            self.record_identity(identity.name());
        }
    }

    /// Records in the connection's span why it ends.
    pub(crate) fn record_reason(&self, reason: &DisconnectReason) {
        // A subscriber is code of the program: not while anything is locked.
        let span = if are_wanted() { self.link.change().span() } else { None };
        if let Some(span) = span {
            span.record("reason", display(reason));
        }
    }
}
