//! What an event's handler passes on to the calls it makes itself: the time that is left, the trace it is part of.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::streaming::Credit;
use crate::identity::Asker;
use crate::trace::TraceContext;
use crate::wire::{Meta, Servers};

thread_local! {
    static CURRENT: Cell<Option<Arc<Scope>>> = const { Cell::new(None) };
}

/// What one event was sent with, for as long as its handler runs.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    deadline: Option<Instant>,
    /// The trace that the event is part of, and its caller's place in it.
    trace: Option<TraceContext>,
    /// The identity on whose behalf the caller acts, if not its own: a trusted peer names it.
    asker: Option<Asker>,
    /// How many items its caller takes, if the reply may be a stream.
    credit: Option<Arc<Credit>>,
    /// Whether its caller wants to be notified when a streaming reply begins.
    announces: bool,
    /// The servers that passed the event on.
    pub(crate) via: Servers,
}

impl Scope {
    /// The scope of an event; `own` is how long its handler may run, `connections` the trace of its connection, if the
    /// event has none of its own. `None` when there is nothing to pass on.
    #[inline]
    pub(crate) fn of(
        meta: Option<&Meta>,
        own: Option<Duration>,
        asker: Option<Asker>,
        connections: Option<&TraceContext>,
    ) -> Option<Arc<Self>> {
        if meta.is_none() && own.is_none() && connections.is_none() {
            return None;
        }
        Some(Self::made(meta, own, asker, connections))
    }

    #[inline(never)]
    fn made(
        meta: Option<&Meta>,
        own: Option<Duration>,
        asker: Option<Asker>,
        connections: Option<&TraceContext>,
    ) -> Arc<Self> {
        let callers = meta.and_then(|meta| meta.deadline);
        let limit = match (own, callers) {
            (Some(own), Some(callers)) => Some(own.min(callers)),
            (own, callers) => own.or(callers),
        };
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let own_trace = meta
            .and_then(|meta| TraceContext::parse(meta.traceparent.as_deref()?, meta.tracestate.as_deref()));
        let trace = own_trace.or_else(|| connections.cloned());
        let credit = meta.and_then(|meta| meta.credit).map(|credit| Arc::new(Credit::new(credit)));
        let via = meta.map(|meta| meta.via.clone()).unwrap_or_default();
        let announces = meta.is_some_and(|meta| meta.open);
        Arc::new(Self { deadline, trace, asker, credit, announces, via })
    }

    /// The trace that the event is part of.
    pub(crate) fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// The scope of the handler that is being polled on this thread.
    #[inline]
    pub(crate) fn current() -> Option<Arc<Self>> {
        let current = CURRENT.take();
        CURRENT.set(current.clone());
        current
    }

    /// Runs `run` in a scope. Without one, in whatever there is: a connection's task is in none.
    #[inline]
    pub(crate) fn enter<R>(scope: Option<&Arc<Self>>, run: impl FnOnce() -> R) -> R {
        match scope {
            None => run(),
            Some(scope) => {
                // Given back even if a handler panics.
                let _entered = Entered(CURRENT.replace(Some(Arc::clone(scope))));
                run()
            }
        }
    }

    /// When the handler has to be done.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How much time is left; none when it is over.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The identity on whose behalf the caller acts, if not its own.
    pub(crate) fn asker(&self) -> Option<&Asker> {
        self.asker.as_ref()
    }

    /// How many items the caller takes; `None` if it takes no streaming reply.
    pub(crate) fn credit(&self) -> Option<&Arc<Credit>> {
        self.credit.as_ref()
    }

    /// Whether the caller wants to be notified when a streaming reply begins.
    pub(crate) fn announces(&self) -> bool {
        self.announces
    }

    /// What an event that is sent in the scope goes with, if that is anything.
    pub(crate) fn outgoing_trace(&self) -> Option<Meta> {
        let child = self.trace.as_ref()?.child();
        Some(Meta {
            traceparent: Some(child.traceparent().into()),
            tracestate: child.tracestate().map(Into::into),
            ..Meta::default()
        })
    }

