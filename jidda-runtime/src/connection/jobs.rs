//! Jobs and timers that belong to a socket and end with it.

use std::panic::{AssertUnwindSafe, Location};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use super::hub::Hub;
use super::report::Place;
use super::socket::{Socket, SocketInner};
use crate::error::Error;
use crate::failure::Failure;

/// What a job may end with: nothing, or a `Result<(), E>` whose error is reported as a handler's would be.
#[diagnostic::on_unimplemented(
    message = "a job cannot end with `{Self}`",
    note = "a job gives `()` or a `Result<(), E>`, where `E` is `jidda::Error` or any `std::error::Error`: nobody would \
            see another value"
)]
pub trait JobOutput {
    #[doc(hidden)]
    fn into_failure(self) -> Option<Error>;
}

impl JobOutput for () {
    fn into_failure(self) -> Option<Error> {
        None
    }
}

impl<E: Into<Error>> JobOutput for Result<(), E> {
    fn into_failure(self) -> Option<Error> {
        self.err().map(Into::into)
    }
}

/// The type of what never ends, such as a job that is one `loop`. It has no name in stable Rust but through a
/// function's type.
impl JobOutput for <fn() -> ! as Gives>::Output {
    fn into_failure(self) -> Option<Error> {
        self
    }
}

#[doc(hidden)]
pub trait Gives {
    type Output;
}

impl<T> Gives for fn() -> T {
    type Output = T;
}

/// A job or a timer of a socket. Dropping the handle leaves it running.
#[derive(Clone, Debug)]
pub struct Job {
    /// `None` when the socket was over before it began.
    task: Option<AbortHandle>,
}

impl Job {
    /// Ends it where it stands, as the end of its socket would.
    pub fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Whether it has ended, or never began.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(AbortHandle::is_finished)
    }
}

/// Who is told when a job fails. It does not keep the socket: a job without an end would keep its own owner.
struct Watcher {
    hub: Arc<Hub>,
    socket: Weak<SocketInner>,
    started: &'static Location<'static>,
}

impl Watcher {
    /// Runs one job to its end, whatever that is.
    async fn watch<T: JobOutput>(&self, job: impl Future<Output = T> + Send) {
        let failure = match AssertUnwindSafe(job).catch_unwind().await {
            Ok(output) => output.into_failure().map(Failure::from),
            Err(panic) => Some(Failure::panic(&*panic)),
        };
        if let Some(failure) = failure {
            let socket = self.socket.upgrade();
            let namespace = socket.as_ref().map_or("", |socket| socket.namespace());
            self.hub.disclose(Place::job(namespace, socket.as_ref(), self.started), failure);
        }
    }
}

impl Socket {
    fn watcher(&self, started: &'static Location<'static>) -> Watcher {
        let inner = &self.inner;
        Watcher { hub: Arc::clone(&inner.connection.hub), socket: Arc::downgrade(inner), started }
    }

    fn start_job(&self, job: impl Future<Output = ()> + Send + 'static) -> Job {
        let mut state = self.inner.state.lock();
        if state.reason.is_some() {
            return Job { task: None };
        }
        let jobs = state.extra().jobs.get_or_insert_default();
        while jobs.try_join_next().is_some() {}
        Job { task: Some(jobs.spawn(job)) }
    }

    /// Runs a job that ends with the socket: it is dropped where it stands when the socket disconnects, or when a
    /// client's loses its connection.
    ///
    /// It gives `()` or a `Result<(), E>`; an error or a panic is reported to
    /// [`on_error`](crate::ServerBuilder::on_error), else to the log. On a socket that is closed already, the job
    /// is not started.
    ///
    /// ```
    /// # async fn example(socket: &jidda_runtime::Socket) {
    /// let job = socket.spawn({
    ///     let socket = socket.clone();
    ///     async move {
    ///         let report = std::fs::read_to_string("report.txt")?;
    ///         socket.emit("report", &report).await?;
    ///         Ok::<_, jidda_runtime::Error>(())
    ///     }
    /// });
    /// job.abort();
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn spawn<T: JobOutput + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> Job {
        let watcher = self.watcher(Location::caller());
        self.start_job(async move { watcher.watch(job).await })
    }

    /// Runs a job once `delay` has passed, unless the socket ends before.
    ///
    /// It is a job as [`spawn`](Self::spawn) runs it.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn after<T: JobOutput + 'static>(
        &self,
        delay: Duration,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Job {
        let watcher = self.watcher(Location::caller());
        let end = tokio::time::sleep(delay);
        self.start_job(async move {
            end.await;
            watcher.watch(job).await;
        })
    }

    /// Runs a job each `period`, for the first time when one is over, until the socket ends.
    ///
    /// The next run begins when the last one has ended: runs do not overlap, and those that were missed are not
    /// made up for. One that fails or panics is reported, and the timer goes on. A period is at least a
    /// millisecond.
    ///
    /// ```
    /// # fn example(socket: &jidda_runtime::Socket) {
    /// use std::time::Duration;
    ///
    /// let ticker = socket.clone();
    /// socket.every(Duration::from_secs(1), move || {
    ///     let socket = ticker.clone();
    ///     async move { socket.emit("tick", &()).await }
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn every<T, F>(&self, period: Duration, mut job: impl FnMut() -> F + Send + 'static) -> Job
    where
        T: JobOutput + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let watcher = self.watcher(Location::caller());
        let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.start_job(async move {
            // The first tick of an interval is its beginning.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                watcher.watch(async { job().await }).await;
            }
        })
    }
}
