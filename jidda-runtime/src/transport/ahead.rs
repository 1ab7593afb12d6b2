//! A stream of which something was read already.

use super::stream::Stream;

/// What was read, and the stream that it was read from.
#[derive(Debug)]
pub struct Ahead {
    bytes: Vec<u8>,
    read: usize,
    /// `None` once it took this one's place.
    rest: Option<Stream>,
}

impl Ahead {
    pub(super) fn new(bytes: Vec<u8>, rest: Stream) -> Self {
        Self { bytes, read: 0, rest: Some(rest) }
    }

    /// As many of the bytes as there is room for; `None` when there are no more.
    pub(super) fn read(&mut self, room: usize) -> Option<&[u8]> {
        let unread = &self.bytes[self.read..];
        if unread.is_empty() {
            return None;
        }
        let count = unread.len().min(room);
        self.read += count;
        Some(&unread[..count])
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        self.rest.as_ref()
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.rest.as_mut()
    }

    /// The stream, when all was read again.
    pub(super) fn take(&mut self) -> Option<Stream> {
        self.rest.take()
    }
}
