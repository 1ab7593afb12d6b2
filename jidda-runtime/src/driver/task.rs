//! The task of a connection: it reads, runs handlers and writes.
//!
//! One poll handles the requests of other tasks and the handlers that woke, reads once and handles all messages of that
//! read, and writes all their results at once. A message costs no task, no channel and no timer.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::driver::closing::{Closing, Loss};
use crate::driver::in_flight::Running;
use crate::driver::partial::Partial;
use crate::driver::turn::Turn;
use crate::foreign::printable;
use crate::guard::wake_all;
use crate::link::backlog::Backlog;
use crate::link::clock::Tick;
use crate::link::outbox::Batch;
use crate::link::shared_state::{Control, LinkStatus};
use crate::link::stream_slot::StreamSlot;
use crate::objects::Connection;
use crate::objects::SocketInner;
use crate::observe::watchdog::WatchedTurn;
use crate::reason::DisconnectReason;
use crate::sync::atomic::Ordering;
use crate::transport::Stream;
use crate::wire::{Decoder, Heartbeat, Limits, Packet, Protocol};

/// How much is read at once. One such buffer serves all connections of a worker thread.
const READ: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Serves one connection until it ends; its output is why it did.
// Independent facts about what is read and what waits.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
#[must_use = "a connection is served by awaiting its driver"]
pub(crate) struct Driver {
    _serving: TaskTrackerToken,
    pub(crate) connection: Arc<Connection>,
    /// While the task sleeps it lies in the shared state, so that others can write to it.
    stream: Option<Stream>,
    decoder: Decoder,
    /// The beginning of an incomplete message, or messages that have to wait.
    ///
    /// Boxed, like all that an idle connection does not need: its task is a third of its memory.
    partial: Option<Box<Partial>>,
    /// What the stream did not take at once.
    pub(crate) writing: Option<Box<Batch>>,
    pub(crate) running: Option<Box<Running>>,
    /// The socket of the last message: most are for the same one.
    pub(crate) current: Option<Arc<SocketInner>>,
    /// Set while the connection waits for its handlers to end before it closes.
    pub(crate) draining: Option<Box<DisconnectReason>>,
    /// What the peer said before it closed.
    pub(crate) farewell: Option<Box<DisconnectReason>>,
    pub(crate) closing: Option<Box<Closing>>,
    /// Events without an id that met the limit of events under way.
    pub(crate) backlog: Option<Box<Backlog<Arc<SocketInner>>>>,
    /// The backlog is full, too: reading rests until it is shorter.
    pub(crate) is_full: bool,
    /// Replies filled the outbox: messages rest until it has room.
    pub(crate) is_congested: bool,
    /// Complete messages may wait in `partial`: they were stopped by one of these two, or by the end of a turn.
    is_interrupted: bool,
    /// Nothing was read in this round, for want of room in the outbox.
    rests: bool,
    /// The peer said something complete: it is one of those that are counted.
    pub(crate) is_counted: bool,
    /// Parts of a message were received, and the others are waited for.
    is_amid: bool,
    /// What is left of this poll.
    pub(crate) turn: Turn,
}

impl Driver {
    /// Takes a stream into service. The connection is up from now on.
    pub(crate) fn new(connection: Arc<Connection>, stream: Stream) -> Self {
        let serving = connection.hub.serving();
        connection.is_established.store(false, Ordering::Relaxed);
        let now = connection.hub.clock();
        connection.last_seen.store(connection.heart_clock(), Ordering::Relaxed);
        connection.opened_at.store(now, Ordering::Relaxed);
        let mut shared = connection.link.change();
        debug_assert_ne!(
            shared.status,
            LinkStatus::Closed,
            "only the keeper of a connection gives it streams"
        );
        shared.status = LinkStatus::Up;
        shared.stream = StreamSlot::WithDriver;
        shared.outbox.stalled_since = None;
        shared.note_standing(None);
        shared.missed = 0;
        shared.forget_awaited();
        // Who is asked each interval is asked for the first time when one is over.
        shared.calls.pinged_at =
            (connection.wire().heartbeat() == Heartbeat::Always).then_some(Tick::at(now));
        drop(shared);
        if connection.asks_itself() {
            connection.check_after(connection.patience());
        } else if connection.is_exact() {
            connection.check_after(connection.pulse().0);
        }
        Self {
            _serving: serving,
            connection,
            stream: Some(stream),
            decoder: Decoder::default(),
            partial: None,
            writing: None,
            running: None,
            current: None,
            draining: None,
            farewell: None,
            closing: None,
            backlog: None,
            is_full: false,
            is_congested: false,
            is_interrupted: false,
            rests: false,
            is_counted: false,
            is_amid: false,
            turn: Turn::begin(),
        }
    }

