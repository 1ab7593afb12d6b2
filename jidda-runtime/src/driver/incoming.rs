//! An event as the driver passes it on.

use bytes::Bytes;

use crate::link::backlog::Waiting;
use crate::wire::{Meta, WireError};

/// Not answered under that number: it would pass for the answer of the call that still runs.
pub(crate) const ID_IN_USE: WireError =
    WireError::Malformed("a message id is in use by a call that is still running");

/// An event as the driver passes it on.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) event: &'a str,
    pub(crate) id: Option<u32>,
    pub(crate) arguments: &'a [u8],
    pub(crate) meta: Option<&'a Meta>,
}

impl From<Incoming<'_>> for Waiting {
    fn from(incoming: Incoming<'_>) -> Self {
        Self {
            id: incoming.id,
            event: incoming.event.into(),
            arguments: Bytes::copy_from_slice(incoming.arguments),
            meta: incoming.meta.cloned().map(Box::new),
        }
    }
}

impl<'a> From<&'a Waiting> for Incoming<'a> {
    fn from(waiting: &'a Waiting) -> Self {
        Self {
            event: &waiting.event,
            id: waiting.id,
            arguments: &waiting.arguments,
            meta: waiting.meta.as_deref(),
        }
    }
}
