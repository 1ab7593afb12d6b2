//! Replies that are streams: how a handler's items come out of the future that holds what they borrow.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use futures_util::task::AtomicWaker;
use futures_util::{Stream, StreamExt};
use serde::Serialize;

use super::item_stream::{ItemStream, Items};
use super::reply::{Dispatch, Reply};
use crate::error::Error;
use crate::failure::Failure;
use crate::payload::{Encoding, Payload};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU32, Ordering};

/// The most items that may be owed to a caller at once.
pub(crate) const MOST_CREDIT: u32 = 1_000_000;
/// Stands for credit that makes no sense.
const VOID: u32 = u32::MAX;
/// Stands for that of a stream that has to end, since its connection does.
const ENDED: u32 = u32::MAX - 1;

/// How many items a caller takes: it grants them, the stream spends them.
#[derive(Debug)]
pub(crate) struct Credit {
    left: AtomicU32,
    stream: AtomicWaker,
}

impl Credit {
    pub(crate) fn new(granted: u32) -> Self {
        let left = if granted > MOST_CREDIT { VOID } else { granted };
        Self { left: AtomicU32::new(left), stream: AtomicWaker::new() }
    }

    /// Adds to it. Nothing, or too much together, voids it: the stream ends with that as its error.
    pub(crate) fn grant(&self, count: u32) {
        let added = |left: u32| match left.checked_add(count) {
            _ if left == ENDED => None,
            Some(left) if count > 0 && left <= MOST_CREDIT => Some(left),
            _ => Some(VOID),
        };
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, added).ok();
        self.wake();
    }

    /// Ends the stream: the connection is about to close.
    pub(crate) fn end(&self) {
        self.left.store(ENDED, Ordering::Release);
        self.wake();
    }

    /// Has the stream look around: what it is about may have ended.
    pub(crate) fn wake(&self) {
        self.stream.wake();
    }

    /// Waits until one more item is taken.
    pub(crate) fn poll_left(&self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Failure>> {
        let look = || match self.left.load(Ordering::Acquire) {
            0 => Poll::Pending,
            VOID => {
                let message = format!(
                    "credit is a number of items from 1, and no more than {MOST_CREDIT} are owed at once"
                );
                Poll::Ready(Err(Failure::new("bad_arguments", message)))
            }
            ENDED => Poll::Ready(Err(Failure::closing())),
            _ => Poll::Ready(Ok(())),
        };
        // Also with credit: it is woken by this, too, when its socket ends while its source is quiet.
        self.stream.register(cx.waker());
        look()
    }

    /// One item was sent.
    pub(crate) fn spend(&self) {
        let less = |left: u32| (left < ENDED && left > 0).then(|| left - 1);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).ok();
    }
}

/// What the handler's future has just reached.
#[derive(Default)]
enum Reached {
    #[default]
    Nothing,
    /// There is a stream.
    Begun,
    Item(Payload),
}

/// Through which a streaming handler's future hands out what it reaches.
///
/// The future holds what the stream borrows, so it has to live as long as the stream: the two are one, and whoever
/// asks for an item polls the future until it has put one here.
pub struct Outlet(Arc<Mutex<Reached>>);

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outlet")
    }
}

