//! Frames that wait for their socket to be active.

use bytes::Bytes;

/// Frames in the order they were sent, bounded in bytes.
#[derive(Debug, Default)]
pub(crate) struct HeldFrames {
    frames: Vec<Bytes>,
    bytes: usize,
}

impl HeldFrames {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Keeps one more. `false` when there is no room for it.
    pub(crate) fn push(&mut self, size: usize, share: impl FnOnce() -> Bytes, limit: usize) -> bool {
        if self.bytes.saturating_add(size) > limit {
            return false;
        }
        self.bytes += size;
        self.frames.push(share());
        true
    }

    /// All of them, in their order.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }
}
