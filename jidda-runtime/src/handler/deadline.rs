//! What a handler may ask of the scope that it runs in: its deadline, its trace.

use std::time::Duration;

use tokio::time::Instant;

use super::extract::{Context, FromConnection};
use super::scope::Scope;
use crate::error::Error;
use crate::trace::TraceContext;

/// Until when a handler has to be done: the sooner of its own `timeout` and what its caller said. The handler is dropped
/// then, wherever it stands; its own calls end with it.
///
/// ```
/// # use jidda::call::Deadline;
/// async fn search(deadline: &Deadline, words: String) -> Vec<String> {
///     let patience = deadline.left().unwrap_or(std::time::Duration::MAX);
///     // ..
/// #   let _ = (patience, words);
///     Vec::new()
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The moment; `None` without a limit.
    pub fn at(&self) -> Option<Instant> {
        self.0
    }

    /// How much time is left, down to zero; `None` without a limit.
    pub fn left(&self) -> Option<Duration> {
        self.0.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

impl FromConnection for Deadline {
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        Ok(Self(context.scope().and_then(Scope::deadline)))
    }
}

impl FromConnection for TraceContext {
    /// The event's own, else its connection's, else the beginning of a new trace that is not recorded.
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        Ok(context.scope().and_then(Scope::trace).cloned().unwrap_or_else(|| Self::new(false)))
    }
}
