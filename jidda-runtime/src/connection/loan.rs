//! Writing to a connection from where a broadcast is made.
//!
//! While a connection's task sleeps, its stream lies in the exchange. Who has a frame for it then borrows the stream,
//! writes, and puts it back: nobody is woken, and nothing is queued. Most of what a delivery costs besides the write
//! itself would be that.

use std::task::Waker;

use bytes::Bytes;
use tokio::time::Instant;

use super::Connection;
use super::exchange::Exchange;
use crate::sync::atomic::Ordering;
use crate::transport::Stream;

/// Where a connection's stream is.
#[derive(Debug, Default)]
pub(super) enum Whereabouts {
    /// There is none.
    #[default]
    Nowhere,
    /// The connection's task has it: it runs, and will look at its exchange again before it sleeps.
    Running,
    /// Here: the task sleeps.
    Resting(Stream),
    /// Somebody writes a frame to it.
    Lent,
    /// The same, and the task waits for it.
    Awaited,
}

/// When a broadcast is made: the last digits of a count of milliseconds, which come again after a minute. What is
/// mistaken for another moment by that is queued instead of written.
#[derive(Clone, Copy, Debug)]
pub(super) struct BroadcastTime(u16);

impl BroadcastTime {
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn since(start: Instant) -> Self {
        Self(start.elapsed().as_millis() as u16)
    }

    /// Whether it is less than two milliseconds after another one. Then its frames are queued: a task writes all that
    /// has come by the time it runs at once, which is less work when much comes.
    fn follows(self, other: u16) -> bool {
        self.0.wrapping_sub(other) < 2
    }
}

impl Exchange {
    /// Gives the stream out to write a frame of so many bytes, which counts as queued from now on. There is none if
    /// the task runs or anything waits to be written: then the frame has to wait, too.
    fn lend(&mut self, size: usize) -> Option<Stream> {
        let Whereabouts::Resting(stream) = &self.stream else { return None };
        if !stream.takes_from_anyone() || !self.is_writable() {
            return None;
        }
        let Whereabouts::Resting(stream) = std::mem::replace(&mut self.stream, Whereabouts::Lent) else {
            return None;
        };
        self.outbox.enter(size);
        Some(stream)
    }
}

impl Connection {
    /// The stream, to write a frame of a broadcast to it.
    pub(super) fn borrow_stream(
        &self,
        exchange: &mut Exchange,
        size: usize,
        now: BroadcastTime,
    ) -> Option<Stream> {
        // Only changed while the exchange is locked. It stands outside of it, where two bytes were left.
        let told = self.told.load(Ordering::Relaxed);
        self.told.store(now.0, Ordering::Relaxed);
        if now.follows(told) { None } else { exchange.lend(size) }
    }

    /// Writes a frame to a stream that was lent for it, and puts the stream back. What it does not take is left to the
    /// task, and so is finding out what went wrong.
    pub(super) fn write_lent(&self, stream: Stream, frame: &Bytes) {
        let written = stream.try_write(frame).unwrap_or(0);
        self.hub.metrics.wrote(written);
        let mut exchange = self.exchange.lock();
        let is_awaited = match exchange.stream {
            Whereabouts::Lent => false,
            Whereabouts::Awaited => true,
            // The task is gone, as when its runtime shuts down.
            _ => return drop((exchange, stream)),
        };
        exchange.stream = Whereabouts::Resting(stream);
        let waiting = exchange.wrote(written, self.hub.config.max_outbox);
        if written < frame.len() {
            exchange.outbox.put_first(frame.slice(written..));
        }
        let waker = if is_awaited || !exchange.outbox.is_empty() { exchange.waker.take() } else { None };
        drop(exchange);
        waiting.into_iter().chain(waker).for_each(Waker::wake);
    }
}
