//! Why an event could not be sent, a message not received, or a call not answered.

use std::fmt;

use rmpv::Value;

use crate::foreign::printable;
use crate::reason::DisconnectReason;

/// What a blocking client answers where it would block an async runtime.
pub(crate) const INSIDE_RUNTIME: &str =
    "a blocking client would block the async runtime it is used in: use `jidda::Client` there";

/// Why an event could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The socket is closed, or its client is reconnecting and does not buffer events.
    #[error("the socket is not connected")]
    NotConnected,
    /// The outbox is full; only the `try_` methods and volatile emits fail so, the others wait for room.
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
    /// The value cannot be encoded on this wire.
    #[error("cannot encode the message: {}", printable(.0))]
    Encode(String),
    /// The name is one of jidda's own, see [`crate::handler::RESERVED_EVENTS`].
    #[error("the event name `{}` is reserved", printable(.0))]
    Reserved(String),
    /// A [`blocking`](crate::blocking) client was used in async code.
    #[error("{}", INSIDE_RUNTIME)]
    InsideRuntime,
}

/// Why no message could be received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The socket is closed.
    #[error("the socket is closed: {0}")]
    Closed(DisconnectReason),
    /// The message is not of the type that was asked for.
    #[error("cannot decode the message: {}", printable(.0))]
    Decode(String),
    /// A [`blocking`](crate::blocking) client was used in async code.
    #[error("{}", INSIDE_RUNTIME)]
    InsideRuntime,
}

/// How a call failed. `E` is the handler's own error type.
///
/// Where `E` has a text ([`Display`](fmt::Display)), so has this, and it is a [`std::error::Error`]: `?` works on it in
/// functions that return `anyhow::Result`, `eyre::Result` or `Box<dyn std::error::Error>`.
///
/// ```
/// use jidda::error::CallError;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("at most {limit} letters, please")]
/// struct TooLong { limit: usize }
///
/// let error = CallError::App(TooLong { limit: 80 });
/// assert_eq!(error.to_string(), "at most 80 letters, please");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallError<E = Value> {
    /// The handler returned this error.
    App(E),
    /// The call was refused before or instead of a handler's own error.
    #[non_exhaustive]
    Refused {
        /// `not_found`, `bad_arguments`, `denied`, `too_large`, `busy`, `not_connected`, … or the code of
        /// a [`jidda::Error`](crate::Error).
        code: String,
        /// A sentence for people.
        message: String,
        /// The value that the other side sent beside it.
        data: Option<Value>,
    },
    /// No reply arrived in time, or the handler ran out of it.
    Timeout,
    /// The other side dropped the call.
    Cancelled,
    /// The connection ended before the reply arrived.
    Disconnected {
        /// Whether the request may have reached the peer: `false` means that it certainly did not run.
        maybe_executed: bool,
    },
    /// The handler panicked, or raised an error that is not meant for its caller; the peer's log has it under this id.
    Internal {
        /// What to look for in the other side's log.
        id: String,
    },
    /// The reply is not of the type that was asked for.
    Decode(String),
    /// The request could not be written.
    Send(SendError),
}

impl<E> CallError<E> {
    /// Whether no reply arrived in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout)
    }

    /// Whether the connection ended, or was not there, before the reply arrived.
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

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Its texts may be the peer's.
            Self::App(error) => printable(error).fmt(f),
            Self::Refused { code, message, .. } => write!(f, "{} ({})", printable(message), printable(code)),
            Self::Timeout => f.write_str("no reply in time"),
            Self::Cancelled => f.write_str("the call was cancelled"),
            Self::Disconnected { .. } => f.write_str("the connection was lost before the reply was received"),
            Self::Internal { id } => write!(f, "internal error {} at the other side", printable(id)),
            Self::Decode(problem) => write!(f, "cannot decode the reply: {}", printable(problem)),
            Self::Send(error) => error.fmt(f),
        }
    }
}

/// No source: the text of a handler's error, or of a [`SendError`], is this error's own.
impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {}

impl<E> From<SendError> for CallError<E> {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}
