//! Calls of the peer that did not end at their first poll.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::Stream;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::FuturesUnordered;
use tokio::time::Sleep;

use crate::config::Config;
use crate::driver::credential_check::CredentialCheck;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handler::{Credit, EventName, HandlerFuture, Reply, RouteId, Scope};
use crate::id::SocketId;
use crate::link::queue::Queue;
use crate::objects::SocketInner;
use crate::observe::handled_by::EventLabel;
use crate::observe::report::{FailureOrigin, Place};
use crate::observe::watchdog;
use crate::wire::Protocol;

/// How many of the largest messages the arguments of the events under way may be, together.
const MESSAGES: usize = 16;

/// What a reply belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) socket: Arc<SocketInner>,
    pub(crate) purpose: Purpose,
}

#[derive(Debug, Clone)]
pub(crate) enum Purpose {
    /// An event; with an id when the peer wants a reply, and how many bytes its arguments had.
    Event { id: Option<u32>, name: EventLabel, is_sequential: bool, size: usize },
    /// The items of a streaming reply, by the number that the peer knows the stream by.
    Stream { id: u32, name: EventLabel, is_sequential: bool },
    /// The `connect` handler of a socket.
    Connect,
    /// The `disconnect` handler of a socket that left while its connection goes on.
    Disconnect,
}

impl Purpose {
    /// Whether it is one of the events under way, which have a limit.
    fn is_event(&self) -> bool {
        matches!(self, Self::Event { .. } | Self::Stream { .. })
    }

    fn is_sequential(&self) -> bool {
        matches!(self, Self::Event { is_sequential: true, .. } | Self::Stream { is_sequential: true, .. })
    }

    /// How many bytes it counts for among those under way.
    fn size(&self) -> usize {
        if let Self::Event { size, .. } = self { *size } else { 0 }
    }
}

impl Ticket {
    /// Where what it does is said to have failed.
    fn place(&self) -> Place<'_> {
        match &self.purpose {
            Purpose::Event { name, .. } | Purpose::Stream { name, .. } => name.place(&self.socket),
            Purpose::Connect => Place::route(&self.socket, self.socket.routes().connect(), None),
            Purpose::Disconnect => Place::closure(FailureOrigin::Handler, &self.socket, "disconnect"),
        }
    }

    /// The route of the handler that it polls, if that is in the table.
    fn route(&self) -> Option<RouteId> {
        match &self.purpose {
            Purpose::Event { name, .. } | Purpose::Stream { name, .. } => name.route(),
            Purpose::Connect => Some(self.socket.routes().connect()),
            Purpose::Disconnect => self.socket.routes().disconnect(),
        }
    }

    /// The id by which the peer can refer to the call. Ids that are unique only within a namespace do not count.
    fn number(&self) -> Option<u32> {
        match &self.purpose {
            Purpose::Event { id, .. } => id.filter(|_| self.socket.wire().has_unique_ids()),
            Purpose::Stream { id, .. } => Some(*id),
            Purpose::Connect | Purpose::Disconnect => None,
        }
    }
}

/// An event that waits for the sequential handlers before it.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) id: Option<u32>,
    pub(crate) route: RouteId,
    /// Its own name, for a catch-all.
    pub(crate) name: Option<EventName>,
    pub(crate) arguments: Bytes,
    pub(crate) scope: Option<Arc<Scope>>,
}

/// How a handler ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ticket: Ticket,
    /// `None` when the peer cancelled the call.
    pub(crate) reply: Option<Reply>,
    pub(crate) scope: Option<Arc<Scope>>,
}

/// Where a call is that the peer can refer to: finding it costs the same for any number of calls.
enum Known {
    Running {
        abort: AbortHandle,
        /// How many bytes its arguments had.
        size: usize,
        /// How many items it takes, if it takes a streaming reply.
        credit: Option<Arc<Credit>>,
    },
    /// It waits in a sequence.
    Queued { sequence: SocketId, place: u64 },
    /// It waits with its socket, which is not accepted yet.
    Early { socket: Arc<SocketInner>, place: u64 },
}