impl Outlet {
    /// Puts something out and waits until it was taken. No task has to be woken for that: the one that takes it goes on to
    /// poll the future when it wants more.
    async fn put(&self, reached: Reached) {
        *self.0.lock() = reached;
        std::future::poll_fn(|_| match &*self.0.lock() {
            Reached::Nothing => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await;
    }

    /// Sends the items of the stream that a handler began.
    pub async fn send<S: Stream>(self, stream: S, mut write: impl FnMut(S::Item) -> Reply) -> Reply {
        let mut stream = pin!(stream);
        self.put(Reached::Begun).await;
        while let Some(item) = stream.next().await {
            match write(item).into_result() {
                Ok(payload) => self.put(Reached::Item(payload)).await,
                Err(failure) => return Reply::failed(failure),
            }
        }
        Reply::nothing()
    }
}

/// A handler's future from its first poll to its last item.
struct Production {
    reached: Arc<Mutex<Reached>>,
    /// Gone when it has ended.
    future: Option<Pin<Box<dyn Future<Output = Reply> + Send>>>,
}

impl Production {
    /// Polls the future on. Ready when it ended, or reached something.
    fn poll_on(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<Reply, Reached>> {
        let Some(future) = &mut self.future else { return Poll::Ready(Ok(Reply::nothing())) };
        if let Poll::Ready(reply) = future.as_mut().poll(cx) {
            self.future = None;
            return Poll::Ready(Ok(reply));
        }
        match std::mem::take(&mut *self.reached.lock()) {
            Reached::Nothing => Poll::Pending,
            reached => Poll::Ready(Err(reached)),
        }
    }
}

impl Stream for Production {
    type Item = Result<Payload, Box<Failure>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            return match this.poll_on(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(reply)) => Poll::Ready(reply.into_result().err().map(Err)),
                Poll::Ready(Err(Reached::Item(payload))) => Poll::Ready(Some(Ok(payload))),
                Poll::Ready(Err(Reached::Begun | Reached::Nothing)) => continue,
            };
        }
    }
}

impl Dispatch {
    /// A handler that replies with a stream: `run` makes its future, which hands the items to the outlet.
    pub fn stream<F>(run: impl FnOnce(Outlet) -> F) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let reached = Arc::default();
        let future: Pin<Box<dyn Future<Output = Reply> + Send>> = Box::pin(run(Outlet(Arc::clone(&reached))));
        let mut production = Some(Production { reached, future: Some(future) });
        Self::future(std::future::poll_fn(move |cx| {
            // A poll after its end, which no caller should make, gives no second end.
            let Some(running) = &mut production else { return Poll::Pending };
            match running.poll_on(cx) {
                Poll::Pending => Poll::Pending,
                // It failed before there was a stream.
                Poll::Ready(Ok(reply)) => Poll::Ready(reply),
                Poll::Ready(Err(_)) => {
                    let items: Option<Items> = production.take().map(|production| Box::pin(production) as _);
                    Poll::Ready(Reply::stream(ItemStream::new(items)))
                }
            }
        }))
    }
}

impl Reply {
    /// A stream whose items are written for the connection of the call.
    pub(crate) fn of_items(
        items: impl Stream<Item = Result<Payload, Box<Failure>>> + Send + 'static,
    ) -> Self {
        let items: Items = Box::pin(items);
        Self::stream(ItemStream::new(Some(items)))
    }
}

/// The reply to a caller whose wire has no streams of its own: the name under which the items are sent.
pub(crate) fn announcement(number: u32, encoding: Encoding) -> Result<Payload, Error> {
    #[derive(Serialize)]
    struct Announcement {
        stream: String,
    }
    Ok(Payload::reply(&Announcement { stream: number.to_string() }, encoding)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(credit: &Credit) -> Poll<Result<(), Failure>> {
        credit.poll_left(&mut TaskContext::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn credit_is_spent_and_granted_again() {
        let credit = Credit::new(1);
        assert_eq!(left(&credit), Poll::Ready(Ok(())));
        credit.spend();
        assert_eq!(left(&credit), Poll::Pending);
        credit.grant(2);
        credit.spend();
        assert_eq!(left(&credit), Poll::Ready(Ok(())));
    }

    #[test]
    fn credit_without_end_is_void() {
        let is_void = |credit: &Credit| matches!(left(credit), Poll::Ready(Err(_)));
        assert!(is_void(&Credit::new(MOST_CREDIT + 1)));
        assert!(is_void(&Credit::new(u32::MAX)));
        for grants in [&[0][..], &[u32::MAX], &[MOST_CREDIT], &[MOST_CREDIT - 1, 1], &[0, 1]] {
            let credit = Credit::new(1);
            for count in grants {
                credit.grant(*count);
            }
            assert!(is_void(&credit), "{grants:?}");
            credit.spend();
            assert!(is_void(&credit), "{grants:?}");
        }
        let credit = Credit::new(1);
        credit.grant(MOST_CREDIT - 1);
        assert!(!is_void(&credit));
    }
}