    /// Counts the time for the handshake from `clock` on: it was accepted then, and served by another task until now.
    pub(crate) fn since(self, clock: u32) -> Self {
        self.connection.opened_at.store(clock, Ordering::Relaxed);
        self
    }

    /// Hears what was read of the stream before it was known whose it is; on the task that is going to serve it.
    pub(crate) async fn hear(&mut self, mut first: io::Result<Vec<u8>>) {
        poll_fn(|cx| {
            self.turn = Turn::begin();
            self.run_controls(cx);
            if self.closing.is_none() {
                match std::mem::replace(&mut first, Ok(Vec::new())) {
                    Ok(mut bytes) => self.heard(Ok(&mut bytes), cx),
                    Err(error) => self.heard(Err(error), cx),
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn running(&mut self) -> &mut Running {
        self.running.get_or_insert_default()
    }

    /// Whether one more event may be under way.
    pub(crate) fn has_room(&self) -> bool {
        let config = &self.connection.hub.config;
        self.running.as_ref().is_none_or(|running| running.has_room(config))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(|running| !running.is_empty())
    }

    /// One round. Whether anything was done, so that another round may find more.
    fn round(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = self.run_controls(cx);
        if self.closing.is_some() {
            return progress;
        }
        progress |= self.run_woken(cx);
        if self.draining.is_some() && !self.is_running() {
            let reason = self.draining.take().expect("checked");
            // The peer received the reason when the draining began.
            let wire = self.connection.wire();
            self.connection.link.append(|out| wire.close(out, None));
            self.end_all(*reason, None);
            return true;
        }
        // What the handlers wait for may be an answer that has not been read.
        if self.is_full && self.waits_for_peer() {
            self.is_full = false;
        }
        let ran_backlog = self.backlog.is_some() && self.run_backlog(cx);
        self.is_full &= !ran_backlog && self.backlog.is_some();
        self.is_full |= self.is_checking();
        progress |= ran_backlog;
        self.is_congested &= self.is_outbox_full();
        if self.is_interrupted && !self.is_full && !self.is_congested {
            self.ingest(&mut [], cx);
            progress = true;
        }
        // What was read before is handled first.
        if self.turn.is_over() { progress } else { progress | self.read(cx) }
    }

    fn run_controls(&mut self, cx: &mut Context<'_>) -> bool {
        let controls = self.connection.link.change().take_controls();
        let progress = !controls.is_empty();
        for control in controls {
            if self.closing.is_some() {
                break;
            }
            match control {
                Control::Join => self.is_full |= self.ask_to_join(0, "/", &[], cx).is_break(),
                Control::Accepted(socket) => self.replay(&socket, cx),
                Control::Leave(socket, reason) => self.leave(&socket, reason),
                Control::Close(reason) => self.begin_closing(reason, None),
                Control::Drain(reason) => self.drain(reason),
                Control::Proceed(socket) => self.proceed(&socket, cx),
                Control::Expiring => self.tell_expiring(),
                Control::Idle if self.is_running() || self.backlog.is_some() => {}
                Control::Idle => self.begin_closing(DisconnectReason::IdleTimeout, None),
            }
        }
        progress
    }

    /// Handlers that were waiting and have been woken.
    pub(crate) fn run_woken(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while !self.turn.is_over()
            && let Some(running) = &mut self.running
        {
            let Some((finished, next)) = running.poll(cx) else { break };
            progress = true;
            self.turn.spend(0);
            let socket = Arc::clone(&finished.ticket.socket);
            self.conclude(finished);
            if let Some(queued) = next
                && self.closing.is_none()
            {
                self.run_queued(&socket, queued, cx);
            }
        }
        progress |= self.run_check(cx);
        if self.running.as_ref().is_some_and(|running| running.is_vacant()) {
            self.running = None;
        }
        progress
    }

    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        // What cannot be answered is not read: the peer's own send buffer fills up instead of ours.
        self.rests = self.is_congested || (self.writing.is_some() && self.is_outbox_full());
        if self.is_full && self.stream().is_hung_up() {
            self.begin_closing(DisconnectReason::TransportClose, Some(Loss::EndOfStream));
            return true;
        }
        if self.is_full || self.rests {
            return false;
        }
        let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
        let mut read = ReadBuf::new(&mut buffer);
        let result = self.stream().poll_read(cx, &mut read);
        let length = read.filled().len();
        let progress = result.is_ready();
        if let Poll::Ready(result) = result {
            self.heard(result.map(|()| &mut buffer[..length]), cx);
        }
        BUFFER.set(Some(buffer));
        progress
    }

    /// Takes what a read gave; no bytes are the end of the stream.
    #[inline]
    fn heard(&mut self, read: io::Result<&mut [u8]>, cx: &mut Context<'_>) {
        match read {
            Err(error) => self.lost(&error),
            Ok([]) => {
                let reason = self.farewell.take().map_or(DisconnectReason::TransportClose, |reason| *reason);
                self.begin_closing(reason, Some(Loss::EndOfStream));
            }
            Ok(bytes) => {
                let hub = &self.connection.hub;
                if hub.heartbeat.traffic_counts {
                    self.connection.last_seen.store(self.connection.heart_clock(), Ordering::Relaxed);
                }
                hub.metrics.read(bytes.len());
                self.ingest(bytes, cx);
            }
        }
    }

    /// Whether something here waits for an answer of the peer.
    #[cold]
    pub(crate) fn waits_for_peer(&self) -> bool {
        // A stream waits to be asked for more.
        self.running.as_ref().is_some_and(|running| running.are_streams())
            || self.connection.link.change().calls.is_waiting()
    }

    pub(crate) fn is_outbox_full(&self) -> bool {
        self.connection.link.queued() >= self.connection.hub.config.max_outbox
    }

    fn lost(&mut self, error: &io::Error) {
        tracing::debug!(connection = %self.connection.id, error = %printable(error), "the connection broke");
        let reason = match error.kind() {
            // A medium that has packets of its own met what is none.
            io::ErrorKind::InvalidData => DisconnectReason::ParseError,
            _ => DisconnectReason::TransportError,
        };
        let is_deaf = !self.stream().takes_errors_after_damage();
        self.begin_closing(reason, is_deaf.then_some(Loss::Broken));
    }

    /// Runs the messages in `bytes`, and keeps the beginning of one that is not complete.
    fn ingest(&mut self, bytes: &mut [u8], cx: &mut Context<'_>) {
        self.ingest_messages(bytes, cx);
        if self.is_amid || self.decoder.kept() > 0 {
            self.note_rest();
        }
    }

    /// Notes how much there is of a message in several parts.
    #[cold]
    fn note_rest(&mut self) {
        let kept = self.decoder.kept();
        self.is_amid = kept > 0;
        let now = self.connection.hub.clock();
        self.connection.link.change().note_rest(kept, self.partial.is_some(), now);
    }

    #[inline]
    fn ingest_messages(&mut self, bytes: &mut [u8], cx: &mut Context<'_>) {
        let Some(mut partial) = self.partial.take() else {
            let used = self.run_messages(bytes, cx);
            if used < bytes.len() && self.closing.is_none() {
                self.partial = Some(Box::new(Partial::of(&bytes[used..])));
            }
            return;
        };
        if !bytes.is_empty() {
            partial.extend(bytes);
        }
        let used = self.run_messages(partial.rest_mut(), cx);
        partial.consume(used);
        if !partial.is_empty() && self.closing.is_none() {
            self.partial = Some(partial);
        }
    }

    /// Runs the complete messages at the beginning of `bytes`; how many bytes they were.
    fn run_messages(&mut self, bytes: &mut [u8], cx: &mut Context<'_>) -> usize {
        let limits = self.limits();
        let wire = self.connection.wire();
        let mut used = 0;
        self.is_interrupted = false;
        while self.closing.is_none() {
            if self.is_congested || self.is_full || self.turn.is_over() {
                self.is_interrupted = used < bytes.len();
                break;
            }
            match wire.decode(&mut self.decoder, &mut bytes[used..], limits) {
                Ok(Some((packet, length))) => {
                    if !self.is_counted {
                        self.count();
                    }
                    self.is_full = self.packet(packet, cx).is_break();
                    self.turn.spend(length);
                    used += length;
                }
                Ok(None) => break,
                // It is passed over: others wait for answers on this connection, too.
                Err(_) if self.decoder.passes_over().is_some_and(|id| self.expects(id)) => {}
                Err(error) => {
                    self.malformed(&error);
                    break;
                }
            }
        }
        if used > 0
            && !self.connection.wire.closes_on_misplaced_packet()
            && !self.connection.is_established.load(Ordering::Relaxed)
            && !self.is_unknown()
        {
            self.connection.is_established.store(true, Ordering::Relaxed);
        }
        used
    }

    #[cold]
    fn count(&mut self) {
        self.is_counted = true;
        let Connection { medium, wire, .. } = &*self.connection;
        self.connection.hub.metrics.connected(medium.as_str(), wire.name());
    }

    /// Writes what waits, as far as the turn goes. `true` when the stream takes no more at the moment.
    pub(crate) fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let mut resumed = self.writing.take();
        loop {
            let mut batch = match resumed.take() {
                Some(batch) => batch,
                None => {
                    let batch = self.connection.link.change().outbox.take();
                    match batch {
                        Some(batch) => {
                            self.log_written(&batch);
                            batch
                        }
                        // Streams of other servers may hold back what they took.
                        None => return self.stream().buffers() && self.stream().poll_flush(cx).is_pending(),
                    }
                }
            };
            let mut written = 0;
            let result = batch.poll_write(self.stream(), cx, &mut written);
            self.connection.hub.metrics.wrote(written);
            let wakers = {
                let mut shared = self.connection.link.change();
                shared.block(result.is_pending());
                if result.is_ready() {
                    shared.outbox.stalled_since = None;
                } else if batch.progressed(written) || shared.outbox.stalled_since.is_none() {
                    shared.outbox.stalled_since = Some(Tick::at(self.connection.hub.clock()));
                }
                shared.wrote(written, self.connection.hub.config.max_outbox)
            };
            wake_all(wakers);
            self.turn.spend(written);
            match result {
                Poll::Ready(Ok(())) if self.turn.is_over() => {
                    batch.recycle();
                    return false;
                }
                Poll::Ready(Ok(())) => batch.recycle(),
                Poll::Ready(Err(error)) => {
                    if self.closing.is_none() {
                        self.lost(&error);
                    } else {
                        // Nothing waits for room any more: that ended when the closing began.
                        self.connection.link.change().outbox.clear();
                    }
                    return false;
                }
                Poll::Pending => {
                    self.writing = Some(batch);
                    return true;
                }
            }
        }
    }

    pub(crate) fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(self.stream.as_mut().expect("the running task has the stream"))
    }

    /// Reads and drops what is still received, as far as the turn goes; `true` at the end of the stream, or when the
    /// peer said goodbye as well and waits for this side to close.
    pub(crate) fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        let mut buffer = BUFFER.take().unwrap_or_else(|| vec![0; READ].into_boxed_slice());
        let is_over = loop {
            if self.turn.is_over() {
                cx.waker().wake_by_ref();
                break false;
            }
            let mut read = ReadBuf::new(&mut buffer);
            match self.stream().poll_read(cx, &mut read) {
                Poll::Pending => break false,
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    self.turn.spend(read.filled().len());
                    if self.connection.wire.closes_on_misplaced_packet() && self.hears_goodbye(read.filled())
                    {
                        break true;
                    }
                }
                Poll::Ready(_) => break true,
            }
        };
        BUFFER.set(Some(buffer));
        is_over
    }

