//! The error that handlers raise, and its standard form.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use rmpv::Value;
use serde::Serialize;

use super::socket;
use crate::foreign::printable;
use crate::payload::{Encoding, Payload};

/// What a fallible handler returns: any [`std::error::Error`] is raised by `?`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that a handler returns to its caller.
///
/// There are two kinds. One made by [`Error::new`] is meant for the caller: code, message and data are sent
/// as they are. One made by `?` from a [`std::error::Error`] is internal: the caller receives the code `internal`
/// and an id, and the log has the text under that id, so that no detail of the server leaks to a peer.
/// The errors of [`Socket::join`](crate::Socket::join), [`Socket::identify`](crate::Socket::identify) and
/// [`Selection::wait_online`](crate::Selection::wait_online) are meant for callers, also when `?` raises them.
///
/// `Error` does not implement [`std::error::Error`] itself, which is what lets `?` take every other error. Where one is
/// needed, [`into_std`](Error::into_std) makes one; `?` does so in functions that return `Box<dyn std::error::Error>`.
///
/// ```
/// use jidda::{Error, Result};
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

    /// An error that a peer sent. Its text is printed in one line.
    pub(crate) fn of_peer(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(code, message);
        error.0.is_foreign = true;
        error
    }

    /// An internal error from what `?` does not take: an `anyhow::Error`, a `Box<dyn Error + Send + Sync>`, a text.
    ///
    /// As with `?`, the caller receives `internal` and an id, and the log has the text under it. A [`StdError`] in a
    /// box becomes again the error that it was.
    ///
    /// ```
    /// # fn load() -> Result<u8, Box<dyn std::error::Error + Send + Sync>> { Err("no disk".into()) }
    /// fn handler() -> jidda::Result<u8> {
    ///     Ok(load().map_err(jidda::Error::internal)?)
    /// }
    ///
    /// assert_eq!(handler().unwrap_err().code(), "internal");
    /// ```
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        match source.into().downcast::<StdError>() {
            Ok(error) => error.into_inner(),
            Err(source) => Self::from_source(source),
        }
    }

    fn from_source(source: Source) -> Self {
        if let Some(code) = socket::code(&*source) {
            return Self::new(code, source.to_string());
        }
        Self(Box::new(Inner {
            code: Cow::Borrowed("internal"),
            message: Cow::Owned(describe(&*source)),
            data: None,
            source: Some(source),
            is_foreign: false,
        }))
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

    /// Whether this error came from `?` on another error, so that its text is not sent to the peer.
    pub fn is_internal(&self) -> bool {
        self.0.source.is_some()
    }

    /// The same error as a [`std::error::Error`], for functions that need one.
    pub fn into_std(self) -> StdError {
        StdError(self)
    }

    /// The error that `?` took.
    fn taken(&self) -> Option<&Source> {
        self.0.source.as_ref()
    }

    /// Code, message and the error that `?` took.
    pub(crate) fn into_parts(self) -> (Cow<'static, str>, Cow<'static, str>, Option<Source>) {
        (self.0.code, self.0.message, self.0.source)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        // Resolved when this is compiled for each `E`: it costs no look-up.
        let mut error = Some(error);
        let any: &mut dyn Any = &mut error;
        if let Some(wrapped) = any.downcast_mut::<Option<StdError>>().and_then(Option::take) {
            return wrapped.into_inner();
        }
        let error = error.expect("only an error of another type was taken");
        Self::from_source(Box::new(error))
    }
}

/// An error and its sources in one line; a source that its parent's text already ends with is left out.
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
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

/// The same sentence as [`Display`](fmt::Display), which `fn main() -> jidda::Result<()>` prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Two errors are equal if a caller cannot distinguish them.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.code == other.0.code && self.0.message == other.0.message && self.0.data == other.0.data
    }
}

/// A handler's [`Error`] as a [`std::error::Error`]: see [`Error::into_std`].
///
/// In a function that returns [`jidda::Result`](super::Result), `?` turns it back into the error that it was.
///
/// ```
/// use jidda::Error;
///
/// fn check(name: &str) -> Result<(), Box<dyn std::error::Error>> {
///     if name.is_empty() {
///         return Err(Error::new("empty", "a name is needed").into());
///     }
///     Ok(())
/// }
///
/// assert_eq!(check("").unwrap_err().to_string(), "a name is needed");
/// ```
pub struct StdError(Error);

impl StdError {
    /// The error, with its code and its data.
    pub fn as_error(&self) -> &Error {
        &self.0
    }

    /// The error itself.
    pub fn into_inner(self) -> Error {
        self.0
    }
}

/// One level of text: what `?` took has the others as its sources.
impl fmt::Display for StdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.taken() {
            Some(error) => fmt::Display::fmt(error, f),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Debug for StdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("StdError");
        debug.field("code", &self.0.code()).field("message", &self.0.message());
        debug.field("data", &self.0.data()).finish()
    }
}

impl std::error::Error for StdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.taken()?.source()
    }
}

impl From<Error> for StdError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Error> for Box<dyn std::error::Error + Send + Sync> {
    fn from(error: Error) -> Self {
        Box::new(StdError(error))
    }
}

impl From<Error> for Box<dyn std::error::Error> {
    fn from(error: Error) -> Self {
        Box::new(StdError(error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IdentifyError, RoomError, WaitError};
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

    #[test]
    fn an_error_that_is_meant_for_callers_keeps_its_code_when_it_is_raised() {
        let error = Error::from(RoomError::TooManyRooms { limit: 3 });
        assert_eq!(error.code(), "too_many_rooms");
        assert!(!error.is_internal());
        let error = Error::from(IdentifyError::AlreadyConnected);
        assert_eq!(error.code(), "already_connected");
        let error = Error::from(WaitError::NotOnline { identity: Some("ada".into()) });
        assert_eq!((error.code(), error.message()), ("not_online", "`ada` is not online"));
    }

    #[test]
    fn an_error_survives_the_way_through_a_standard_one() {
        let error = Error::new("quota", "too many").with_data(3);
        let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
        assert_eq!(boxed.to_string(), "too many");
        let back = Error::from(*boxed.downcast::<StdError>().expect("the type is public"));
        assert_eq!((back.code(), back.data()), ("quota", Some(&Value::from(3))));
    }

    #[test]
    fn a_standard_error_has_the_source_and_one_level_of_text() {
        let error = Error::from(Outer(std::io::Error::other("disk"))).into_std();
        let source = std::error::Error::source(&error).expect("the cause of what `?` took");
        assert_eq!((error.to_string().as_str(), source.to_string().as_str()), ("cannot save", "disk"));
        assert_eq!(error.as_error().message(), "cannot save: disk");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot save")]
    struct Outer(#[source] std::io::Error);
}
