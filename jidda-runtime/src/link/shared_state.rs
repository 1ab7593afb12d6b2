//! What a connection's own task and everyone else share: one short lock, never held while polling or writing.

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use tracing::Span;

use super::auth_state::AuthState;
use super::awaited::Awaited;
use super::call_shares::CallShares;
use super::connection_store::ConnectionStore;
use super::line::{Entry, Line, Lost, Position};
use super::outbox::Outbox;
use super::pending_requests::PendingRequests;
use super::recently_left::Left;
use super::stream_slot::{BroadcastTime, StreamSlot};
use crate::failure::{Failure, Told};
use crate::handler::Side;
use crate::id::SocketId;
use crate::payload::Payload;
use crate::reason::DisconnectReason;
use crate::transport::Stream;
use crate::wire::{Protocol, Wire};

/// Whether there is a peer at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkStatus {
    /// A stream is open.
    Up,
    /// A client is between two streams.
    Away,
    /// It is over.
    Closed,
}

/// What others ask of the connection's task.
#[derive(Debug)]
pub(crate) enum Control<S> {
    /// The peer is in the root namespace by being there.
    Join,
    /// A socket was accepted by something its `connect` handler did: its early events may run.
    Accepted(S),
    /// What waits in the sequence of a socket may run on, after the end of a turn.
    Proceed(S),
    /// A socket leaves its namespace.
    Leave(S, DisconnectReason),
    /// The connection ends, after what is queued is written.
    Close(DisconnectReason),
    /// The connection ends once no handler runs.
    Drain(DisconnectReason),
    /// The peer's credentials are about to expire.
    Expiring,
    /// A plain peer was silent for too long: the connection ends, unless something of it runs.
    Idle,
}

/// What few connections have, or for a moment only.
#[derive(Debug)]
struct ColdState<S> {
    work: Option<Box<QueuedWork<S>>>,
    /// Who the peer was found to be: most servers do not ask.
    standing: Option<Box<AuthState>>,
    /// What the program keeps with the connection.
    kept: Option<ConnectionStore>,
    /// The namespaces it was in a moment ago.
    left: Option<Box<Left>>,
    /// Why a client's connection is to end for good, whatever becomes of its stream.
    ending: Option<Box<DisconnectReason>>,
    /// What callers of a gateway have under way on it.
    shares: Option<Box<CallShares>>,
    /// What the peer is waited for.
    awaited: Option<Box<Awaited>>,
    /// The connection keeps nothing any more: no stream follows, and no handler runs.
    is_over: bool,
}

/// What waits for the connection's task, or for room in the outbox.
#[derive(Debug)]
struct QueuedWork<S> {
    controls: Vec<Control<S>>,
    /// Frames that wait for room in the outbox.
    line: Line,
    /// Streaming replies that wait for room in the outbox before they produce anything.
    waiting: Vec<Waker>,
}

/// Whether the peer takes a value with so many bytes around it; what is to be said instead, if not.
#[inline]
pub(crate) fn check_value(
    wire: Wire,
    value: &Payload,
    around: usize,
    what: &str,
    limit: usize,
) -> Result<(), Box<Failure>> {
    let size = value.bytes().len();
    if size + around > limit {
        return Err(Box::new(too_large(format!("{what} has {size} bytes, the limit is {limit}"))));
    }
    wire.check_value(value)
        .map_err(|error| Box::new(too_large(format!("{what} cannot be sent: {}", error.0))))
}

#[cold]
fn too_large(message: String) -> Failure {
    Failure::new("too_large", message)
}

// Independent facts about the task, the stream and the peer.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(crate) struct SharedState<S> {
    pub(crate) outbox: Outbox,
    pub(crate) calls: PendingRequests<S>,
    /// Boxed, like all that an idle connection does not need.
    cold: Option<Box<ColdState<S>>>,
    pub(crate) status: LinkStatus,
    /// Whether the peer uses the native protocol, which is more than plain MessagePack-RPC.
    pub(crate) speaks_native: bool,
    /// Anything was written since the connection was looked after.
    pub(crate) has_written: bool,
    /// The task does not read at the moment, since too much is running: silence is not the peer's.
    pub(crate) is_paused: bool,
    /// The stream takes no more at the moment: new bytes are no reason to wake the task.
    is_blocked: bool,
    pub(crate) waker: Option<Waker>,
    pub(crate) stream: StreamSlot,
    /// When the last broadcast was made that the peer gets: a [`BroadcastTime`].
    last_broadcast_ms: u8,
    /// How many times in a row the peer did not answer a ping in time.
    pub(crate) missed: u16,
}

