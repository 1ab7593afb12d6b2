//! A failure as it travels between peers.

use std::borrow::Cow;

use crate::error::Error;
use crate::payload::{Encoding, Payload};

/// Code, message and data of a failed event: on the native wire `{"code", "message", "data"?, "app"?}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// For programs to branch on.
    pub code: Cow<'static, str>,
    /// For people to read.
    pub message: Cow<'static, str>,
    /// What goes with it; for a handler's own error, the error itself.
    pub data: Option<Payload>,
    /// Whether it is the handler's own error.
    pub app: bool,
    /// Whether the message is for the log only; the peer is given an id in its place.
    pub internal: bool,
}

impl Failure {
    /// A refusal that the peer is told as it is.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), data: None, app: false, internal: false }
    }

    /// What the peer may know: an internal failure becomes an id, under which its text is logged.
    #[must_use]
    pub fn disclosed(self, namespace: &str, event: &str) -> Self {
        if !self.internal {
            return self;
        }
        let id = crate::id::SocketId::random().to_string();
        tracing::error!(namespace, event, id, error = %self.message, "a handler failed");
        Self {
            code: Cow::Borrowed("internal"),
            message: Cow::Borrowed("internal error"),
            data: Payload::encode(&id, Encoding::MessagePack).ok(),
            app: false,
            internal: false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            data: error.data().and_then(|data| Payload::encode(data, Encoding::MessagePack).ok()),
            app: false,
            internal: error.is_internal(),
            code: error.code().to_owned().into(),
            message: error.message().to_owned().into(),
        }
    }
}
