//! The errors a user of jidda raises and meets.

use std::borrow::Cow;
use std::fmt;

use rmpv::Value;
use serde::Serialize;

use crate::foreign::printable;
use crate::payload::{Encoding, Payload};
use crate::reason::DisconnectReason;

/// What a fallible handler or a start-up function returns: any [`std::error::Error`] is raised by `?`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error on its way to a caller.
///
/// There are two kinds. One made by [`Error::new`] is meant for the caller: code, message and data are sent
/// as they are. One made by `?` from a [`std::error::Error`] is internal: the caller sees the code `internal`
/// and an id, and the log has the text under that id, so that no detail of the server leaks to a peer.
///
/// It does not implement [`std::error::Error`] itself, which is what lets `?` take every other error.
///
/// ```
/// use jidda_runtime::{Error, Result};
///
/// fn parse(text: &str) -> Result<u16> {
///     if text.is_empty() {
///         return Err(Error::new("empty", "a port is needed"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(parse("").unwrap_err().code(), "empty");
/// assert_eq!(parse("x").unwrap_err().code(), "internal");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    data: Option<Value>,
    source: Option<Source>,
    /// Whether a peer chose its text.
    is_foreign: bool,
}

type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// An error that the caller is shown as it is: a short `code` for programs, a `message` for people.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code: code.into(),
            message: message.into(),
            data: None,
            source: None,
            is_foreign: false,
        }))
    }

    /// An error that a peer told us of. Its text is printed in one line.
    pub(crate) fn of_peer(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(code, message);
        error.0.is_foreign = true;
        error
    }

    /// Adds a value that the caller receives beside code and message.
    ///
    /// # Panics
    ///
    /// When `data` cannot be serialized at all (a `Serialize` implementation that fails).
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        // Through bytes: rmpv's own way makes arrays of structs, which callers in other languages cannot read.
        let data = Payload::encode(&data, Encoding::MessagePack).and_then(|data| data.to_value());
        self.0.data = Some(data.expect("error data is serializable"));
        self
    }

    /// The code, for programs to branch on: `not_found`, `bad_arguments`, `denied`, … or one of your own.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The message, for people to read. For an internal error this is the text of its source.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The value sent beside code and message, if any.
    pub fn data(&self) -> Option<&Value> {
        self.0.data.as_ref()
    }

    /// Whether this error came from `?` on another error, so that its text is kept from the peer.
    pub fn is_internal(&self) -> bool {
        self.0.source.is_some()
    }

    /// Code, message and the error that `?` took.
    pub(crate) fn into_parts(self) -> (Cow<'static, str>, Cow<'static, str>, Option<Source>) {
        (self.0.code, self.0.message, self.0.source)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(Inner {
            code: Cow::Borrowed("internal"),
            message: Cow::Owned(describe(&error)),
            data: None,
            source: Some(Box::new(error)),
            is_foreign: false,
        }))
    }
}

impl From<Error> for Box<dyn std::error::Error + Send + Sync> {
    fn from(error: Error) -> Self {
        error.to_string().into()
    }
}

/// An error and its sources in one line; a source that its parent's text already ends with is left out.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_foreign {
            return fmt::Display::fmt(&printable(&self.0.message), f);
        }
        f.write_str(&self.0.message)
    }
}

/// The same sentence as [`Display`](fmt::Display): it is what `fn main() -> jidda::Result<()>` prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Two errors are equal when a caller could not tell them apart.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.code == other.0.code && self.0.message == other.0.message && self.0.data == other.0.data
    }
}

/// What is said where a blocking client would block an async runtime.
pub(crate) const INSIDE_RUNTIME: &str =
    "a blocking client would block the async runtime it is used in: use `jidda::Client` there";

/// Why an event could not be handed to the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The socket is closed, or away while the client was told not to buffer.
    #[error("the socket is not connected")]
    NotConnected,
    /// The outbox is full; only the `try_` methods and volatile calls say so, the others wait for room.
    #[error("the outbox is full")]
    Full,
    /// The encoded message is larger than the limit both sides agreed on, in bytes.
    #[error("the message has {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The encoded size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The value cannot be written on this wire.
    #[error("cannot encode the message: {}", printable(.0))]
    Encode(String),
    /// The name is one of jidda's own, see [`crate::handler::RESERVED_EVENTS`].
    #[error("the event name `{}` is reserved", printable(.0))]
    Reserved(String),
    /// A [`blocking`](crate::blocking) client was used in async code.
    #[error("{}", crate::error::INSIDE_RUNTIME)]
    InsideRuntime,
}

/// Why there is no message to receive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The socket ended.
    #[error("the socket is closed: {0}")]
    Closed(DisconnectReason),
    /// The message is not what was asked for.
    #[error("cannot decode the message: {}", printable(.0))]
    Decode(String),
    /// A [`blocking`](crate::blocking) client was used in async code.
    #[error("{}", crate::error::INSIDE_RUNTIME)]
    InsideRuntime,
}

/// How a call failed, as its caller meets it. `E` is the handler's own error type.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError<E = Value> {
    /// The handler returned this error.
    #[error("the handler failed: {0:?}")]
    App(E),
    /// The call was refused before or instead of a handler's own error.
    #[error("{} ({})", printable(message), printable(code))]
    Refused {
        /// `not_found`, `bad_arguments`, `denied`, `too_large`, `busy`, `not_connected`, … or the code of
        /// a [`jidda::Error`](Error).
        code: String,
        /// A sentence for people.
        message: String,
        /// What the other side sent beside it.
        data: Option<Value>,
    },
    /// No reply came in time, or the handler ran out of it.
    #[error("no reply in time")]
    Timeout,
    /// The other side dropped the call.
    #[error("the call was cancelled")]
    Cancelled,
    /// The connection ended before the reply came.
    #[error("the connection was lost before the reply came")]
    Disconnected {
        /// Whether the request may have reached the peer: `false` means that it certainly did not run.
        maybe_executed: bool,
    },
    /// The handler panicked or met an error it keeps to itself; the peer's log has it under this id.
    #[error("internal error {} at the other side", printable(id))]
    Internal {
        /// What to look for in the other side's log.
        id: String,
    },
    /// The reply is not what was asked for.
    #[error("cannot decode the reply: {}", printable(.0))]
    Decode(String),
    /// The request could not be written.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl<E> CallError<E> {
    /// Whether no reply came in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// Whether the connection ended, or was not there, before the reply came.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected { .. } | Self::Send(SendError::NotConnected))
    }

    /// The handler's own error, if that is what this is.
    pub fn into_app(self) -> Option<E> {
        match self {
            Self::App(error) => Some(error),
            _ => None,
        }
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_mark_makes_an_internal_error_with_its_chain() {
        let error: Error = std::io::Error::other("disk").into();
        assert!(error.is_internal());
        assert_eq!(error.to_string(), "disk");
        assert_eq!(format!("{error:?}"), "disk");
    }

    #[test]
    fn data_travels_with_an_error() {
        let error = Error::new("quota", "too many").with_data(3);
        assert_eq!(error.data(), Some(&Value::from(3)));
        assert!(!error.is_internal());
    }
}
