//! Requests of ours that wait for their replies.

use std::collections::{HashMap, VecDeque};
use std::task::Waker;

use crate::failure::Failure;
use crate::link::clock::Tick;
use crate::payload::Payload;

/// How a request of ours ended.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Value(Payload),
    Failed(Failure),
    /// The connection ended first; whether the request may have reached the peer.
    Disconnected {
        maybe_executed: bool,
    },
}

#[derive(Debug)]
enum Slot<S> {
    /// Sent, at this place of the stream.
    Waiting {
        place: u64,
        /// The mark of the socket that it is a call of.
        of: usize,
        waker: Option<Waker>,
        joins: Option<S>,
    },
    Answered(Answer),
    /// The reply is a stream. Boxed: most are not.
    Stream(Box<IncomingStream>),
    /// A sign of life: that there is an answer is all.
    Ping,
}

impl<S> Slot<S> {
    /// Whether it is not answered yet.
    fn is_waiting(&self) -> bool {
        match self {
            Self::Waiting { .. } => true,
            Self::Stream(inflow) => inflow.end.is_none(),
            Self::Answered(_) | Self::Ping => false,
        }
    }
}

/// A streaming reply that is being received.
#[derive(Debug)]
struct IncomingStream {
    place: u64,
    waker: Option<Waker>,
    /// Items that were received and not taken: never more than were granted.
    items: VecDeque<Payload>,
    /// How many more the peer may send.
    credit: u32,
    /// Whether the other side said that it has begun.
    is_open: bool,
    end: Option<Answer>,
}

/// What to do about an item that was received.
#[derive(Debug)]
pub(crate) enum Received {
    /// It is kept for its reader; wake it.
    Kept(Option<Waker>),
    /// Nobody reads it any more.
    Unknown,
    /// It was not asked for.
    OverCredit,
}

/// The rest of a request that no caller waits for any more. Not to be dropped while anything is locked: it has the
/// waker of its caller.
#[must_use = "it is dropped when nothing is locked any more"]
#[derive(Debug)]
pub(crate) struct Forgotten<S>(Option<Slot<S>>);

impl<S> Forgotten<S> {
    /// Whether it was not answered yet, so that it can be cancelled.
    pub(crate) fn was_waiting(&self) -> bool {
        self.0.as_ref().is_some_and(Slot::is_waiting)
    }
}

/// The requests of one connection, by their numbers.
#[derive(Debug)]
pub(crate) struct PendingRequests<S> {
    /// Boxed: most connections of a server never call.
    slots: Option<Box<Slots<S>>>,
    last: u32,
    /// When a sign of life was asked for, in ticks of the hub's clock.
    pub(crate) pinged_at: Option<Tick>,
}

/// Room for how many requests a connection keeps that has none.
const KEPT: usize = 32;

/// The place in the stream of a request that waits for room in the outbox.
pub(crate) const UNPLACED: u64 = u64::MAX;

type Slots<S> = HashMap<u32, Slot<S>, foldhash::fast::RandomState>;

/// What to do about a reply that was received.
#[derive(Debug)]
pub(crate) enum Resolved<S> {
    /// The caller has its answer; wake it.
    Woke(Option<Waker>),
    /// It was a namespace's `connect`: the socket is to be brought to life before anything else is read.
    Joins(S),
    /// It was a sign of life.
    Beat,
    /// Nobody asked.
    Unknown,
}

impl<S> Default for PendingRequests<S> {
    fn default() -> Self {
        Self { slots: None, last: 0, pinged_at: None }
    }
}

impl<S> PendingRequests<S> {
    fn insert(&mut self, slot: Slot<S>) -> u32 {
        let slots = self.slots.get_or_insert_default();
        loop {
            self.last = self.last.wrapping_add(1);
            // After four billion requests a number may still be in use by a very old one.
            if let std::collections::hash_map::Entry::Vacant(e) = slots.entry(self.last) {
                e.insert(slot);
                return self.last;
            }
        }
    }

