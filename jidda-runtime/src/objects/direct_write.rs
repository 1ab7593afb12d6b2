//! Writing to a connection from where a broadcast is made.
//!
//! While a connection's task sleeps, its stream lies in the shared state. A broadcast first reserves the streams of all its
//! recipients for its frame, so that the frame has its place in the order of what each of them gets. Later, and without
//! hurry, it borrows one stream after the other, writes, and puts it back: no task is woken. Most of what a delivery costs
//! besides the write itself would be that. A task that wakes meanwhile finds the frame in its outbox and writes it
//! itself.

use crate::guard::wake_all;
use crate::link::stream_slot::StreamSlot;
use crate::objects::Connection;

impl Connection {
    /// Writes the frame that the stream is reserved for, unless the connection's task did so or is about to. What the
    /// stream does not take is left to the task, and so is finding out what went wrong.
    pub(crate) fn write_reserved(&self) {
        let Some((stream, frame)) = self.link.change_without_wake().lend() else { return };
        let written = stream.try_write(&frame).unwrap_or(0);
        self.hub.metrics.wrote(written);
        let mut shared = self.link.change_without_wake();
        let is_awaited = match shared.stream {
            StreamSlot::Borrowed => false,
            StreamSlot::BorrowedWaited => true,
            // The task ended, as when its runtime shuts down.
            _ => return drop((shared, stream)),
        };
        shared.stream = StreamSlot::Parked(stream);
        let wakers = shared.wrote(written, self.hub.config.max_outbox);
        if written < frame.len() {
            shared.outbox.put_first(frame.slice(written..));
            // Until the task has tried again.
            shared.block(true);
        }
        if !is_awaited && shared.outbox.is_empty() && wakers.is_empty() {
            return;
        }
        let task = shared.waker.take();
        drop(shared);
        wake_all(task.into_iter().chain(wakers));
    }

    /// Leaves the frame that the stream is reserved for to the connection's task.
    pub(crate) fn release_reserved(&self) {
        let mut shared = self.link.change();
        if shared.outbox.is_reserved() {
            shared.send_queued();
        }
    }
}
