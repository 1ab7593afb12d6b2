//! The lock around the shared state, and the verbs that lock, change, unlock and wake.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::task::{Context, Poll, Waker};

use super::pending_requests::PendingRequests;
use super::shared_state::{Control, LinkStatus, SharedState};
use crate::failure::{Failure, Told};
use crate::guard::wake;
use crate::sync::Mutex;

/// What a connection's task and everyone else share, behind one short lock.
pub(crate) struct Link<S> {
    shared: Mutex<SharedState<S>>,
}

/// A change of the shared state. When it is dropped the state is unlocked, and then whoever has to learn of the change
/// is woken: a waker is code of the program, and must not run under the lock.
pub(crate) struct Change<'a, G: DerefMut<Target = SharedState<S>> + 'a, S> {
    // Dropped in this order: first unlocked, then woken.
    shared: G,
    wake: Wake,
    of: PhantomData<&'a S>,
}

/// Wakes a task when it is dropped.
#[must_use = "the task is woken when this is dropped"]
pub(crate) struct Wake(Option<Waker>);

impl Drop for Wake {
    #[inline]
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            wake(waker);
        }
    }
}

impl<G: DerefMut<Target = SharedState<S>>, S> Deref for Change<'_, G, S> {
    type Target = SharedState<S>;

    #[inline]
    fn deref(&self) -> &SharedState<S> {
        &self.shared
    }
}

impl<G: DerefMut<Target = SharedState<S>>, S> DerefMut for Change<'_, G, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut SharedState<S> {
        &mut self.shared
    }
}

impl<G: DerefMut<Target = SharedState<S>>, S> Change<'_, G, S> {
    /// Bytes were queued: the task is woken for them, unless it runs or the stream takes no more at the moment.
    #[inline]
    pub(crate) fn send_queued(&mut self) {
        if let Some(waker) = self.shared.queued() {
            self.wake.0 = Some(waker);
        }
    }

    /// Asks something of the task, which is woken unless it runs.
    #[inline]
    pub(crate) fn send_control(&mut self, control: Control<S>) {
        if let Some(waker) = self.shared.control(control) {
            self.wake.0 = Some(waker);
        }
    }

    /// Has the task look whether the peer it does not read from is still there.
    pub(crate) fn nudge_task(&mut self) {
        if let Some(waker) = self.shared.nudge() {
            self.wake.0 = Some(waker);
        }
    }

    /// Unlocks without waking yet: that is done when what this gives is dropped. For callers that hold another lock.
    pub(crate) fn unlock(self) -> Wake {
        let Self { shared, wake, of: _ } = self;
        drop(shared);
        wake
    }
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

    /// Begins a change of the shared state. It is locked until the [`Change`] is dropped.
    #[inline]
    pub(crate) fn change(&self) -> Change<'_, impl DerefMut<Target = SharedState<S>> + '_, S> {
        Change { shared: self.shared.lock(), wake: Wake(None), of: PhantomData }
    }

    /// Begins a change that wakes no task: its methods return the wakers, if there are any. A broadcast makes two of
    /// them for each recipient.
    #[inline]
    pub(crate) fn change_without_wake(&self) -> impl DerefMut<Target = SharedState<S>> + '_ {
        self.shared.lock()
    }

    /// Appends to the outbox what `write` writes. For the connection's own task, which writes before it sleeps.
    #[inline]
    pub(crate) fn append<R>(&self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.shared.lock().outbox.append(write)
    }

    /// Appends a failure: as much of it as the peer's limit allows. For the connection's own task.
    #[cold]
    pub(crate) fn append_failure(&self, failure: &Failure, write: impl FnOnce(&mut Vec<u8>, &Told<'_>)) {
        self.shared.lock().tell(failure, write);
    }

    /// Sends a request to the connection's task, if there is a stream. Without a stream there is no task, and the task
    /// of the next stream must not receive it.
    pub(crate) fn control(&self, control: Control<S>) {
        let mut change = self.change();
        if change.status == LinkStatus::Up {
            change.send_control(control);
        }
    }

    pub(crate) fn status(&self) -> LinkStatus {
        self.shared.lock().status
    }

    /// Whether the peer uses the native protocol, which is more than plain MessagePack-RPC.
    pub(crate) fn speaks_native(&self) -> bool {
        self.shared.lock().speaks_native
    }

    /// How many bytes wait to be written.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.shared.lock().outbox.queued()
    }

    /// Waits for what `take` looks for: the answer of a request, or an item of a stream.
    ///
    /// A waker is code of the program, and neither cloned nor dropped while the connection is locked. If `is_new`,
    /// nothing waits yet, and there is no value to look for before that.
    pub(crate) fn poll_request<T>(
        &self,
        id: u32,
        is_new: bool,
        take: impl Fn(&mut PendingRequests<S>, u32) -> Option<T>,
        cx: &Context<'_>,
    ) -> Poll<T> {
        if !is_new {
            let calls = &mut self.shared.lock().calls;
            if let Some(found) = take(calls, id) {
                return Poll::Ready(found);
            }
            if calls.would_wake(id, cx.waker()) {
                return Poll::Pending;
            }
        }
        let waker = cx.waker().clone();
        let mut shared = self.shared.lock();
        let (found, unused) = match take(&mut shared.calls, id) {
            Some(found) => (Some(found), Some(waker)),
            None => (None, shared.calls.wake_for(id, waker)),
        };
        drop(shared);
        drop(unused);
        found.map_or(Poll::Pending, Poll::Ready)
    }
}