    /// A number for something else that only this connection knows.
    pub(crate) fn number(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    /// Numbers a request that stands at `place` of the stream.
    pub(crate) fn begin(&mut self, place: u64) -> u32 {
        self.begin_of(place, 0)
    }

    /// Numbers a call of the socket with this mark.
    pub(crate) fn begin_of(&mut self, place: u64, of: usize) -> u32 {
        self.insert(Slot::Waiting { place, of, waker: None, joins: None })
    }

    /// A request that waited for room stands at `place` of the stream now.
    pub(crate) fn place(&mut self, id: u32, place: u64) {
        match self.slots.as_deref_mut().and_then(|slots| slots.get_mut(&id)) {
            Some(Slot::Waiting { place: before, .. }) => *before = place,
            Some(Slot::Stream(inflow)) => inflow.place = place,
            Some(Slot::Answered(_) | Slot::Ping) | None => {}
        }
    }

    /// Ends a request that was not sent; whose task is to be woken.
    #[must_use]
    pub(crate) fn lose(&mut self, id: u32) -> Option<Waker> {
        match self.resolve(id, || Answer::Disconnected { maybe_executed: false }) {
            Resolved::Woke(waker) => waker,
            Resolved::Joins(_) | Resolved::Beat | Resolved::Unknown => None,
        }
    }

    /// Numbers a request to join a namespace.
    pub(crate) fn begin_join(&mut self, place: u64, socket: S) -> u32 {
        self.insert(Slot::Waiting { place, of: 0, waker: None, joins: Some(socket) })
    }

    /// The number of a request to join that waits for its answer, by its socket.
    pub(crate) fn joining(&self, is_it: impl Fn(&S) -> bool) -> Option<u32> {
        let slots = self.slots.as_deref()?;
        let joins =
            |slot: &Slot<S>| matches!(slot, Slot::Waiting { joins: Some(socket), .. } if is_it(socket));
        slots.iter().find(|(_, slot)| joins(slot)).map(|(id, _)| *id)
    }

    /// Numbers a request that takes so many items as its reply.
    pub(crate) fn begin_stream(&mut self, place: u64, credit: u32) -> u32 {
        let items = VecDeque::new();
        let stream = IncomingStream { place, waker: None, items, credit, is_open: false, end: None };
        self.insert(Slot::Stream(Box::new(stream)))
    }

    /// Takes an item in.
    pub(crate) fn receive(&mut self, id: u32, item: impl FnOnce() -> Payload) -> Received {
        match self.slots.as_deref_mut().and_then(|slots| slots.get_mut(&id)) {
            Some(Slot::Stream(inflow)) if inflow.end.is_none() => {
                let Some(credit) = inflow.credit.checked_sub(1) else { return Received::OverCredit };
                inflow.credit = credit;
                inflow.items.push_back(item());
                Received::Kept(inflow.waker.take())
            }
            Some(Slot::Waiting { .. }) => Received::OverCredit,
            // It was on its way when its reader stopped.
            _ => Received::Unknown,
        }
    }

    /// Takes in that a stream has begun. Gives back the waker of its reader.
    pub(crate) fn open(&mut self, id: u32) -> Option<Waker> {
        match self.slots.as_deref_mut()?.get_mut(&id)? {
            Slot::Stream(stream) => {
                stream.is_open = true;
                stream.waker.take()
            }
            _ => None,
        }
    }

    /// Whether a stream has begun, or how it ended without an item, after which it is forgotten.
    pub(crate) fn beginning(&mut self, id: u32) -> Option<Result<(), Answer>> {
        match self.slots.as_deref().and_then(|slots| slots.get(&id)) {
            Some(Slot::Stream(stream)) if stream.is_open || !stream.items.is_empty() => Some(Ok(())),
            _ => self.item(id).map(|item| item.map(|_| ())),
        }
    }

    /// The next item, or how the stream ended, after which it is forgotten.
    pub(crate) fn item(&mut self, id: u32) -> Option<Result<Payload, Answer>> {
        let gone = Some(Err(Answer::Disconnected { maybe_executed: true }));
        let Some(slots) = self.slots.as_deref_mut() else { return gone };
        let Some(Slot::Stream(inflow)) = slots.get_mut(&id) else { return gone };
        if let Some(item) = inflow.items.pop_front() {
            return Some(Ok(item));
        }
        let end = inflow.end.take()?;
        self.remove(id);
        Some(Err(end))
    }

    /// Grants so many more items. Whether the stream still runs.
    pub(crate) fn grant(&mut self, id: u32, count: u32) -> bool {
        match self.slots.as_deref_mut().and_then(|slots| slots.get_mut(&id)) {
            Some(Slot::Stream(inflow)) if inflow.end.is_none() => {
                inflow.credit += count;
                true
            }
            _ => false,
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.slots.as_ref().map_or(0, |slots| slots.len())
    }

    /// Numbers a question for a sign of life.
    pub(crate) fn begin_ping(&mut self) -> u32 {
        // A peer may be full of life without ever answering: one question is kept, not each.
        if let Some(slots) = &mut self.slots {
            slots.retain(|_, slot| !matches!(slot, Slot::Ping));
        }
        self.insert(Slot::Ping)
    }

    /// The answer, if there is one; with it the request is forgotten.
    pub(crate) fn answer(&mut self, id: u32) -> Option<Answer> {
        let Slot::Answered(_) = self.slots.as_ref()?.get(&id)? else { return None };
        match self.remove(id) {
            Some(Slot::Answered(answer)) => Some(answer),
            _ => None,
        }
    }

    fn remove(&mut self, id: u32) -> Option<Slot<S>> {
        let slots = self.slots.as_deref_mut()?;
        let slot = slots.remove(&id);
        // What many calls at once needed is not kept for one at a time.
        if slots.is_empty() && slots.capacity() > KEPT {
            self.slots = None;
        }
        slot
    }

    /// Whether a request, or a stream, has this task woken.
    pub(crate) fn would_wake(&self, id: u32, waker: &Waker) -> bool {
        let waiting = match self.slots.as_ref().and_then(|slots| slots.get(&id)) {
            Some(Slot::Waiting { waker, .. }) => waker.as_ref(),
            Some(Slot::Stream(inflow)) => inflow.waker.as_ref(),
            _ => None,
        };
        waiting.is_some_and(|waiting| waiting.will_wake(waker))
    }

    /// Stores the waker of the task that waits for a request or a stream. Returns the previous waker, which must not be
    /// dropped while anything is locked.
    #[must_use]
    pub(crate) fn wake_for(&mut self, id: u32, waker: Waker) -> Option<Waker> {
        match self.slots.as_deref_mut().and_then(|slots| slots.get_mut(&id)) {
            Some(Slot::Waiting { waker: waiting, .. }) => waiting.replace(waker),
            Some(Slot::Stream(inflow)) => inflow.waker.replace(waker),
            _ => Some(waker),
        }
    }

    /// Stores a reply. The reply to a `connect` has to be stored again when its socket is active: the caller may use
    /// the socket on another thread as soon as it gets the reply.
    pub(crate) fn resolve(&mut self, id: u32, answer: impl FnOnce() -> Answer) -> Resolved<S> {
        let Some(slots) = self.slots.as_deref_mut() else { return Resolved::Unknown };
        match slots.get_mut(&id) {
            Some(slot @ Slot::Waiting { .. }) => {
                if let Slot::Waiting { joins, .. } = slot
                    && let Some(socket) = joins.take()
                {
                    return Resolved::Joins(socket);
                }
                match std::mem::replace(slot, Slot::Answered(answer())) {
                    Slot::Waiting { waker, .. } => Resolved::Woke(waker),
                    _ => Resolved::Unknown,
                }
            }
            Some(Slot::Stream(inflow)) if inflow.end.is_none() => {
                inflow.end = Some(answer());
                Resolved::Woke(inflow.waker.take())
            }
            Some(Slot::Ping) => {
                slots.remove(&id);
                Resolved::Beat
            }
            Some(Slot::Answered(_) | Slot::Stream(_)) | None => Resolved::Unknown,
        }
    }

    /// Whether the request of this number has no answer yet.
    pub(crate) fn expects(&self, id: u32) -> bool {
        self.slots.as_ref().and_then(|slots| slots.get(&id)).is_some_and(Slot::is_waiting)
    }

    /// Whether a request has no answer yet.
    pub(crate) fn is_waiting(&self) -> bool {
        let is_waiting = |slot: &Slot<S>| slot.is_waiting();
        self.slots.as_ref().is_some_and(|slots| slots.values().any(is_waiting))
    }

    /// How many are kept, answered or not.
    #[cfg(all(test, feature = "__models"))]
    pub(crate) fn len(&self) -> usize {
        self.slots.as_ref().map_or(0, |slots| slots.len())
    }

    /// Forgets a request.
    pub(crate) fn forget(&mut self, id: u32) -> Forgotten<S> {
        Forgotten(self.remove(id))
    }

    /// Ends every request: the connection ended. `is_unwritten` says by a request's place in the stream whether it
    /// cannot have reached the peer; one that has no place cannot.
    pub(crate) fn fail_all(&mut self, is_unwritten: impl Fn(u64) -> bool) -> Vec<Waker> {
        let is_unwritten = |place| place == UNPLACED || is_unwritten(place);
        let mut wakers = Vec::new();
        let Some(slots) = self.slots.as_deref_mut() else { return wakers };
        for slot in slots.values_mut() {
            if let Slot::Stream(inflow) = slot
                && inflow.end.is_none()
            {
                wakers.extend(inflow.waker.take());
                let maybe_executed = !is_unwritten(inflow.place);
                inflow.end = Some(Answer::Disconnected { maybe_executed });
            }
            if let Slot::Waiting { place, waker, .. } = slot {
                wakers.extend(waker.take());
                let maybe_executed = !is_unwritten(*place);
                *slot = Slot::Answered(Answer::Disconnected { maybe_executed });
            }
        }
        slots.retain(|_, slot| !matches!(slot, Slot::Ping));
        if slots.is_empty() {
            self.slots = None;
        }
        wakers
    }

    /// Ends the calls of one socket: it left, and there will be no answers. They may be under way.
    #[must_use]
    pub(crate) fn fail_of(&mut self, mark: usize) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for slot in self.slots.as_deref_mut().into_iter().flat_map(|slots| slots.values_mut()) {
            if let Slot::Waiting { of, waker, .. } = slot
                && *of == mark
            {
                wakers.extend(waker.take());
                *slot = Slot::Answered(Answer::Disconnected { maybe_executed: true });
            }
        }
        wakers
    }
}
