//! A stream of which something was read already: the bytes are read again before it.

/// What was read, and the stream that it was read from.
#[derive(Debug)]
pub struct Rewind<S> {
    bytes: Vec<u8>,
    read: usize,
    /// `None` once the stream has replaced this.
    rest: Option<S>,
}

impl<S> Rewind<S> {
    pub(super) fn new(bytes: Vec<u8>, rest: S) -> Self {
        Self { bytes, read: 0, rest: Some(rest) }
    }

    /// As many of the bytes as there is room for; `None` when all were read.
    pub(super) fn read(&mut self, room: usize) -> Option<&[u8]> {
        let unread = &self.bytes[self.read..];
        if unread.is_empty() {
            return None;
        }
        let count = unread.len().min(room);
        self.read += count;
        Some(&unread[..count])
    }

    pub(super) fn stream(&self) -> Option<&S> {
        self.rest.as_ref()
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut S> {
        self.rest.as_mut()
    }

    /// The stream, once all bytes were read again.
    pub(super) fn take(&mut self) -> Option<S> {
        self.rest.take()
    }
}
