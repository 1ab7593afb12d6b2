//! What waits to be written to one peer.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::link::clock::Tick;

/// Up to this size a shared frame is copied: cheaper than a list of frames and a second system call argument.
const COPIED: usize = 1024;
/// The most frames handed to the system in one call.
const SLICES: usize = 32;
/// The largest buffer that a worker thread keeps for the next connection it serves.
const KEPT: usize = 64 * 1024;
/// From this size on the buffer behind the frames becomes a frame. A buffer that grew without end would have twice the
/// memory of what waits, and would keep what is written until all of it is.
const SEALED: usize = 64 * 1024;

/// How many bytes a peer has to take in the time that a slow consumer has, if so many wait: less is no progress.
pub(crate) const PROGRESS: usize = 32 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<Batch>>> = const { Cell::new(None) };
}

/// What waits, without the batch that is being written.
#[derive(Debug, Default)]
enum Content {
    #[default]
    Nothing,
    /// One frame of a broadcast, shared with the other connections that get it: it costs no allocation here.
    Frame(Arc<Bytes>),
    /// Boxed, like all that an idle connection does not need.
    Batch(Box<Batch>),
}

/// What waits to be written, and how much of it there is.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    content: Content,
    /// All that is not written yet, the batch under way included.
    queued: usize,
    /// All that was ever handed in: a message's place in the stream.
    entered: u64,
    /// The largest message the peer takes; no message is larger than four gigabytes.
    max_message: u32,
    /// When the stream last refused bytes, in ticks of the hub's clock.
    pub(crate) stalled_since: Option<Tick>,
}

impl Outbox {
    /// For a peer that takes messages of so many bytes.
    pub(crate) fn new(max_message: usize) -> Self {
        let mut outbox = Self::default();
        outbox.limit(max_message);
        outbox
    }

    pub(crate) fn limit(&mut self, max_message: usize) {
        self.max_message = u32::try_from(max_message).unwrap_or(u32::MAX);
    }

    /// The largest message the peer takes.
    pub(crate) fn max_message(&self) -> usize {
        self.max_message as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.content, Content::Nothing)
    }

    /// How many bytes wait, those under way included.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// The place in the stream of what is handed in next.
    pub(crate) fn place(&self) -> u64 {
        self.entered
    }

    /// How many bytes were written, of all that were ever handed in.
    pub(crate) fn written(&self) -> u64 {
        self.entered - self.queued as u64
    }

    /// Whether nothing from `place` on was written.
    pub(crate) fn is_unwritten(&self, place: u64) -> bool {
        self.written() <= place
    }

    /// The batch that what is handed in next belongs to; one that this thread wrote before, if there is one.
    #[inline]
    fn batch(&mut self) -> &mut Batch {
        if !matches!(self.content, Content::Batch(_)) {
            let mut batch = SPARE.take().unwrap_or_default();
            if let Content::Frame(frame) = std::mem::take(&mut self.content) {
                batch.share(&frame);
            }
            self.content = Content::Batch(batch);
        }
        match &mut self.content {
            Content::Batch(batch) => batch,
            Content::Nothing | Content::Frame(_) => unreachable!("a batch was put there above"),
        }
    }

    /// Appends what `write` writes.
    #[inline]
    pub(crate) fn append<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let batch = self.batch();
        let before = batch.tail.len();
        let result = write(&mut batch.tail);
        let added = batch.tail.len() - before;
        if batch.tail.len() >= SEALED {
            batch.seal();
        }
        self.enter(added);
        result
    }

    /// Appends a frame that other connections get too.
    pub(crate) fn share(&mut self, frame: &Bytes) {
        self.batch().share(frame);
        self.enter(frame.len());
    }

    /// Appends a frame of a broadcast to an outbox that is empty, to be written soon by whoever makes the broadcast.
    #[inline]
    pub(crate) fn reserve(&mut self, frame: &Arc<Bytes>) {
        debug_assert!(self.is_empty(), "something waits before it");
        self.content = Content::Frame(Arc::clone(frame));
        self.enter(frame.len());
    }

    /// Whether one frame of a broadcast is all that waits.
    #[inline]
    pub(crate) fn is_reserved(&self) -> bool {
        matches!(self.content, Content::Frame(_))
    }

    /// Takes the one frame that waits, to write it.
    #[inline]
    pub(crate) fn take_reserved(&mut self) -> Option<Arc<Bytes>> {
        match std::mem::take(&mut self.content) {
            Content::Frame(frame) => Some(frame),
            other => {
                self.content = other;
                None
            }
        }
    }

    /// Counts so many bytes as handed in.
    fn enter(&mut self, count: usize) {
        self.queued += count;
        self.entered += count as u64;
    }

    /// Puts what is left of a frame that was counted before everything else.
    pub(crate) fn put_first(&mut self, rest: Bytes) {
        self.batch().frames.push_front(rest);
    }

    /// Takes all that waits, to be written as one batch.
    pub(crate) fn take(&mut self) -> Option<Box<Batch>> {
        match std::mem::take(&mut self.content) {
            Content::Nothing => None,
            Content::Batch(batch) => Some(batch),
            Content::Frame(frame) => {
                let mut batch = SPARE.take().unwrap_or_default();
                batch.share(&frame);
                Some(batch)
            }
        }
    }

    /// Accounts for `count` written bytes.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.queued -= count;
    }

    /// Drops everything, what is under way included: only for the task that writes, or when there is none.
    pub(crate) fn clear(&mut self) {
        self.content = Content::Nothing;
        self.queued = 0;
    }
}

