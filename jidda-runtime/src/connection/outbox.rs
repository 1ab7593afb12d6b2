//! What waits to be written to one peer.

// A pointer for what an idle connection does not have: the collections themselves are three words and more.
#![allow(clippy::box_collection)]

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

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
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn recycle(mut buffer: Vec<u8>) {
    if (1..=KEPT).contains(&buffer.capacity()) {
        buffer.clear();
        SPARE.with(|spare| {
            let kept = spare.take();
            spare.set(if kept.capacity() < buffer.capacity() { buffer } else { kept });
        });
    }
}

/// Bytes in the order they will be written: shared frames, then the buffer behind them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Boxed, like all that an idle connection does not need.
    frames: Option<Box<VecDeque<Bytes>>>,
    tail: Vec<u8>,
    /// All that is not written yet, the batch under way included.
    queued: usize,
    /// All that was ever handed in: a message's place in the stream.
    entered: u64,
    /// Who waits for room.
    waiting: Option<Box<Vec<Waker>>>,
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
        self.frames.is_none() && self.tail.is_empty()
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

    /// Appends what `write` writes. `recycled` says that the caller runs on the connection's own task, which
    /// gives the buffer back to its thread when it is written.
    #[inline]
    pub(super) fn append<R>(&mut self, recycled: bool, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        if recycled && self.tail.capacity() == 0 {
            self.tail = SPARE.take();
        }
        let before = self.tail.len();
        let result = write(&mut self.tail);
        let added = self.tail.len() - before;
        self.queued += added;
        self.entered += added as u64;
        result
    }

    /// Appends a frame that other connections get too.
    pub(super) fn share(&mut self, frame: &Bytes) {
        if frame.len() <= COPIED {
            if self.tail.capacity() == 0 {
                self.tail.reserve_exact(frame.len());
            }
            self.tail.extend_from_slice(frame);
        } else {
            let frames = self.frames.get_or_insert_default();
            if !self.tail.is_empty() {
                frames.push_back(std::mem::take(&mut self.tail).into());
            }
            frames.push_back(frame.clone());
        }
        self.queued += frame.len();
        self.entered += frame.len() as u64;
    }

    /// Takes all that waits, to be written as one batch.
    pub(super) fn take(&mut self) -> Option<Batch> {
        (!self.is_empty()).then(|| Batch {
            frames: self.frames.take(),
            tail: std::mem::take(&mut self.tail),
            offset: 0,
        })
    }

    /// Accounts for `count` written bytes; those who waited for room below `limit` are to be woken.
    pub(super) fn wrote(&mut self, count: usize, limit: usize) -> Vec<Waker> {
        self.queued -= count;
        if self.queued < limit { self.take_waiting() } else { Vec::new() }
    }

    /// Those who wait for room: there is some, or there will not be any.
    pub(super) fn take_waiting(&mut self) -> Vec<Waker> {
        self.waiting.take().map(|waiting| *waiting).unwrap_or_default()
    }

    pub(super) fn wait_for_room(&mut self, waker: &Waker) {
        let waiting = self.waiting.get_or_insert_default();
        if !waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Drops everything: the connection is gone. Those who waited learn it by being woken.
    pub(super) fn clear(&mut self) -> Vec<Waker> {
        self.frames = None;
        self.tail = Vec::new();
        self.queued = 0;
        self.take_waiting()
    }
}

/// What was taken from the outbox and is being written.
#[derive(Debug)]
pub(super) struct Batch {
    frames: Option<Box<VecDeque<Bytes>>>,
    tail: Vec<u8>,
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
            let count = if let Some(frames) = self.frames.as_deref() {
                let tail = std::iter::once(&self.tail[self.offset..]);
                let slices: Vec<_> = frames
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
                break;
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += count;
            self.advance(count);
        }
        recycle(std::mem::take(&mut self.tail));
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        if let Some(frames) = &mut self.frames {
            while let Some(frame) = frames.front_mut() {
                if frame.len() > count {
                    frame.advance(count);
                    return;
                }
                count -= frame.len();
                frames.pop_front();
            }
            self.frames = None;
        }
        self.offset += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &mut Outbox, chunk: usize) -> Vec<u8> {
        let (mut ours, theirs) = tokio::io::duplex(chunk);
        let mut batch = outbox.take().expect("something waits");
        let mut theirs = std::pin::pin!(theirs);
        let mut cx = Context::from_waker(Waker::noop());
        let (mut out, mut written) = (Vec::new(), 0);
        loop {
            let state = batch.poll_write(Pin::new(&mut ours), &mut cx, &mut written);
            let mut bytes = [0; 64];
            let mut buffer = tokio::io::ReadBuf::new(&mut bytes);
            if tokio::io::AsyncRead::poll_read(theirs.as_mut(), &mut cx, &mut buffer).is_ready() {
                out.extend_from_slice(buffer.filled());
            }
            if state.is_ready() && written == out.len() {
                outbox.wrote(written, usize::MAX);
                return out;
            }
        }
    }

    #[test]
    fn bytes_leave_in_the_order_they_came() {
        let mut outbox = Outbox::default();
        let large = Bytes::from(vec![7; 3000]);
        outbox.append(false, |out| out.extend_from_slice(b"one"));
        outbox.share(&Bytes::from_static(b"two"));
        outbox.share(&large);
        outbox.append(true, |out| out.extend_from_slice(b"three"));
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
        outbox.append(false, |out| out.extend_from_slice(b"one"));
        let place = outbox.place();
        outbox.append(false, |out| out.extend_from_slice(b"two"));
        outbox.wrote(3, usize::MAX);
        assert!(outbox.is_unwritten(place));
        outbox.wrote(1, usize::MAX);
        assert!(!outbox.is_unwritten(place));
    }
}
