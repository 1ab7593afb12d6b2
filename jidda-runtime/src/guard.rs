//! The one way in which code of the program is run: a panic of it harms what was called, and nothing else.
//!
//! Code of the program is more than its handlers and hooks: the destructors of what it keeps with a socket, of what its
//! closures hold and of what its futures hold when they are dropped half-way, and its wakers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::failure::Failure;

/// Runs code of the program. Its panic is a failure like any other.
#[inline]
pub(crate) fn guarded<R>(run: impl FnOnce() -> R) -> Result<R, Box<Failure>> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| Box::new(caught(panic)))
}

#[cold]
fn caught(panic: Box<dyn Any + Send>) -> Failure {
    let failure = Failure::panic(&*panic);
    // What was thrown is a value of the program, too: of one whose destructor panics, nothing more can be had.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
    failure
}

/// Runs code of the program where there is nothing to report its panic to but the log.
pub(crate) fn logged<R>(what: &str, run: impl FnOnce() -> R) -> Option<R> {
    guarded(run).map_err(|failure| tracing::error!(error = ?failure.message, "{what} panicked")).ok()
}

/// Drops a value of the program where there is nothing to report its panic to but the log.
pub(crate) fn discard<T>(what: &str, value: T) {
    logged(what, || drop(value));
}

/// Wakes a task, which may be of an executor that the program brought along.
pub(crate) fn wake(waker: Waker) {
    logged("a waker", || waker.wake());
}

/// Wakes several tasks: one whose waker panics keeps none of the others asleep.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(wake);
}

pin_project! {
    /// A future of the program, from its first poll to its destructor. Its output is the future's, or the failure that
    /// its panic is.
    ///
    /// What panics when it is dropped, wherever it stands then, is given to `report`.
    #[must_use = "futures do nothing unless they are polled"]
    pub(crate) struct Guarded<F, R: FnMut(Box<Failure>)> {
        #[pin]
        future: Option<F>,
        report: R,
    }

    impl<F, R: FnMut(Box<Failure>)> PinnedDrop for Guarded<F, R> {
        fn drop(this: Pin<&mut Self>) {
            this.dispose();
        }
    }
}

impl<F, R: FnMut(Box<Failure>)> Guarded<F, R> {
    pub(crate) fn new(future: F, report: R) -> Self {
        Self { future: Some(future), report }
    }

    fn dispose(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.future.is_some()
            && let Err(failure) = guarded(|| this.future.set(None))
        {
            (this.report)(failure);
        }
    }
}

impl<F: Future, R: FnMut(Box<Failure>)> Future for Guarded<F, R> {
    type Output = Result<F::Output, Box<Failure>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A poll after its end, which no caller should make, gives no second end.
        let Some(future) = self.as_mut().project().future.as_pin_mut() else { return Poll::Pending };
        let output = match guarded(|| future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(failure) => Err(failure),
        };
        self.dispose();
        Poll::Ready(output)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn};
    use std::panic::panic_any;

    use futures_util::FutureExt;

    use super::*;

    /// A value that panics when it is dropped.
    struct Bomb(&'static str);

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{}", self.0);
        }
    }

    #[test]
    fn a_panic_is_a_failure_whatever_was_thrown() {
        assert_eq!(guarded(|| 1).ok(), Some(1));
        let failure = guarded(|| panic!("one")).unwrap_err();
        assert_eq!((&*failure.code, &*failure.message), ("internal", "panic: one"));
        assert_eq!(guarded(|| panic!("{}", 2)).unwrap_err().message, "panic: 2");
        assert_eq!(guarded(|| panic_any(Bomb("three"))).unwrap_err().message, "panic: no text");
    }

    #[test]
    fn a_future_is_guarded_until_it_is_dropped() {
        let mut seen = Vec::new();
        let mut report = |failure: Box<Failure>| seen.push(failure.message.into_owned());
        assert_eq!(Guarded::new(async { 1 }, &mut report).now_or_never().unwrap().ok(), Some(1));
        let panics = Guarded::new(async { panic!("in a poll") }, &mut report);
        let failure = panics.now_or_never().unwrap().map(|()| 0).unwrap_err();
        assert_eq!(failure.message, "panic: in a poll");
        let bomb = Bomb("half-way");
        let waits = async {
            let _bomb = bomb;
            pending::<()>().await;
        };
        assert!(Guarded::new(waits, &mut report).now_or_never().is_none());
        let bomb = Bomb("at the end");
        let mut ended = Some(bomb);
        let holds = poll_fn(move |_| Poll::Ready(ended.is_some() && ended.as_mut().is_some()));
        assert_eq!(Guarded::new(holds, &mut report).now_or_never().unwrap().ok(), Some(true));
        drop(Guarded::new(Bomb("never polled"), &mut report));
        assert_eq!(seen, ["panic: half-way", "panic: at the end", "panic: never polled"]);
    }

    #[test]
    fn a_waker_that_panics_delays_no_other_waker() {
        struct Broken;
        impl std::task::Wake for Broken {
            fn wake(self: std::sync::Arc<Self>) {
                panic!("no bed");
            }
        }
        struct Counts(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Counts {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let counts = std::sync::Arc::new(Counts(std::sync::atomic::AtomicUsize::new(0)));
        let wakers = [Waker::from(std::sync::Arc::new(Broken)), Waker::from(std::sync::Arc::clone(&counts))];
        wake_all(wakers);
        assert_eq!(counts.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