impl<S> Default for ColdState<S> {
    fn default() -> Self {
        Self {
            work: None,
            standing: None,
            kept: None,
            left: None,
            ending: None,
            shares: None,
            awaited: None,
            is_over: false,
        }
    }
}

impl<S> Default for QueuedWork<S> {
    fn default() -> Self {
        Self { controls: Vec::new(), line: Line::default(), waiting: Vec::new() }
    }
}

impl<S> SharedState<S> {
    pub(crate) fn new(status: LinkStatus, max_message: usize) -> Self {
        Self {
            outbox: Outbox::new(max_message),
            calls: PendingRequests::default(),
            cold: None,
            status,
            speaks_native: false,
            has_written: false,
            is_paused: false,
            is_blocked: false,
            waker: None,
            stream: StreamSlot::Detached,
            missed: 0,
            last_broadcast_ms: 0,
        }
    }

    /// Forgets when the last broadcast was made, as if that were long ago.
    #[cfg(all(test, feature = "__models"))]
    pub(crate) fn forget_last_broadcast(&mut self) {
        self.last_broadcast_ms = 100;
    }

    /// Whether no other broadcast for this peer was made just before; takes note that one was made.
    pub(crate) fn is_first_of_burst(&mut self, now: BroadcastTime) -> bool {
        let before = std::mem::replace(&mut self.last_broadcast_ms, now.0);
        !now.is_within_coalescing_window(before)
    }

    /// Whether the connection's task runs right now, and will look at all this again before it rests.
    fn is_polling(&self) -> bool {
        matches!(self.stream, StreamSlot::WithDriver)
    }

    /// The connection's span, if there was a subscriber when it was asked for.
    pub(crate) fn span(&self) -> Option<Span> {
        self.kept()?.span.as_deref().cloned()
    }

    /// What the program keeps with the connection, if anything.
    pub(crate) fn kept(&self) -> Option<&ConnectionStore> {
        self.cold.as_ref()?.kept.as_ref()
    }

    /// The same, to be changed. There is none where nothing is kept any more.
    pub(crate) fn kept_mut(&mut self) -> Option<&mut ConnectionStore> {
        if self.cold.as_ref().is_some_and(|cold| cold.is_over) {
            return None;
        }
        Some(self.cold.get_or_insert_default().kept.get_or_insert_default())
    }

    /// The connection is over: nothing is kept from now on.
    pub(crate) fn take_kept(&mut self) -> Option<ConnectionStore> {
        let cold = self.cold.get_or_insert_default();
        cold.is_over = true;
        cold.kept.take()
    }

    /// What the peer is waited for, if anything.
    pub(crate) fn awaited(&self) -> Option<&Awaited> {
        self.cold.as_ref()?.awaited.as_deref()
    }

    pub(crate) fn awaited_mut(&mut self) -> &mut Awaited {
        self.cold.get_or_insert_default().awaited.get_or_insert_default()
    }

    /// The peer is a new one.
    pub(crate) fn forget_awaited(&mut self) {
        if let Some(cold) = &mut self.cold {
            cold.awaited = None;
        }
        self.tidy();
    }

    fn work(&mut self) -> &mut QueuedWork<S> {
        self.cold.get_or_insert_default().work.get_or_insert_default()
    }

    /// What callers of a gateway have under way on it; the server behind runs so many at once, unless it said
    /// otherwise.
    pub(crate) fn shares(&mut self, limit: usize) -> &mut CallShares {
        let shares = &mut self.cold.get_or_insert_default().shares;
        shares.get_or_insert_with(|| Box::new(CallShares::new(limit)))
    }

