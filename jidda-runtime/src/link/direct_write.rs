//! Writing to a connection from where a broadcast is made.
//!
//! While a connection's task sleeps, its stream lies in the exchange. A broadcast first reserves the streams of all its
//! recipients for its frame, so that the frame has its place in the order of what each of them gets. Later, and without
//! hurry, it borrows one stream after the other, writes, and puts it back: no task is woken. Most of what a delivery costs
//! besides the write itself would be that. A task that wakes meanwhile finds the frame in its outbox and writes it
//! itself.

use tokio::time::Instant;

use crate::guard::wake_all;
use crate::objects::Connection;
use crate::sync::atomic::Ordering;
use crate::transport::Stream;

/// Where a connection's stream is.
#[derive(Debug, Default)]
pub(crate) enum Whereabouts {
    /// There is none.
    #[default]
    Nowhere,
    /// The connection's task has it: it runs, and will look at its exchange again before it sleeps.
    Running,
    /// Here: the task sleeps.
    Resting(Stream),
    /// A frame of a broadcast is being written to it.
    Lent,
    /// The same, and the task waits for it.
    Awaited,
}

/// When a broadcast is made: the last digits of a count of milliseconds, which repeat after a quarter of a second. What is
/// mistaken for another moment by that is queued instead of written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BroadcastTime(u8);

impl BroadcastTime {
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn since(start: Instant) -> Self {
        Self(start.elapsed().as_millis() as u8)
    }

    /// Whether it is less than two milliseconds after another one. Then its frames are queued: a task writes all that
    /// has come by the time it runs at once, which is less work when much comes.
    fn follows(self, other: u8) -> bool {
        self.0.wrapping_sub(other) < 2
    }
}

impl Connection {
    /// Whether no other broadcast for this peer was made just before; takes note that one was made. Only while the
    /// exchange is locked.
    pub(crate) fn is_first_of_burst(&self, now: BroadcastTime) -> bool {
        // It stands outside of the exchange, where two bytes were left.
        let before = self.told.load(Ordering::Relaxed);
        self.told.store(now.0, Ordering::Relaxed);
        !now.follows(before)
    }

    /// Writes the frame that the stream is reserved for, unless the connection's task did so or is about to. What the
    /// stream does not take is left to the task, and so is finding out what went wrong.
    pub(crate) fn write_reserved(&self) {
        let Some((stream, frame)) = self.exchange.lock().lend() else { return };
        let written = stream.try_write(&frame).unwrap_or(0);
        self.hub.metrics.wrote(written);
        let mut exchange = self.exchange.lock();
        let is_awaited = match exchange.stream {
            Whereabouts::Lent => false,
            Whereabouts::Awaited => true,
            // The task ended, as when its runtime shuts down.
            _ => return drop((exchange, stream)),
        };
        exchange.stream = Whereabouts::Resting(stream);
        let wakers = exchange.wrote(written, self.hub.config.max_outbox);
        if written < frame.len() {
            exchange.outbox.put_first(frame.slice(written..));
            // Until the task has tried again.
            exchange.block(true);
        }
        if !is_awaited && exchange.outbox.is_empty() && wakers.is_empty() {
            return;
        }
        let waker = exchange.waker.take();
        drop(exchange);
        wake_all(wakers.into_iter().chain(waker));
    }

    /// Leaves the frame that the stream is reserved for to the connection's task.
    pub(crate) fn release_reserved(&self) {
        let mut exchange = self.exchange.lock();
        let waker = if exchange.outbox.is_reserved() { exchange.queued() } else { None };
        drop(exchange);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
