//! Why a token is refused.

use std::borrow::Cow;
use std::fmt;

use super::super::unauthenticated;
use crate::error::Error;
use crate::foreign::printable;

/// What is wrong with a token, for the log; holds nothing of the token.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) part: Cow<'static, str>,
    pub(super) problem: &'static str,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.part, self.problem)
    }
}

impl Failed {
    pub(super) fn new(part: impl Into<Cow<'static, str>>, problem: &'static str) -> Self {
        Self { part: part.into(), problem }
    }
}

/// Of a token whose time has passed: all that its peer learns.
pub(super) const EXPIRED: &str = "is over";

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        tracing::debug!(reason = %printable(&failed), "a token was refused");
        let is_expired = failed.problem == EXPIRED;
        unauthenticated(if is_expired { "the token has expired" } else { "the token is not valid" })
    }
}