    /// Frees what there is no need for any more.
    pub(crate) fn tidy(&mut self) {
        let Some(cold) = &mut self.cold else { return };
        cold.awaited.take_if(|awaited| awaited.is_nothing());
        cold.work.take_if(|work| work.controls.is_empty() && work.waiting.is_empty() && work.line.is_empty());
        let ColdState { work, standing, kept, left, ending, shares, awaited, is_over } = &**cold;
        let has_words = work.is_some() || left.is_some() || ending.is_some() || awaited.is_some();
        if !is_over && !has_words && standing.is_none() && kept.is_none() && shares.is_none() {
            self.cold = None;
        }
    }

    /// Queues the reply to a request of the peer, unless that does not take it; what is to be said instead.
    #[inline]
    pub(crate) fn outbox_reply(
        &mut self,
        wire: Wire,
        namespace: &str,
        id: u32,
        value: &Payload,
    ) -> Result<(), Box<Failure>> {
        check_value(wire, value, wire.reply_head(), "the reply", self.outbox.max_message())?;
        self.outbox.append(|out| wire.reply(out, namespace, id, value));
        Ok(())
    }

    /// Queues a failure: as much of it as the peer's limit allows. All failures pass through here.
    #[cold]
    pub(crate) fn tell(&mut self, failure: &Failure, write: impl FnOnce(&mut Vec<u8>, &Told<'_>)) {
        let told = failure.told(self.outbox.max_message());
        self.outbox.append(|out| write(out, &told));
    }

    /// Whether the stream takes what is written next: nothing is left of what was written before.
    pub(crate) fn is_writable(&self) -> bool {
        self.status == LinkStatus::Up && !self.is_blocked && !self.has_line()
    }

    /// The stream does or does not take more than it was given.
    pub(crate) fn block(&mut self, is_blocked: bool) {
        self.is_blocked = is_blocked;
    }

    /// Reserves the stream of a task that sleeps for one frame of a broadcast, which counts as queued from now on.
    /// `false` if the task runs or anything waits to be written: then the frame has to wait, too.
    pub(crate) fn reserve(&mut self, frame: &Arc<Bytes>) -> bool {
        let StreamSlot::Parked(stream) = &self.stream else { return false };
        let is_free = stream.takes_from_anyone() && !self.is_blocked && self.outbox.queued() == 0;
        if is_free {
            self.outbox.reserve(frame);
        }
        is_free
    }

    /// Gives the stream out, with the frame that it is reserved for. There is none if the task took that to write it
    /// itself, or is about to since more was queued behind it.
    pub(crate) fn lend(&mut self) -> Option<(Stream, Arc<Bytes>)> {
        if !self.outbox.is_reserved() || !matches!(self.stream, StreamSlot::Parked(_)) {
            return None;
        }
        let frame = self.outbox.take_reserved()?;
        match std::mem::replace(&mut self.stream, StreamSlot::Borrowed) {
            StreamSlot::Parked(stream) => Some((stream, frame)),
            _ => unreachable!("looked at above"),
        }
    }

    /// The task runs, and has the stream until it rests. `false` while that is lent: then the task rests on,
    /// and is woken when it is back.
    #[must_use]
    pub(crate) fn begin_poll(&mut self, stream: &mut Option<Stream>, waker: &Waker) -> bool {
        match std::mem::replace(&mut self.stream, StreamSlot::WithDriver) {
            StreamSlot::Parked(rested) => *stream = Some(rested),
            StreamSlot::Borrowed | StreamSlot::BorrowedWaited => {
                self.stream = StreamSlot::BorrowedWaited;
                self.waker = Some(waker.clone());
                return false;
            }
            StreamSlot::WithDriver | StreamSlot::Detached => {}
        }
        self.waker = None;
        true
    }

    /// Takes note of why a client's connection is to end for good. The first reason stays.
    pub(crate) fn note_ending(&mut self, reason: &DisconnectReason) {
        let ending = &mut self.cold.get_or_insert_default().ending;
        ending.get_or_insert_with(|| Box::new(reason.clone()));
    }

    /// Why it is to end for good, if it is.
    pub(crate) fn ending(&self) -> Option<&DisconnectReason> {
        self.cold.as_ref()?.ending.as_deref()
    }

    /// The task ended: nothing looks at this until there is another one. What waited for room, or for replies, is to
    /// learn it. A task that broke down in the middle leaves a client's connection as if its stream had been lost.
    pub(crate) fn detach(&mut self, side: Side) -> (Lost, StreamSlot) {
        self.is_blocked = false;
        self.is_paused = false;
        self.waker = None;
        let mut wakers = Vec::new();
        if self.status == LinkStatus::Up {
            let returns = side == Side::Client && self.ending().is_none();
            self.status = if returns { LinkStatus::Away } else { LinkStatus::Closed };
            self.speaks_native = false;
            wakers = self.calls.fail_all(|_| false);
        }
        self.outbox.clear();
        let mut lost = self.end_waiting();
        lost.wakers.append(&mut wakers);
        (lost, std::mem::take(&mut self.stream))
    }

    /// Whether a task still has the stream, if only to close it.
    pub(crate) fn is_served(&self) -> bool {
        !matches!(self.stream, StreamSlot::Detached)
    }

    pub(crate) fn end_poll(&mut self, stream: Option<Stream>, waker: Waker, is_blocked: bool) {
        self.stream = stream.map_or(StreamSlot::Detached, StreamSlot::Parked);
        self.is_blocked = is_blocked;
        self.waker = Some(waker);
    }

    /// Who has to be woken, once the lock is released, after bytes were queued.
    #[must_use]
    pub(crate) fn queued(&mut self) -> Option<Waker> {
        if self.is_polling() || self.is_blocked { None } else { self.waker.take() }
    }

    /// Who has to be woken to look whether the peer it does not read from is still there.
    #[must_use]
    pub(crate) fn nudge(&mut self) -> Option<Waker> {
        if self.is_polling() || !self.is_paused { None } else { self.waker.take() }
    }

    /// Leaves something for the task to find when it runs.
    pub(crate) fn push_control(&mut self, control: Control<S>) {
        self.work().controls.push(control);
    }

    /// What others asked of the task.
    pub(crate) fn take_controls(&mut self) -> Vec<Control<S>> {
        if !self.has_controls() {
            return Vec::new();
        }
        let controls = std::mem::take(&mut self.work().controls);
        self.tidy();
        controls
    }

    /// Wakes a streaming reply when there is room in the outbox again, or when it is known that there will not be any.
    pub(crate) fn wait_for_room(&mut self, waker: &Waker) {
        let waiting = &mut self.work().waiting;
        if !waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Whether frames wait for room in the outbox: what is handed in now stands behind them.
    #[inline]
    pub(crate) fn has_line(&self) -> bool {
        let work = self.cold.as_ref().and_then(|cold| cold.work.as_ref());
        work.is_some_and(|work| !work.line.is_empty())
    }

    /// Whether the outbox takes one more frame now, if it is to have no more than `limit` bytes.
    #[inline]
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        self.outbox.queued() < limit && !self.has_line()
    }

    /// Lets a frame wait for room in the outbox, behind those that do already.
    pub(crate) fn wait_in_line(&mut self, frame: Bytes, owner: SocketId, call: Option<u32>) -> Arc<Position> {
        self.work().line.push(frame, owner, call)
    }

    /// A frame's sender does not wait any longer: it is not sent, unless the outbox has it by now.
    pub(crate) fn withdraw(&mut self, position: &Arc<Position>) -> Option<Entry> {
        if !self.has_line() {
            return None;
        }
        let entry = self.work().line.withdraw(position);
        self.tidy();
        entry
    }

    /// Forgets a request that waits for room. Whether it did.
    pub(crate) fn withdraw_call(&mut self, id: u32) -> bool {
        if !self.has_line() {
            return false;
        }
        let was_there = self.work().line.withdraw_call(id).is_some();
        self.tidy();
        was_there
    }

    /// Takes out the frames that wait for a socket that leaves its namespace. Their requests are answered.
    pub(crate) fn take_line_of(&mut self, owner: SocketId) -> Lost {
        if !self.has_line() {
            return Lost::default();
        }
        let entries = self.work().line.take_of(owner);
        self.tidy();
        let calls = entries.iter().filter_map(|entry| entry.call);
        let wakers = calls.filter_map(|id| self.calls.lose(id)).collect();
        Lost { entries, wakers }
    }

    /// Hands frames that waited to the outbox, for as long as that has less than `limit` bytes.
    fn admit(&mut self, limit: usize) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while self.outbox.queued() < limit {
            let Some(entry) = self.work().line.pop() else { break };
            if let Some(id) = entry.call {
                self.calls.place(id, self.outbox.place());
            }
            self.outbox.share(&entry.frame);
            wakers.extend(entry.admit());
        }
        self.tidy();
        wakers
    }