    /// What a call that is made in the scope is sent with.
    pub(crate) fn outgoing(&self) -> Meta {
        let child = self.trace.as_ref().map(TraceContext::child);
        Meta {
            deadline: self.left(),
            traceparent: child.as_ref().map(|child| child.traceparent().into()),
            tracestate: child.and_then(|child| child.tracestate().map(Into::into)),
            ..Meta::default()
        }
    }
}

struct Entered(Option<Arc<Scope>>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

pin_project! {
    /// A future that passes on what the handler that made it has to pass on; see [`inherit`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct InheritScope<F> {
        scope: Option<Arc<Scope>>,
        #[pin]
        future: F,
    }
}

impl<F> fmt::Debug for InheritScope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InheritScope").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Takes the deadline and the trace of the handler that calls this along into a task of its own.
///
/// Calls that a handler makes itself have them anyway; a task that it spawns outlives it, and has not.
///
/// ```
/// # use jidda::Socket;
/// # use jidda::call::inherit;
/// async fn report(socket: &Socket) {
///     let socket = socket.clone();
///     // Without `inherit` this call would not end with the caller's deadline.
///     tokio::spawn(inherit(async move { socket.call::<()>("report", &()).await }));
/// }
/// ```
pub fn inherit<F>(future: F) -> InheritScope<F> {
    InheritScope { scope: Scope::current(), future }
}

impl<F: Future> Future for InheritScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        Scope::enter(this.scope.as_ref(), || this.future.poll(cx))
    }
}

impl TraceContext {
    /// Makes a future part of this trace: calls that are made in it carry a child. For calls that no handler makes, such
    /// as those of a web server's.
    ///
    /// ```
    /// # use jidda::Client;
    /// # use jidda::report::TraceContext;
    /// # async fn example(client: &Client, header: &str) {
    /// let trace = TraceContext::parse(header, None).unwrap_or_else(|| TraceContext::new(true));
    /// let price = trace.scope(async { client.call::<u32>("price", "apple").await }).await;
    /// # }
    /// ```
    pub fn scope<F>(self, future: F) -> InheritScope<F> {
        let current = Scope::current();
        let current = current.as_deref();
        let scope = Scope {
            deadline: current.and_then(|scope| scope.deadline),
            trace: Some(self),
            asker: current.and_then(|scope| scope.asker.clone()),
            credit: None,
            announces: false,
            via: current.map(|scope| scope.via.clone()).unwrap_or_default(),
        };
        InheritScope { scope: Some(Arc::new(scope)), future }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(milliseconds: u64) -> Meta {
        Meta { deadline: Some(Duration::from_millis(milliseconds)), ..Meta::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_sooner_limit_counts_and_shrinks() {
        assert!(Scope::of(None, None, None, None).is_none());
        let scope = Scope::of(Some(&meta(900)), Some(Duration::from_millis(500)), None, None).unwrap();
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(scope.left(), Some(Duration::from_millis(300)));
        assert_eq!(scope.outgoing().deadline, Some(Duration::from_millis(300)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(scope.left(), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn only_what_inherits_goes_on_in_a_task() {
        let scope = Scope::of(Some(&meta(1000)), None, None, None);
        let (without, with) = Scope::enter(scope.as_ref(), || {
            let current = || async { Scope::current().is_some() };
            (tokio::spawn(current()), tokio::spawn(inherit(current())))
        });
        assert!(Scope::current().is_none());
        assert!(!without.await.unwrap());
        assert!(with.await.unwrap());
    }

    #[test]
    fn a_panic_leaves_the_scope() {
        let scope = Scope::of(Some(&meta(1000)), None, None, None);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Scope::enter(scope.as_ref(), || panic!("boom"));
        }));
        assert!(panicked.is_err());
        assert!(Scope::current().is_none());
    }
}
