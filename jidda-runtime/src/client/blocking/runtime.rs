//! The runtime of a blocking client: a thread that serves its connections, and the places where it may be waited for.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::{Handle, Runtime};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::client::{Client, ConnectError, Ending};

/// How long the connections of a client that was dropped may take to write what is queued.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// More than any runtime grants to one poll of a task.
const BUDGET: usize = 4096;

/// That a blocking client is used in async code.
#[derive(Debug)]
pub(super) struct InsideRuntime;

impl From<InsideRuntime> for ConnectError {
    fn from(_: InsideRuntime) -> Self {
        Self::InsideRuntime
    }
}

/// Shared by a client and all that was made of it; the last one ends the connections.
#[derive(Clone, Debug)]
pub(super) struct Home(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` only when it is being dropped.
    runtime: Option<Runtime>,
    /// What is to end first: set when there is a client.
    ending: OnceLock<Ending>,
}

impl Home {
    /// A new one. The client connects in it.
    pub(super) fn connect(
        connecting: impl Future<Output = Result<Client, ConnectError>>,
    ) -> Result<(Self, Client), ConnectError> {
        check()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("jidda-client")
            .enable_all()
            .build()
            .map_err(ConnectError::Thread)?;
        let home = Self(Arc::new(Inner { runtime: Some(runtime), ending: OnceLock::new() }));
        let client = home.wait(connecting)??;
        let _ = home.0.ending.set(client.ending());
        Ok((home, client))
    }

    /// Runs a future on the client's thread.
    pub(super) fn spawn(&self, tasks: &TaskTracker, future: impl Future<Output = ()> + Send + 'static) {
        let runtime = self.0.runtime.as_ref().expect("it is there until it is dropped");
        tasks.spawn_on(future, runtime.handle());
    }

    /// Waits for a future, which runs in this runtime's context.
    ///
    /// # Errors
    ///
    /// In async code, which would be blocked.
    pub(super) fn wait<F: IntoFuture>(&self, future: F) -> Result<F::Output, InsideRuntime> {
        check()?;
        let runtime = self.0.runtime.as_ref().expect("it is there until it is dropped");
        // Inside its context already when the future is made: it may start a timer.
        let _context = runtime.enter();
        Ok(runtime.block_on(future.into_future()))
    }
}

/// Whether this thread may wait: it does not where it polls async code, such as a handler of the client's own.
fn check() -> Result<(), InsideRuntime> {
    if Handle::try_current().is_ok() && has_budget() { Err(InsideRuntime) } else { Ok(()) }
}

/// Whether this thread polls async code. A runtime's context says nothing about that: threads for blocking code have it,
/// too. But only a poll has a budget of steps, which ends, and is used up here to find that out. The code that it belongs
/// to is about to fail, and at worst gives way once more.
fn has_budget() -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    (0..BUDGET).any(|_| pin!(consume_budget()).poll(&mut cx).is_pending())
}

impl Drop for Inner {
    /// A runtime may not be dropped in async code, which may be that of its own thread: whatever holds the last clone of a
    /// client may be dropped anywhere.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let Some(ending) = self.ending.take() else { return runtime.shutdown_background() };
        // As with a writer that has a buffer: what was emitted is written.
        let ended = async move { drop(timeout(LAST_WORDS, ending.ended()).await) };
        let is_outside = Handle::try_current().is_err_and(|error| error.is_missing_context());
        if is_outside && !thread::panicking() {
            runtime.block_on(ended);
            runtime.shutdown_background();
        } else {
            let handle = runtime.handle().clone();
            handle.spawn(ended.map(move |()| runtime.shutdown_background()));
        }
    }
}