    /// The streaming replies that wait for room: there is some, or there will not be any.
    #[must_use]
    fn take_waiting(&mut self) -> Vec<Waker> {
        if self.cold.as_ref().is_none_or(|cold| cold.work.is_none()) {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.work().waiting);
        self.tidy();
        waiting
    }

    /// Accounts for `count` written bytes, and lets frames in that waited for room below `limit`; whose tasks are to be
    /// woken.
    #[inline]
    #[must_use]
    pub(crate) fn wrote(&mut self, count: usize, limit: usize) -> Vec<Waker> {
        self.has_written |= count > 0;
        self.outbox.wrote(count);
        if self.cold.is_none() { Vec::new() } else { self.make_room(limit) }
    }

    /// Lets in what waited for room below `limit`; whose tasks are to be woken.
    #[cold]
    fn make_room(&mut self, limit: usize) -> Vec<Waker> {
        let mut wakers = if self.has_line() { self.admit(limit) } else { Vec::new() };
        if self.has_room(limit) {
            wakers.append(&mut self.take_waiting());
        }
        wakers
    }

    /// There will be no room any more: all that waits for some is to learn it.
    pub(crate) fn end_waiting(&mut self) -> Lost {
        let Some(work) = self.cold.as_mut().and_then(|cold| cold.work.as_mut()) else {
            return Lost::default();
        };
        let lost = Lost { entries: work.line.take_all(), wakers: std::mem::take(&mut work.waiting) };
        self.tidy();
        lost
    }

