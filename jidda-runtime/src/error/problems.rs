//! What is wrong with a server or a client, found before it starts.

use std::fmt;

/// Everything that is wrong with how a server or a client is put together, one sentence each.
///
/// The text is the whole list, a line each. [`iter`](Self::iter) gives the sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// `server` or `client`.
    of: &'static str,
    list: Vec<String>,
}

impl Problems {
    pub(crate) fn new(of: &'static str, list: Vec<String>) -> Self {
        Self { of, list }
    }

    /// `Ok` if there are none.
    pub(crate) fn check(of: &'static str, list: Vec<String>) -> Result<(), Self> {
        if list.is_empty() { Ok(()) } else { Err(Self { of, list }) }
    }

    /// The sentences.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(String::as_str)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot start:", self.of)?;
        self.list.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}
