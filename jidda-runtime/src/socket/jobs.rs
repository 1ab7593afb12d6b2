//! Jobs and timers that belong to a socket and end with it.

use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::error::Error;
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::objects::Hub;
use crate::objects::jobs::Jobs;
use crate::objects::{Socket, SocketInner};
use crate::observe::report::Place;
use crate::sync::atomic::Ordering;

/// What a job may end with: nothing, or a `Result<(), E>` whose error is reported as a handler's would be.
#[diagnostic::on_unimplemented(
    message = "a job cannot end with `{Self}`",
    note = "a job gives `()` or a `Result<(), E>`, where `E` is `jidda::Error` or any `std::error::Error`: any \
            other value would be lost"
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

/// One of a socket's jobs, while it runs. The last one leaves nothing behind.
struct Member {
    socket: Weak<SocketInner>,
    jobs: Arc<Jobs>,
}

impl Member {
    /// `None` when the socket is over.
    fn join(socket: &Arc<SocketInner>) -> Option<Self> {
        let mut state = socket.state.lock();
        if state.reason.is_some() {
            return None;
        }
        let jobs = Arc::clone(state.extra().jobs.get_or_insert_default());
        jobs.count.fetch_add(1, Ordering::Relaxed);
        drop(state);
        Some(Self { socket: Arc::downgrade(socket), jobs })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(socket) = self.socket.upgrade() else { return };
        let mut state = socket.state.lock();
        let is_last = self.jobs.count.fetch_sub(1, Ordering::Relaxed) == 1;
        let ended = state
            .extra
            .as_mut()
            .and_then(|extra| extra.jobs.take_if(|jobs| is_last && Arc::ptr_eq(jobs, &self.jobs)));
        state.tidy();
        drop(state);
        drop(ended);
    }
}

/// The reporter of a job that fails. It does not keep the socket: a job without an end would keep its own owner.
#[derive(Clone)]
struct Watcher {
    hub: Arc<Hub>,
    socket: Weak<SocketInner>,
    started: &'static Location<'static>,
}

impl Watcher {
    /// Runs one job, or one run of a timer, to its end, whatever that is.
    fn watch<T, F>(&self, job: F) -> impl Future<Output = ()> + Send + use<T, F>
    where
        T: JobOutput,
        F: Future<Output = T> + Send,
    {
        let (ended, dropped) = (self.clone(), self.clone());
        // What it ends with is the program's as well: an error may be turned into one by code of its own.
        let job = Guarded::new(async { job.await.into_failure() }, move |failure| dropped.report(*failure));
        async move {
            match job.await {
                Ok(None) => {}
                Ok(Some(error)) => ended.report(error.into()),
                Err(failure) => ended.report(*failure),
            }
        }
    }

    fn report(&self, failure: Failure) {
        let socket = self.socket.upgrade();
        let namespace = socket.as_ref().map_or("", |socket| socket.namespace());
        self.hub.disclose(Place::job(namespace, socket.as_ref(), self.started), failure);
    }
}

impl Socket {
    fn watcher(&self, started: &'static Location<'static>) -> Watcher {
        let inner = &self.inner;
        Watcher { hub: Arc::clone(&inner.connection.hub), socket: Arc::downgrade(inner), started }
    }

    fn start_job<T: JobOutput + 'static>(
        &self,
        watcher: &Watcher,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Job {
        let job = watcher.watch(job);
        let Some(member) = Member::join(&self.inner) else { return Job { task: None } };
        // Not while anything is locked: a runtime that shuts down drops the job here and now.
        let task = tokio::spawn(async move {
            member.jobs.end.run_until_cancelled(job).await;
        });
        Job { task: Some(task.abort_handle()) }
    }

    /// Runs a job that ends with the socket: it is dropped where it stands when the socket disconnects, or when a
    /// client's loses its connection.
    ///
    /// It gives `()` or a `Result<(), E>`; an error or a panic is reported to
    /// [`on_error`](crate::ServerBuilder::on_error), else to the log. On a socket that is closed already, the job
    /// is not started.
    ///
    /// ```
    /// # async fn example(socket: &jidda::Socket) {
    /// let job = socket.spawn({
    ///     let socket = socket.clone();
    ///     async move {
    ///         let report = std::fs::read_to_string("report.txt")?;
    ///         socket.emit("report", &report).await?;
    ///         Ok::<_, jidda::Error>(())
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
        self.start_job(&self.watcher(Location::caller()), job)
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
        let end = tokio::time::sleep(delay);
        self.start_job(&self.watcher(Location::caller()), async move {
            end.await;
            job.await
        })
    }

    /// Runs a job each `period`, for the first time when one is over, until the socket ends.
    ///
    /// The next run begins when the last one has ended: runs do not overlap, and those that were missed are not
    /// made up for. One that fails or panics is reported, and the timer goes on. A period is at least a
    /// millisecond.
    ///
    /// ```
    /// # fn example(socket: &jidda::Socket) {
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
        let runs = watcher.clone();
        self.start_job(&watcher, async move {
            // The first tick of an interval is its beginning.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                runs.watch(async { job().await }).await;
            }
        })
    }
}