/// What became of a call that the peer gave up.
#[derive(Debug)]
pub(crate) enum Cancelled {
    /// There is none of that number, or it ended meanwhile.
    Unknown,
    /// It takes up no room among the events under way any more.
    Dropped,
    /// It is to be taken out of what its socket keeps, at that place.
    Early(Arc<SocketInner>, u64),
}

struct RunningCall {
    /// As the two that follow, until it has ended.
    ticket: Option<Ticket>,
    future: Option<Abortable<HandlerFuture>>,
    scope: Option<Arc<Scope>>,
    /// Boxed: most calls have no deadline.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Future for RunningCall {
    type Output = Finished;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished> {
        let this = self.get_mut();
        // Before the handler: its own calls end in the same moment, and what it makes of that is not what happened.
        let is_over = |deadline: &mut Pin<Box<Sleep>>| deadline.as_mut().poll(cx).is_ready();
        let future = this.future.as_mut().expect("a finished call is not polled again");
        let is_late = this.deadline.as_mut().is_some_and(is_over) && !future.is_aborted();
        watchdog::begins(this.ticket.as_ref().and_then(Ticket::route));
        let poll = || Scope::enter(this.scope.as_ref(), || Pin::new(future).poll(cx));
        let reply = if is_late {
            Some(timed_out())
        } else {
            match guarded(poll) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Ok(reply))) => Some(reply),
                Ok(Poll::Ready(Err(_aborted))) => None,
                Err(failure) => Some(Reply::failed(failure)),
            }
        };
        this.drop_future();
        let ticket = this.ticket.take().expect("a finished call is not polled again");
        Poll::Ready(Finished { ticket, reply, scope: this.scope.take() })
    }
}

impl RunningCall {
    /// Drops what the handler holds, wherever it stands: that is the program's, and its panic is reported.
    fn drop_future(&mut self) {
        if let (Some(future), Some(ticket)) = (self.future.take(), &self.ticket) {
            ticket.socket.connection.hub.discard(ticket.place(), future);
        }
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.drop_future();
    }
}

/// Polls a handler for the first time, on the spot: its reply, or the handler when it waits. A panic is a reply like
/// any other.
#[inline]
pub(crate) fn first_poll(mut future: HandlerFuture, cx: &mut Context<'_>) -> Result<Reply, HandlerFuture> {
    let reply = match guarded(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => return Err(future),
        Ok(Poll::Ready(reply)) => reply,
        Err(failure) => Reply::failed(failure),
    };
    // What it holds to its end is dropped with it, and is the program's.
    Ok(guarded(|| drop(future)).map_or_else(Reply::failed, |()| reply))
}

#[cold]
fn timed_out() -> Reply {
    Reply::failure(Failure::timeout("the handler ran out of time"))
}

