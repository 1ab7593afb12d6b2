//! What waits to be written to one peer.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::wheel::Moment;

/// Up to this size a shared frame is copied: cheaper than a list of frames and a second system call argument.
const COPIED: usize = 1024;
/// The most frames handed to the system in one call.
const SLICES: usize = 32;
/// The largest buffer that a worker thread keeps for the next connection it serves.
const KEPT: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<Option<Box<Batch>>> = const { Cell::new(None) };
}

/// What waits to be written, and how much of it there is.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Boxed, like all that an idle connection does not need.
    batch: Option<Box<Batch>>,
    /// All that is not written yet, the batch under way included.
    queued: usize,
    /// All that was ever handed in: a message's place in the stream.
    entered: u64,
    /// The largest message the peer takes; no message is larger than four gigabytes.
    max_message: u32,
    /// When the stream last refused bytes, in ticks of the hub's clock.
    pub(super) stalled_since: Option<Moment>,
}

impl Outbox {
    /// For a peer that takes messages of so many bytes.
    pub(super) fn new(max_message: usize) -> Self {
        let mut outbox = Self::default();
        outbox.limit(max_message);
        outbox
    }

    pub(super) fn limit(&mut self, max_message: usize) {
        self.max_message = u32::try_from(max_message).unwrap_or(u32::MAX);
    }

    /// The largest message the peer takes.
    pub(super) fn max_message(&self) -> usize {
        self.max_message as usize
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_none()
    }

    /// How many bytes wait, those under way included.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// The place in the stream of what is handed in next.
    pub(super) fn place(&self) -> u64 {
        self.entered
    }

    /// Whether nothing from `place` on was written.
    pub(super) fn is_unwritten(&self, place: u64) -> bool {
        self.entered - self.queued as u64 <= place
    }

    /// Appends what `write` writes, to a batch that this thread wrote before if there is one.
    #[inline]
    pub(super) fn append<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let tail = &mut self.batch.get_or_insert_with(|| SPARE.take().unwrap_or_default()).tail;
        let before = tail.len();
        let result = write(tail);
        let added = tail.len() - before;
        self.enter(added);
        result
    }

    /// Appends a frame that other connections get too.
    pub(super) fn share(&mut self, frame: &Bytes) {
        let Batch { frames, tail, .. } = &mut **self.batch.get_or_insert_default();
        if frame.len() <= COPIED {
            if tail.capacity() == 0 {
                tail.reserve_exact(frame.len());
            }
            tail.extend_from_slice(frame);
        } else {
            if !tail.is_empty() {
                frames.push_back(std::mem::take(tail).into());
            }
            frames.push_back(frame.clone());
        }
        self.enter(frame.len());
    }

    /// Counts so many bytes as handed in: they are written by somebody else.
    pub(super) fn enter(&mut self, count: usize) {
        self.queued += count;
        self.entered += count as u64;
    }

    /// Puts what is left of a frame that was counted before everything else.
    pub(super) fn put_first(&mut self, rest: Bytes) {
        self.batch.get_or_insert_default().frames.push_front(rest);
    }

    /// Takes all that waits, to be written as one batch.
    pub(super) fn take(&mut self) -> Option<Box<Batch>> {
        self.batch.take()
    }

    /// Accounts for `count` written bytes.
    pub(super) fn wrote(&mut self, count: usize) {
        self.queued -= count;
    }

    /// Drops everything: the stream is gone.
    pub(super) fn clear(&mut self) {
        self.batch = None;
        self.queued = 0;
    }
}

/// Bytes in the order they will be written: shared frames, then the buffer behind them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    frames: VecDeque<Bytes>,
    tail: Vec<u8>,
    /// How much of the tail is written.
    offset: usize,
}

impl Batch {
    /// Writes as much as the stream takes; `written` counts it. Ready when all of it is written.
    pub(super) fn poll_write<W: AsyncWrite + Unpin>(
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
    pub(super) fn recycle(mut self: Box<Self>) {
        if self.tail.capacity() <= KEPT {
            self.tail.clear();
            self.offset = 0;
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
    fn bytes_leave_in_the_order_they_came() {
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