    /// Whether the task is about to close the connection.
    pub(crate) fn is_to_close(&self) -> bool {
        let work = self.cold.as_ref().and_then(|cold| cold.work.as_ref());
        let mut controls = work.into_iter().flat_map(|work| &work.controls);
        controls.any(|control| matches!(control, Control::Close(_)))
    }

    pub(crate) fn has_controls(&self) -> bool {
        let work = self.cold.as_ref().and_then(|cold| cold.work.as_ref());
        work.is_some_and(|work| !work.controls.is_empty())
    }

    /// Who the peer was found to be.
    pub(crate) fn standing(&self) -> Option<&AuthState> {
        self.cold.as_ref()?.standing.as_deref()
    }

    pub(crate) fn standing_mut(&mut self) -> Option<&mut AuthState> {
        self.cold.as_mut()?.standing.as_deref_mut()
    }

    /// Stores the peer's identity; gives back the one before.
    pub(crate) fn note_standing(&mut self, standing: Option<AuthState>) -> Option<AuthState> {
        if self.cold.is_none() && standing.is_none() {
            return None;
        }
        let noted = &mut self.cold.get_or_insert_default().standing;
        let before = std::mem::replace(noted, standing.map(Box::new));
        self.tidy();
        before.map(|standing| *standing)
    }

    /// Keeps a namespace that was left, and `limit` of them at most.
    pub(crate) fn note_left(&mut self, namespace: &str, limit: usize) {
        self.cold.get_or_insert_default().left.get_or_insert_default().note(namespace, limit);
    }

    /// Forgets a namespace that was left. Whether it was kept.
    pub(crate) fn take_left(&mut self, namespace: &str) -> bool {
        let Some(left) = self.cold.as_mut().and_then(|cold| cold.left.as_mut()) else { return false };
        let was_kept = left.take(namespace);
        if left.is_empty() {
            self.cold.as_mut().expect("it was there").left = None;
            self.tidy();
        }
        was_kept
    }

    /// Whether a namespace was left a moment ago.
    pub(crate) fn has_left(&self, namespace: &str) -> bool {
        let left = self.cold.as_ref().and_then(|cold| cold.left.as_ref());
        left.is_some_and(|left| left.contains(namespace))
    }

    /// Who has to be woken, once the lock is released, after this.
    #[must_use]
    pub(crate) fn control(&mut self, control: Control<S>) -> Option<Waker> {
        self.push_control(control);
        if self.is_polling() { None } else { self.waker.take() }
    }
}
