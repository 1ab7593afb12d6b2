//! A stream whose first byte tells what it is for.

use std::fmt;

use super::stream::Stream;

/// Takes a stream on that speaks HTTP.
type Takeover = Box<dyn FnOnce(Stream) + Send + Sync>;

/// A stream of which nothing was read.
///
/// HTTP begins with an uppercase letter, a method's name, as no native message does. It belongs to somebody else
/// then, and whoever reads from this one is told that it has ended.
pub struct Fresh {
    /// `None` once it was given away.
    stream: Option<Stream>,
    takeover: Option<Takeover>,
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// What the first bytes say.
pub(super) enum First {
    /// The stream is native; here it is.
    Native(Stream),
    /// It was given away.
    Http,
}

impl Fresh {
    pub(super) fn new(stream: Stream, takeover: Takeover) -> Self {
        Self { stream: Some(stream), takeover: Some(takeover) }
    }

    pub(super) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    pub(super) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.stream.as_mut()
    }

    /// Decides by the first bytes that were read.
    pub(super) fn decide(&mut self, bytes: &[u8]) -> Option<First> {
        let stream = self.stream.take()?;
        match (bytes.first(), self.takeover.take()) {
            (Some(b'A'..=b'Z'), Some(takeover)) => {
                takeover(stream.with_ahead(bytes.to_vec()));
                Some(First::Http)
            }
            _ => Some(First::Native(stream)),
        }
    }
}