/// Bytes in the order they will be written: shared frames, then the buffer behind them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    frames: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of the tail is written.
    offset: usize,
    /// How many bytes the stream took since it began to refuse some, or since they were last enough.
    progress: usize,
}

impl Batch {
    /// Writes as much as the stream takes; `written` counts it. Ready when all of it is written.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        mut stream: Pin<&mut W>,
        cx: &mut Context<'_>,
        written: &mut usize,
    ) -> Poll<io::Result<()>> {
        loop {
            let count = if !self.frames.is_empty() {
                let tail = std::iter::once(&self.tail[self.offset..]);
                let slices: Vec<_> = self
                    .frames
                    .iter()
                    .map(|frame| &frame[..])
                    .chain(tail)
                    .take(SLICES)
                    .map(IoSlice::new)
                    .collect();
                ready!(stream.as_mut().poll_write_vectored(cx, &slices))?
            } else if self.offset < self.tail.len() {
                ready!(stream.as_mut().poll_write(cx, &self.tail[self.offset..]))?
            } else {
                return Poll::Ready(Ok(()));
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += count;
            self.advance(count);
        }
    }

    /// A copy of what is not written yet, for the log.
    pub(crate) fn copy(&self) -> Vec<u8> {
        let tail = &self.tail[self.offset..];
        self.frames.iter().map(|frame| &frame[..]).chain([tail]).collect::<Vec<_>>().concat()
    }

    /// Appends a frame that other connections get too.
    fn share(&mut self, frame: &Bytes) {
        if frame.len() > COPIED {
            self.seal();
            self.frames.push_back(frame.clone());
            return;
        }
        if self.tail.capacity() == 0 {
            self.tail.reserve_exact(frame.len());
        }
        self.tail.extend_from_slice(frame);
        if self.tail.len() >= SEALED {
            self.seal();
        }
    }

    /// Makes a frame of the buffer behind the frames. Only for a batch of which nothing is written.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            let mut tail = std::mem::take(&mut self.tail);
            tail.shrink_to_fit();
            self.frames.push_back(tail.into());
        }
    }

    /// Takes note that the stream took `count` bytes and refuses the rest. Whether it took enough lately to pass for one
    /// whose peer reads.
    pub(crate) fn progressed(&mut self, count: usize) -> bool {
        self.progress += count;
        let is_enough = self.progress >= PROGRESS;
        if is_enough {
            self.progress = 0;
        }
        is_enough
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(frame) = self.frames.front_mut() {
            if frame.len() > count {
                frame.advance(count);
                return;
            }
            count -= frame.len();
            self.frames.pop_front();
        }
        self.offset += count;
    }

    /// Gives a batch that is written to its thread, for the next connection that it writes to.
    pub(crate) fn recycle(mut self: Box<Self>) {
        if self.tail.capacity() <= KEPT {
            self.tail.clear();
            (self.offset, self.progress) = (0, 0);
            SPARE.set(Some(self));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &mut Outbox, chunk: usize) -> Vec<u8> {
        let (mut ours, theirs) = tokio::io::duplex(chunk);
        let mut batch = outbox.take().expect("something waits");
        let mut theirs = std::pin::pin!(theirs);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let (mut out, mut written) = (Vec::new(), 0);
        loop {
            let state = batch.poll_write(Pin::new(&mut ours), &mut cx, &mut written);
            let mut bytes = [0; 64];
            let mut buffer = tokio::io::ReadBuf::new(&mut bytes);
            if tokio::io::AsyncRead::poll_read(theirs.as_mut(), &mut cx, &mut buffer).is_ready() {
                out.extend_from_slice(buffer.filled());
            }
            if state.is_ready() && written == out.len() {
                outbox.wrote(written);
                return out;
            }
        }
    }

    #[test]
    fn bytes_leave_in_the_order_of_their_arrival() {
        let mut outbox = Outbox::default();
        let large = Bytes::from(vec![7; 3000]);
        outbox.append(|out| out.extend_from_slice(b"one"));
        outbox.share(&Bytes::from_static(b"two"));
        outbox.share(&large);
        outbox.append(|out| out.extend_from_slice(b"three"));
        outbox.share(&large);
        let mut expected = b"onetwo".to_vec();
        expected.extend_from_slice(&large);
        expected.extend_from_slice(b"three");
        expected.extend_from_slice(&large);
        assert_eq!(outbox.queued(), expected.len());
        assert_eq!(drain(&mut outbox, 50), expected);
        assert_eq!(outbox.queued(), 0);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_place_tells_what_was_written() {
        let mut outbox = Outbox::default();
        outbox.append(|out| out.extend_from_slice(b"one"));
        let place = outbox.place();
        outbox.append(|out| out.extend_from_slice(b"two"));
        outbox.wrote(3);
        assert!(outbox.is_unwritten(place));
        outbox.wrote(1);
        assert!(!outbox.is_unwritten(place));
    }
}
