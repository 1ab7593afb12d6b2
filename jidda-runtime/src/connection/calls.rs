//! Requests of ours that wait for their replies.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use super::socket::SocketInner;
use crate::failure::Failure;
use crate::payload::Payload;

/// How a request of ours ended.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Value(Payload),
    Failed(Failure),
    /// The connection ended first; whether the request may have reached the peer.
    Disconnected {
        maybe_executed: bool,
    },
}

#[derive(Debug)]
enum Slot {
    /// Sent, at this place of the stream.
    Waiting {
        place: u64,
        waker: Option<Waker>,
        joins: Option<Arc<SocketInner>>,
    },
    Answered(Answer),
    /// A sign of life: that there is an answer is all.
    Ping,
}

/// The requests of one connection, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Boxed: most connections of a server never call.
    slots: Option<Box<Slots>>,
    last: u32,
}

type Slots = HashMap<u32, Slot, foldhash::fast::RandomState>;

/// What to do about a reply that came.
#[derive(Debug)]
pub(super) enum Resolved {
    /// The caller was told; wake it.
    Told(Option<Waker>),
    /// It was a namespace's `connect`: the socket is to be brought to life before anything else is read.
    Joins(Arc<SocketInner>),
    /// It was a sign of life.
    Beat,
    /// Nobody asked.
    Unknown,
}

impl Calls {
    fn insert(&mut self, slot: Slot) -> u32 {
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

    /// Numbers a request that stands at `place` of the stream.
    pub(super) fn begin(&mut self, place: u64) -> u32 {
        self.insert(Slot::Waiting { place, waker: None, joins: None })
    }

    /// Numbers a request to join a namespace.
    pub(super) fn begin_join(&mut self, place: u64, socket: Arc<SocketInner>) -> u32 {
        self.insert(Slot::Waiting { place, waker: None, joins: Some(socket) })
    }

    /// Numbers a question for a sign of life.
    pub(super) fn begin_ping(&mut self) -> u32 {
        // A peer may be full of life without ever answering: one question is kept, not each.
        if let Some(slots) = &mut self.slots {
            slots.retain(|_, slot| !matches!(slot, Slot::Ping));
        }
        self.insert(Slot::Ping)
    }

    /// The answer, if there is one; else `waker` is woken when it comes.
    pub(super) fn poll(&mut self, id: u32, waker: &Waker) -> Option<Answer> {
        let slots = self.slots.as_deref_mut()?;
        match slots.get_mut(&id)? {
            Slot::Waiting { waker: waiting, .. } => {
                match waiting {
                    Some(waiting) => waiting.clone_from(waker),
                    None => *waiting = Some(waker.clone()),
                }
                None
            }
            Slot::Answered(_) => match slots.remove(&id) {
                Some(Slot::Answered(answer)) => Some(answer),
                _ => None,
            },
            Slot::Ping => None,
        }
    }

    /// Takes a reply in. The one of a `connect` has to be taken in once more when its socket lives: who asked for
    /// it may use the socket as soon as it is told, on another thread.
    pub(super) fn resolve(&mut self, id: u32, answer: impl FnOnce() -> Answer) -> Resolved {
        let Some(slots) = self.slots.as_deref_mut() else { return Resolved::Unknown };
        match slots.get_mut(&id) {
            Some(slot @ Slot::Waiting { .. }) => {
                if let Slot::Waiting { joins, .. } = slot
                    && let Some(socket) = joins.take()
                {
                    return Resolved::Joins(socket);
                }
                match std::mem::replace(slot, Slot::Answered(answer())) {
                    Slot::Waiting { waker, .. } => Resolved::Told(waker),
                    _ => Resolved::Unknown,
                }
            }
            Some(Slot::Ping) => {
                slots.remove(&id);
                Resolved::Beat
            }
            Some(Slot::Answered(_)) | None => Resolved::Unknown,
        }
    }

    /// Whether a request has no answer yet.
    pub(super) fn is_waiting(&self) -> bool {
        let is_waiting = |slot: &Slot| matches!(slot, Slot::Waiting { .. });
        self.slots.as_ref().is_some_and(|slots| slots.values().any(is_waiting))
    }

    /// Forgets a request. Whether its answer was still to come, so that the peer can be told to stop.
    pub(super) fn forget(&mut self, id: u32) -> bool {
        self.slots.as_mut().is_some_and(|slots| matches!(slots.remove(&id), Some(Slot::Waiting { .. })))
    }

    /// Ends every request: the connection is gone. `is_unwritten` tells by a request's place in the stream
    /// whether it can have reached the peer.
    pub(super) fn fail_all(&mut self, is_unwritten: impl Fn(u64) -> bool) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let Some(slots) = self.slots.as_deref_mut() else { return wakers };
        for slot in slots.values_mut() {
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
}