    /// Looks through packets that are not handled any more for the last one.
    fn hears_goodbye(&mut self, bytes: &[u8]) -> bool {
        let (wire, limits) = (self.connection.wire(), self.limits());
        let mut partial = self.partial.take().unwrap_or_default();
        partial.extend(bytes);
        let rest = partial.rest_mut();
        let mut used = 0;
        let is_goodbye = loop {
            match wire.decode(&mut self.decoder, &mut rest[used..], limits) {
                Ok(Some((Packet::Bye, _))) => break true,
                Ok(Some((_, length))) => used += length,
                Ok(None) => break false,
                // Closed with unread bytes, the peer might lose the reason that was sent to it.
                Err(_) => {
                    used = rest.len();
                    break false;
                }
            }
        };
        partial.consume(used);
        self.partial = Some(partial);
        is_goodbye
    }

    fn limits(&self) -> Limits {
        let config = &self.connection.hub.config;
        Limits { size: config.max_message, depth: config.max_depth, attachments: config.max_attachments }
    }
}

impl Future for Driver {
    type Output = DisconnectReason;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<DisconnectReason> {
        let this = self.get_mut();
        let span = {
            let mut shared = this.connection.link.change();
            if !shared.begin_poll(&mut this.stream, cx.waker()) {
                return Poll::Pending;
            }
            shared.span()
        };
        let _entered = span.as_ref().map(tracing::Span::enter);
        let _watched = WatchedTurn::begin(this.connection.hub.ward);
        this.turn = Turn::begin();
        loop {
            if this.closing.is_some() {
                return this.poll_closing(cx);
            }
            let progress = this.round(cx);
            if this.closing.is_some() {
                // What is said last is written there.
                continue;
            }
            let is_blocked = this.write(cx);
            if this.turn.is_over() && this.closing.is_none() {
                // The task still counts as running: what others leave for it is found in the next turn.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // When the write made room for what rests, nothing else wakes this task to read on.
            if progress || this.closing.is_some() || (this.rests && !this.is_outbox_full()) {
                continue;
            }
            let mut shared = this.connection.link.change();
            // Another thread may have left something between the round and this lock; once the waker stands
            // there it will be woken for it.
            if !shared.has_controls() && (is_blocked || shared.outbox.is_empty()) {
                shared.is_paused = this.is_full;
                shared.end_poll(this.stream.take(), cx.waker().clone(), is_blocked);
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.is_counted {
            let Connection { medium, wire, .. } = &*self.connection;
            self.connection.hub.metrics.disconnected(medium.as_str(), wire.name());
        }
        // Dropped when nothing is locked any more: a control may be the last to hold a socket that was left.
        let (lost, _controls, _stream, _claim) = {
            let mut shared = self.connection.link.change();
            let controls = shared.take_controls();
            let (lost, stream) = shared.detach(self.connection.hub.side);
            (lost, controls, stream, shared.standing_mut().and_then(|standing| standing.claim.take()))
        };
        lost.settle();
        self.connection.leave_sockets();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that every idle connection has. What only some have is boxed: before one of these grows, look there.
    #[test]
    fn an_idle_connection_is_small() {
        // Mio's streams are larger where they are debugged.
        let stream = size_of::<tokio::net::TcpStream>();
        let sizes = [size_of::<Driver>(), size_of::<Connection>(), size_of::<SocketInner>()];
        let limits = [104 + stream, 200 + stream, 88];
        assert!(sizes.into_iter().zip(limits).all(|(size, limit)| size <= limit), "{sizes:?}");
    }
}
