//! A connection on its way out.

use std::pin::Pin;

use futures_util::future::BoxFuture;
use tokio::time::Sleep;

use crate::reason::DisconnectReason;

/// How a stream was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The peer sends no more; it may still read.
    EndOfStream,
    /// The peer said goodbye: it waits for the answer, and for this side to close.
    Goodbye,
    /// Nothing goes either way.
    Broken,
}

/// A connection on its way out.
pub(crate) struct Closing {
    pub(crate) reason: DisconnectReason,
    /// The `disconnect` handlers.
    pub(crate) handlers: Option<BoxFuture<'static, ()>>,
    pub(crate) limit: Pin<Box<Sleep>>,
    pub(crate) is_shut: bool,
    pub(crate) is_over: bool,
    /// The peer said goodbye itself.
    pub(crate) is_goodbye: bool,
}

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Closing").field("reason", &self.reason).finish_non_exhaustive()
    }
}
