//! From handlers' errors to standard ones, and back.

use std::fmt;

use super::{Error, IdentifyError, RoomError, WaitError};

/// The code of an error of jidda that is meant for callers: a handler passes it on by `?` as it is.
pub(super) fn code(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let room = || error.downcast_ref().map(RoomError::code);
    let identify = || error.downcast_ref().map(IdentifyError::code);
    let wait = || error.downcast_ref().map(WaitError::code);
    room().or_else(identify).or_else(wait)
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
    pub(super) fn new(error: Error) -> Self {
        Self(error)
    }

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
