//! What a handler gives back: a reply, or the future of one.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};

use serde::Serialize;

use super::item_stream::ItemStream;
use crate::error::Error;
use crate::failure::Failure;
use crate::payload::{Encoding, Payload};

/// The future a glue function returns when the handler has to be polled.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// What a glue function gives back: a reply at once, or the handler's future.
pub enum Dispatch {
    /// The reply is there.
    Ready(Reply),
    /// The handler has to be polled.
    Future(HandlerFuture),
}

impl Dispatch {
    /// The handler's future.
    pub fn future(future: impl Future<Output = Reply> + Send + 'static) -> Self {
        Self::Future(Box::pin(future))
    }

    /// The reply of a handler that has nothing to wait for: an `async fn` in which nothing can be awaited.
    #[inline]
    pub fn at_once(future: impl Future<Output = Reply>) -> Self {
        let mut context = std::task::Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(reply) => Self::Ready(reply),
            Poll::Pending => Self::refused(waited()),
        }
    }

    /// A refusal, before the handler ran.
    pub fn refused(error: Error) -> Self {
        Self::Ready(Reply::error(error))
    }

    /// Waits for the reply.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handler where it stands.
    pub async fn reply(self) -> Reply {
        match self {
            Self::Ready(reply) => reply,
            Self::Future(future) => future.await,
        }
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(reply) => f.debug_tuple("Ready").field(reply).finish(),
            Self::Future(_) => f.write_str("Future"),
        }
    }
}

/// The answer to one event: a value, a stream of them, or a failure. Middleware sees it on its way out and may
/// replace it.
///
/// A stream has only begun when the reply is there; its items follow later, and do not pass the middleware. A clone of such a
/// reply is the same stream: it can be sent once.
#[derive(Debug, Clone)]
pub struct Reply(Result<Body, Box<Failure>>);

/// What a handler gave.
#[derive(Debug, Clone)]
enum Body {
    Value(Payload),
    Stream(ItemStream),
}

impl Reply {
    /// A value, written for the connection of the call.
    // A call of its own costs an event 2 % of its instructions.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub fn value<T: Serialize + ?Sized>(value: &T, encoding: Encoding) -> Self {
        match Payload::reply(value, encoding) {
            Ok(payload) => Self(Ok(Body::Value(payload))),
            Err(error) => Self::error(Error::from(error)),
        }
    }

    /// A failure that the caller is shown, or that is internal: see [`Error`].
    pub fn error(error: impl Into<Error>) -> Self {
        Self(Err(Box::new(error.into().into())))
    }

    /// Whether the handler gave a value, or began a stream.
    pub fn is_ok(&self) -> bool {
        self.0.is_ok()
    }

    /// Whether it is a stream, whose items follow.
    pub fn is_stream(&self) -> bool {
        matches!(self.0, Ok(Body::Stream(_)))
    }

    /// The failure's code, if it failed.
    pub fn code(&self) -> Option<&str> {
        self.0.as_ref().err().map(|failure| &*failure.code)
    }

    /// The failure's message, if it failed. For an internal error it is the text that stays here.
    pub fn message(&self) -> Option<&str> {
        self.0.as_ref().err().map(|failure| &*failure.message)
    }

    /// The value, if the handler gave one.
    pub fn payload(&self) -> Option<&Payload> {
        match &self.0 {
            Ok(Body::Value(payload)) => Some(payload),
            _ => None,
        }
    }

    /// The value, where nothing but one has a place.
    #[inline]
    pub(crate) fn into_result(self) -> Result<Payload, Box<Failure>> {
        match self.0 {
            Ok(Body::Value(payload)) => Ok(payload),
            Ok(Body::Stream(_)) => Err(Box::new(misplaced())),
            Err(failure) => Err(failure),
        }
    }

    /// The stream, if it is one.
    pub(crate) fn as_stream(&self) -> Option<&ItemStream> {
        match &self.0 {
            Ok(Body::Stream(stream)) => Some(stream),
            _ => None,
        }
    }

    /// A value that is written for its reader already.
    pub(crate) fn encoded(payload: Payload) -> Self {
        Self(Ok(Body::Value(payload)))
    }

    pub(crate) fn failure(failure: Failure) -> Self {
        Self::failed(Box::new(failure))
    }

    pub(crate) fn failed(failure: Box<Failure>) -> Self {
        Self(Err(failure))
    }

    pub(crate) fn stream(stream: ItemStream) -> Self {
        Self(Ok(Body::Stream(stream)))
    }

    /// The end of a stream, which has no value.
    pub(crate) fn nothing() -> Self {
        Self::value(&(), Encoding::MessagePack)
    }
}

#[cold]
fn waited() -> Error {
    Error::internal("a handler without an `.await` waited for something")
}

#[cold]
fn misplaced() -> Failure {
    Failure::new("streaming", "a stream has no place here: only a call can be replied to with one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_that_waits_where_it_cannot_is_an_internal_error() {
        let Dispatch::Ready(reply) = Dispatch::at_once(std::future::pending()) else { panic!("it is kept") };
        assert_eq!(reply.code(), Some("internal"));
    }

    /// It is moved a few times for each message: a stream is a pointer in it, and must not make it larger.
    #[test]
    fn a_reply_is_no_larger_than_its_value() {
        assert_eq!(size_of::<Reply>(), size_of::<Payload>());
    }
}