/// The handlers of one connection that are waiting for something.
#[derive(Default)]
pub(crate) struct Running {
    calls: FuturesUnordered<RunningCall>,
    /// By the number the peer knows them by, so that it can cancel, and cannot use a number twice.
    by_id: HashMap<u32, Known, foldhash::fast::RandomState>,
    /// How many of them take a streaming reply, and run.
    streams: usize,
    /// By socket: sequential events that wait for the one that runs.
    sequences: HashMap<SocketId, Queue<Queued>, foldhash::fast::RandomState>,
    /// How many events run or wait in a sequence. One that was cancelled is none from then on, though its future is
    /// dropped a little later.
    events: usize,
    /// How many bytes the arguments of those have, or had when they began.
    bytes: usize,
    /// How many `connect` and `disconnect` handlers run.
    others: usize,
    /// The authenticator's answer that is waited for.
    pub(crate) check: Option<Box<CredentialCheck>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("calls", &self.calls.len())
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// The `disconnect` handlers among the calls: they outlive the connection's end, unlike all others.
    pub(crate) fn into_farewells(self) -> impl Iterator<Item = BoxFuture<'static, ()>> {
        let is_farewell = |call: &RunningCall| {
            call.ticket.as_ref().is_some_and(|ticket| matches!(ticket.purpose, Purpose::Disconnect))
        };
        let farewells = self.calls.into_iter().filter(is_farewell);
        farewells.map(|call| call.map(|_| ()).boxed())
    }

    /// How many events are under way.
    #[cfg(test)]
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    /// Whether one more event may be under way. One that finds room is taken however large it is.
    pub(crate) fn has_room(&self, config: &Config) -> bool {
        self.events < config.max_in_flight && self.bytes < MESSAGES.saturating_mul(config.max_message)
    }

    /// How many `connect` and `disconnect` handlers run.
    pub(crate) fn others(&self) -> usize {
        self.others
    }

    /// Whether nothing runs, or is about to.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.check.is_none() && self.sequences.is_empty()
    }

    /// Whether nothing is known here that will be asked for.
    pub(crate) fn is_vacant(&self) -> bool {
        self.is_empty() && self.by_id.is_empty()
    }

    pub(crate) fn has_id(&self, id: u32) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Notes where a request waits for its socket to be accepted.
    pub(crate) fn note_early(&mut self, id: u32, socket: &Arc<SocketInner>, place: u64) {
        self.by_id.insert(id, Known::Early { socket: Arc::clone(socket), place });
    }

    /// A request does not wait with its socket any more.
    pub(crate) fn forget_early(&mut self, id: u32) {
        if let Entry::Occupied(known) = self.by_id.entry(id)
            && matches!(known.get(), Known::Early { .. })
        {
            known.remove();
        }
    }

    /// Takes a handler over that was polled once and waits.
    pub(crate) fn push(&mut self, ticket: Ticket, future: HandlerFuture, scope: Option<Arc<Scope>>) {
        let credit = scope.as_ref().and_then(|scope| scope.credit().cloned());
        self.add(ticket, future, scope, credit);
    }

    /// Takes the handler of an event over.
    pub(crate) fn push_event(
        &mut self,
        socket: &Arc<SocketInner>,
        (id, name, is_sequential, size): (Option<u32>, EventLabel, bool, usize),
        future: HandlerFuture,
        scope: Option<Arc<Scope>>,
    ) {
        let purpose = Purpose::Event { id, name, is_sequential, size };
        self.push(Ticket { socket: Arc::clone(socket), purpose }, future, scope);
    }

    /// Takes the items of a streaming reply over.
    pub(crate) fn push_stream(
        &mut self,
        ticket: Ticket,
        items: HandlerFuture,
        scope: Option<Arc<Scope>>,
        credit: Arc<Credit>,
    ) {
        self.add(ticket, items, scope, Some(credit));
    }

    fn add(
        &mut self,
        ticket: Ticket,
        future: HandlerFuture,
        scope: Option<Arc<Scope>>,
        credit: Option<Arc<Credit>>,
    ) {
        let (abort, registration) = AbortHandle::new_pair();
        if ticket.purpose.is_event() {
            let size = ticket.purpose.size();
            self.events += 1;
            self.bytes += size;
            if let Some(id) = ticket.number() {
                self.streams += usize::from(credit.is_some());
                self.by_id.insert(id, Known::Running { abort, size, credit });
            }
        } else {
            self.others += 1;
        }
        let deadline = scope.as_ref().and_then(|scope| scope.deadline());
        self.calls.push(RunningCall {
            ticket: Some(ticket),
            future: Some(Abortable::new(future, registration)),
            deadline: deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline))),
            scope,
        });
    }

    /// Queues an event behind the sequential one that runs on the same socket; gives it back if none does.
    pub(crate) fn queue(&mut self, socket: &SocketInner, queued: Queued) -> Option<Queued> {
        let Some(queue) = self.sequences.get_mut(&socket.key) else { return Some(queued) };
        self.events += 1;
        self.bytes += queued.arguments.len();
        let id = queued.id.filter(|_| socket.wire().has_unique_ids());
        let place = queue.push(queued);
        if let Some(id) = id {
            self.by_id.insert(id, Known::Queued { sequence: socket.key, place });
        }
        None
    }

    /// The next handler that ended, and the sequential event that may run now because of it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Option<(Finished, Option<Queued>)> {
        let Poll::Ready(Some(finished)) = Pin::new(&mut self.calls).poll_next(cx) else { return None };
        let mut next = None;
        let ticket = &finished.ticket;
        if ticket.purpose.is_event() {
            // A cancelled call's place and number were freed then, and may be another's by now.
            if finished.reply.is_some() {
                self.events -= 1;
                self.bytes -= ticket.purpose.size();
                if let Some(id) = ticket.number() {
                    self.forget(id);
                }
            }
            // A stream has only begun: the next event of the sequence waits for its end.
            let is_over = finished.reply.as_ref().is_none_or(|reply| !reply.is_stream());
            if ticket.purpose.is_sequential() && is_over {
                next = self.advance(&ticket.socket);
            }
        } else {
            self.others -= 1;
        }
        Some((finished, next))
    }

    /// Removes a call that the peer could refer to.
    fn forget(&mut self, id: u32) -> Option<Known> {
        let known = self.by_id.remove(&id)?;
        if let Known::Running { credit: Some(_), .. } = &known {
            self.streams -= 1;
        }
        Some(known)
    }

    /// Later sequential events of this socket wait until the one that runs ends.
    pub(crate) fn open_sequence(&mut self, socket: &SocketInner) {
        self.sequences.entry(socket.key).or_default();
    }

    /// The event behind the one that ended; without one the sequence is over.
    pub(crate) fn advance(&mut self, socket: &SocketInner) -> Option<Queued> {
        let queue = self.sequences.get_mut(&socket.key)?;
        let Some(next) = queue.pop() else {
            self.sequences.remove(&socket.key);
            return None;
        };
        self.events -= 1;
        self.bytes -= next.arguments.len();
        if let Some(id) = next.id.filter(|_| socket.wire().has_unique_ids()) {
            self.forget(id);
        }
        Some(next)
    }

    /// Lets the stream of a request, or the one it is going to reply with, send more items. One that is not known has
    /// just ended. Where it waits with its socket, its place there.
    pub(crate) fn grant(&mut self, id: u32, count: u32) -> Option<(Arc<SocketInner>, u64)> {
        match self.by_id.get(&id)? {
            Known::Running { credit, .. } => credit.as_ref()?.grant(count),
            Known::Queued { sequence, place } => {
                let queued = self.sequences.get_mut(sequence)?.at(*place)?;
                queued.scope.as_ref()?.credit()?.grant(count);
            }
            Known::Early { socket, place } => return Some((Arc::clone(socket), *place)),
        }
        None
    }

    /// Whether only streams run, so that nothing but the peer, by taking more or by giving them up, makes room.
    pub(crate) fn are_streams(&self) -> bool {
        self.streams > 0 && self.streams >= self.events
    }

    /// Has the streams look around: a socket has ended.
    pub(crate) fn wake_streams(&self) {
        for known in self.by_id.values() {
            if let Known::Running { credit: Some(credit), .. } = known {
                credit.wake();
            }
        }
    }

    /// Ends the streams, and those that requests under way are going to reply with: they may have no end of their own.
    pub(crate) fn end_streams(&self) {
        for known in self.by_id.values() {
            if let Known::Running { credit: Some(credit), .. } = known {
                credit.end();
            }
        }
    }

    /// Drops the handler of a request, its items, or the request itself where it has not begun. Its place is free at
    /// once.
    pub(crate) fn cancel(&mut self, id: u32) -> Cancelled {
        match self.forget(id) {
            None => Cancelled::Unknown,
            Some(Known::Running { abort, size, .. }) => {
                abort.abort();
                self.events -= 1;
                self.bytes -= size;
                Cancelled::Dropped
            }
            Some(Known::Queued { sequence, place }) => {
                let queue = self.sequences.get_mut(&sequence);
                if let Some(queued) = queue.and_then(|queue| queue.remove(place)) {
                    self.events -= 1;
                    self.bytes -= queued.arguments.len();
                }
                Cancelled::Dropped
            }
            Some(Known::Early { socket, place }) => Cancelled::Early(socket, place),
        }
    }
}
