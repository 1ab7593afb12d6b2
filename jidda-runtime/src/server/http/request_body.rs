//! The bodies of requests as the program reads them.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use crate::deadline;

/// The body of a request to a server's own HTTP service; see
/// [`ServerBuilder::http_fallback`](crate::ServerBuilder::http_fallback). One that brings nothing for
/// [`body_timeout`](crate::ServerBuilder::body_timeout) while it is read ends with an error.
pub struct RequestBody(Paced<Incoming>);

/// A body whose time to bring something is limited.
struct Paced<B> {
    body: B,
    limit: Duration,
    /// Made when the body is waited for the first time.
    timer: Option<Pin<Box<Sleep>>>,
    is_awaited: bool,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, limit: Duration) -> Self {
        Self(Paced::new(incoming, limit))
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

/// Why there is no more of a request's body.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RequestBodyError(Kind);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("the body of the request brought nothing for {0:?}")]
    TimedOut(Duration),
    #[error("the body of the request broke off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

impl RequestBodyError {
    /// Whether nothing was received for too long.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Kind::TimedOut(_))
    }
}

impl<B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + Unpin> Paced<B> {
    fn new(body: B, limit: Duration) -> Self {
        Self { body, limit, timer: None, is_awaited: false }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, RequestBodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.is_awaited = false;
            let broken = |error: B::Error| RequestBodyError(Kind::Broken(error.into()));
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        let limit = self.limit;
        let is_awaited = std::mem::replace(&mut self.is_awaited, true);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !is_awaited {
            timer.as_mut().reset(deadline::after(limit));
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(RequestBodyError(Kind::TimedOut(limit)))))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        self.get_mut().0.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_waited_for_and_one_that_stops_is_not() {
        let frames = stream::unfold(0, |number| async move {
            sleep(if number < 5 { Duration::from_secs(8) } else { Duration::MAX }).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), number + 1))
        });
        let mut body = Paced::new(StreamBody::new(Box::pin(frames)), Duration::from_secs(10));
        let start = Instant::now();
        for _ in 0..5 {
            assert!(poll_fn(|cx| body.poll_frame(cx)).await.unwrap().is_ok());
        }
        let error = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(start.elapsed().as_secs(), 50);
    }
}
