//! The lock around the shared state.

use std::fmt;
use std::ops::DerefMut;
use std::task::{Context, Poll};

use super::pending_requests::PendingRequests;
use super::shared_state::SharedState;
use crate::sync::Mutex;

/// What a connection's task and everyone else share, behind one short lock.
pub(crate) struct Link<S> {
    shared: Mutex<SharedState<S>>,
}

impl<S> fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl<S> Link<S> {
    pub(crate) fn new(shared: SharedState<S>) -> Self {
        Self { shared: Mutex::new(shared) }
    }

    #[inline]
    pub(crate) fn lock(&self) -> impl DerefMut<Target = SharedState<S>> + '_ {
        self.shared.lock()
    }

    /// Waits for what `take` looks for: the answer of a request, or an item of a stream.
    ///
    /// A waker is code of the program, and neither cloned nor dropped while the connection is locked. `is_new` tells that
    /// nothing waits yet: then there is nothing to look for before that.
    pub(crate) fn poll_request<T>(
        &self,
        id: u32,
        is_new: bool,
        take: impl Fn(&mut PendingRequests<S>, u32) -> Option<T>,
        cx: &Context<'_>,
    ) -> Poll<T> {
        if !is_new {
            let calls = &mut self.lock().calls;
            if let Some(found) = take(calls, id) {
                return Poll::Ready(found);
            }
            if calls.would_wake(id, cx.waker()) {
                return Poll::Pending;
            }
        }
        let waker = cx.waker().clone();
        let mut shared = self.lock();
        let (found, unused) = match take(&mut shared.calls, id) {
            Some(found) => (Some(found), Some(waker)),
            None => (None, shared.calls.wake_for(id, waker)),
        };
        drop(shared);
        drop(unused);
        found.map_or(Poll::Pending, Poll::Ready)
    }
}
