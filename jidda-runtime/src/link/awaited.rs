//! What a peer has to do in time, and how far it is: to read as far as a ping, and to send the rest of a message.

use crate::link::clock::Tick;

/// What a connection has for a moment only.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    /// The place in the stream of a ping that stands behind other bytes.
    pub(super) ping: Option<u64>,
    pub(super) rest: Option<Rest>,
}

/// An incomplete message that takes memory: fragments, or a packet's attachments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// When some of it was received last.
    pub(super) since: Tick,
    /// How much of it is here.
    pub(super) size: usize,
}

impl Awaited {
    pub(crate) fn is_nothing(&self) -> bool {
        self.ping.is_none() && self.rest.is_none()
    }
}
