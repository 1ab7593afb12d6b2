//! What comes out of a handler, and how its errors travel.

use std::borrow::Cow;
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Context;
use super::streaming::ItemStream;
use crate::error::{CallError, Error};
use crate::failure::Failure;
use crate::payload::{Encoding, Payload, Value};

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

    /// The reply of a handler that has nothing to wait for.
    ///
    /// # Panics
    ///
    /// When the future waits all the same: a macro in the handler that has the name of one of the standard library's, but
    /// is another one, has an `.await` in it.
    #[inline]
    pub fn at_once(future: impl Future<Output = Reply>) -> Self {
        let mut context = std::task::Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(reply) => Self::Ready(reply),
            Poll::Pending => panic!("a handler waited that has no `.await`: rename the macro that hides it"),
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
/// A stream has only begun when the reply is there; its items come later, past the middleware. A clone of such a
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
    /// A value, written for the connection the call came from.
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

    /// The reply of an infallible handler.
    #[doc(hidden)]
    pub fn from_value<T: ReplyValue>(context: &Context, value: T) -> Self {
        value.into_reply(context.origin().encoding())
    }

    /// The reply of a fallible handler.
    #[doc(hidden)]
    pub fn from_outcome<O>(context: &Context, outcome: O) -> Self
    where
        O: Outcome,
        O::Value: ReplyValue,
        O::Error: ReplyError,
    {
        let encoding = context.origin().encoding();
        match outcome.into_result() {
            Ok(value) => value.into_outcome(encoding),
            Err(error) => error.into_reply(encoding),
        }
    }

    /// Whether the handler gave a value, or began a stream.
    pub fn is_ok(&self) -> bool {
        self.0.is_ok()
    }

    /// Whether it is a stream, whose items are still to come.
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
fn misplaced() -> Failure {
    Failure::new("streaming", "a stream has no place here: only a call can be replied to with one")
}

/// What an infallible handler may return, and a fallible one in its `Ok`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a reply",
    label = "the reply has to be written on the wire",
    note = "add `#[derive(serde::Serialize)]` to `{Self}` or to what it holds"
)]
pub trait ReplyValue {
    #[doc(hidden)]
    fn into_reply(self, encoding: Encoding) -> Reply;

    /// The reply of a fallible handler: always one value, which some wires mark as not being an error.
    #[doc(hidden)]
    fn into_outcome(self, encoding: Encoding) -> Reply;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> ReplyValue for T {
    fn into_reply(self, encoding: Encoding) -> Reply {
        Reply::value(&self, encoding)
    }

    fn into_outcome(self, encoding: Encoding) -> Reply {
        match Payload::encode(&self, encoding) {
            Ok(payload) => Reply(Ok(Body::Value(payload))),
            Err(error) => Reply::error(Error::from(error)),
        }
    }
}

impl ReplyValue for Reply {
    fn into_reply(self, _: Encoding) -> Reply {
        self
    }

    fn into_outcome(self, _: Encoding) -> Reply {
        self
    }
}

/// What a fallible handler may return in its `Err`: a type of your own that is `Serialize`, which reaches a
/// typed caller as it is, or [`Error`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as an error",
    label = "the error has to be written on the wire",
    note = "add `#[derive(serde::Serialize)]` to `{Self}`, or return `jidda::Result<_>`, which takes any error by `?`"
)]
pub trait ReplyError {
    #[doc(hidden)]
    fn into_reply(self, encoding: Encoding) -> Reply;
}

#[diagnostic::do_not_recommend]
impl<E: Serialize> ReplyError for E {
    fn into_reply(self, encoding: Encoding) -> Reply {
        match Payload::encode(&self, encoding) {
            Ok(data) => {
                let code = variant(&data).unwrap_or(Cow::Borrowed("app"));
                Reply(Err(Box::new(Failure {
                    message: code.clone(),
                    code,
                    data: Some(data),
                    app: true,
                    cause: None,
                })))
            }
            Err(error) => Reply::error(Error::from(error)),
        }
    }
}

impl ReplyError for Error {
    fn into_reply(self, _: Encoding) -> Reply {
        Reply::error(self)
    }
}

/// The variant's name of a serialized enum, so that untyped callers get a code to branch on.
fn variant(data: &Payload) -> Option<Cow<'static, str>> {
    match data.decode::<Value>().ok()? {
        Value::String(name) => name.into_str().map(Cow::Owned),
        Value::Map(entries) if entries.len() == 1 => match entries.into_iter().next()?.0 {
            Value::String(name) => name.into_str().map(Cow::Owned),
            _ => None,
        },
        _ => None,
    }
}

/// What a fallible handler returns. A type whose name ends in `Result` is taken for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    label = "a type whose name ends in `Result` counts as one",
    note = "rename the type, or return a `Result<T, E>`"
)]
pub trait Outcome {
    /// The type of the reply.
    type Value;
    /// The type of the error.
    type Error;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// The error type a caller expects: what [`ReplyError`] sent, read back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a reply",
    label = "the caller has to read the error from the wire",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`"
)]
pub trait CallerError: Sized {
    #[doc(hidden)]
    fn from_data(data: Option<&Payload>) -> Option<Result<Self, String>>;
}

#[diagnostic::do_not_recommend]
impl<E: DeserializeOwned> CallerError for E {
    fn from_data(data: Option<&Payload>) -> Option<Result<Self, String>> {
        data.map(|data| data.decode().map_err(|error| error.to_string()))
    }
}

impl CallerError for Error {
    fn from_data(_: Option<&Payload>) -> Option<Result<Self, String>> {
        None
    }
}

/// What the caller meets.
pub(crate) fn call_error<E: CallerError>(failure: Failure) -> CallError<E> {
    if failure.app {
        match E::from_data(failure.data.as_ref()) {
            Some(Ok(error)) => return CallError::App(error),
            Some(Err(text)) => return CallError::Decode(text),
            None => {}
        }
    } else {
        match &*failure.code {
            "timeout" => return CallError::Timeout,
            "cancelled" => return CallError::Cancelled,
            "internal" => {
                let id = failure.data.as_ref().and_then(|data| data.decode::<String>().ok());
                return CallError::Internal { id: id.unwrap_or_default() };
            }
            _ => {}
        }
    }
    CallError::Refused {
        code: failure.code.into_owned(),
        message: failure.message.into_owned(),
        data: failure.data.and_then(|data| data.decode().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "rename the macro that hides it")]
    fn what_was_said_not_to_wait_is_told_when_it_does() {
        let _ = Dispatch::at_once(std::future::pending());
    }

    /// It is moved a few times for each message: a stream is a pointer in it, and must not make it larger.
    #[test]
    fn a_reply_is_no_larger_than_its_value() {
        assert_eq!(size_of::<Reply>(), size_of::<Payload>());
    }
}
