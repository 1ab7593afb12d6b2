//! A failure as it travels between peers.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use crate::error::Error;
use crate::foreign::{TEXT, cut, in_one_line, printable};
use crate::payload::{Encoding, Payload};

/// Code, message and data of a failed event: on the native wire `{"code", "message", "data"?, "app"?}`.
#[derive(Debug, Clone)]
pub struct Failure {
    /// For programs to branch on.
    pub code: Cow<'static, str>,
    /// For people to read.
    pub message: Cow<'static, str>,
    /// What goes with it; for a handler's own error, the error itself.
    pub data: Option<Payload>,
    /// Whether it is the handler's own error.
    pub app: bool,
    /// What happened on this side, which never travels.
    pub(crate) cause: Option<Cause>,
}

/// What made a handler fail other than by an error that is meant for its caller.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// An error that `?` took.
    Error(Arc<dyn std::error::Error + Send + Sync>),
    Panic,
    /// It ran out of time.
    Timeout,
    /// Any of these, as the peer receives it: its data is the id under which the text is in the log of this side.
    Hidden,
}

/// A failure as a peer receives it: texts that are cut to a length that costs no more than the request did, and data
/// that fits into a message. Only [`Failure::told`] makes one, and the wires write nothing else.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    pub(crate) code: Cow<'a, str>,
    pub(crate) message: Cow<'a, str>,
    pub(crate) data: Option<&'a Payload>,
    /// Whether the data is what the handler gave with it, and not jidda's own id.
    pub(crate) is_own: bool,
    pub(crate) app: bool,
}

impl Told<'_> {
    /// The same without data, for wires that have no form for it.
    pub(crate) fn without_data(&self) -> Self {
        Self { data: None, is_own: false, ..self.clone() }
    }
}

/// The most of a code. It is a word.
const CODE: usize = 128;
/// How much a message has beside the texts and the data of a failure, at most.
const HEAD: usize = 128;

/// Two failures are equal if a peer cannot distinguish them.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
            && self.message == other.message
            && self.data == other.data
            && self.app == other.app
            && self.is_internal() == other.is_internal()
    }
}

impl Failure {
    /// A refusal that is sent to the peer as it is.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), data: None, app: false, cause: None }
    }

    /// What a peer receives of a panic: that there was one, and an id.
    #[cold]
    pub(crate) fn panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no text");
        let failure = Self::new("internal", format!("panic: {text}"));
        Self { cause: Some(Cause::Panic), ..failure }
    }

    /// What is not begun, or goes on no longer, since the server shuts down.
    #[cold]
    pub(crate) fn closing() -> Self {
        Self::new("closing", "the server is shutting down")
    }

    /// A handler that took too long.
    #[cold]
    pub(crate) fn timeout(message: impl Into<Cow<'static, str>>) -> Self {
        Self { cause: Some(Cause::Timeout), ..Self::new("timeout", message) }
    }

    /// The outcome of an event or a call that failed with this, as one word of a fixed set.
    pub(crate) fn outcome(&self) -> &'static str {
        match (&self.cause, &*self.code) {
            (Some(Cause::Panic), _) => "panic",
            (None, _) if self.app => "app",
            (Some(Cause::Error(_) | Cause::Hidden), _) | (None, "internal") => "internal",
            (Some(Cause::Timeout), _) | (None, "timeout") => "timeout",
            (None, "cancelled") => "cancelled",
            _ => "refused",
        }
    }

    /// The failure for a peer that takes messages of so many bytes.
    #[must_use]
    pub fn told(&self, limit: usize) -> Told<'_> {
        let code = cut(&self.code, CODE);
        // However small a peer's limit is, an error fits into it.
        let message = cut(&self.message, TEXT.min(limit.saturating_sub(HEAD + code.len())).max(HEAD));
        let room = limit.saturating_sub(HEAD + code.len() + message.len());
        match &self.data {
            Some(data) if data.bytes().len() > room => {
                let message =
                    format!("the error has {} bytes of data, the limit is {limit}", data.bytes().len());
                Told {
                    code: "too_large".into(),
                    message: message.into(),
                    data: None,
                    is_own: false,
                    app: false,
                }
            }
            data => Told { code, message, data: data.as_ref(), is_own: self.has_own_data(), app: self.app },
        }
    }

    /// Whether what has this code may be another answer the next time.
    pub(crate) fn is_passing(code: &str) -> bool {
        ["already_connected", "busy", "closing", "internal", "timeout"].contains(&code)
    }

    /// Whether the message is for the log only; the peer is given an id in its place.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(self.cause, Some(Cause::Error(_) | Cause::Panic))
    }

    /// Whether its data is what the handler gave with it.
    fn has_own_data(&self) -> bool {
        self.data.is_some() && !matches!(self.cause, Some(Cause::Hidden))
    }

    /// What the peer receives in place of an internal failure: the id under which this side logged its text.
    #[must_use]
    pub(crate) fn internal(id: &str) -> Self {
        let data = Payload::encode(id, Encoding::MessagePack).ok();
        Self { data, cause: Some(Cause::Hidden), ..Self::new("internal", "internal error") }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", in_one_line(&self.message), printable(&self.code))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let data = error.data().and_then(|data| Payload::encode(data, Encoding::MessagePack).ok());
        let (code, message, source) = error.into_parts();
        Self { code, message, data, app: false, cause: source.map(|source| Cause::Error(source.into())) }
    }
}
