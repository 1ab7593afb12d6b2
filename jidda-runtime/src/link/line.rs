//! Frames that wait for room in the outbox, in the order in which they were handed in.
//!
//! A frame takes its place when its sender hands it in, not when there is room: what a sender hands in later, and what
//! others hand in meanwhile, stands behind it. Each frame has a [`Position`], by which its sender waits for the outbox to
//! take it. The sender is held back, so the line is as long as there are senders.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::guard::wake_all;
use crate::id::SocketId;
use crate::sync::Mutex;

/// The frames that wait for one connection.
#[derive(Debug, Default)]
pub(crate) struct Line(VecDeque<Entry>);

/// One frame that waits.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) frame: Bytes,
    /// The socket that it is for: it is lost when that leaves its namespace.
    owner: SocketId,
    /// The number of the request that it is, if it is one.
    pub(crate) call: Option<u32>,
    position: Arc<Position>,
}

/// What became of a frame that waited.
///
/// Its lock is taken last: a connection may be locked around it, and never the other way.
#[derive(Debug)]
pub(crate) struct Position(Mutex<Fate>);

#[derive(Debug)]
enum Fate {
    Waiting(Option<Waker>),
    Admitted,
    /// The connection or the socket ended first; the frame is the sender's again.
    Lost(Bytes),
}

/// How a frame's waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The outbox has it.
    Admitted,
    /// It was not sent.
    Lost(Bytes),
}

impl Position {
    /// How the waiting ended; else the task is woken when it does.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Admission> {
        let mut fate = self.0.lock();
        let _old = match &mut *fate {
            Fate::Waiting(Some(waker)) if waker.will_wake(cx.waker()) => return Poll::Pending,
            Fate::Waiting(waker) => waker.replace(cx.waker().clone()),
            Fate::Admitted => return Poll::Ready(Admission::Admitted),
            Fate::Lost(frame) => return Poll::Ready(Admission::Lost(std::mem::take(frame))),
        };
        // Before the waker that was replaced: its destructor may be the program's.
        drop(fate);
        Poll::Pending
    }

    fn decide(&self, fate: Fate) -> Option<Waker> {
        match std::mem::replace(&mut *self.0.lock(), fate) {
            Fate::Waiting(waker) => waker,
            Fate::Admitted | Fate::Lost(_) => None,
        }
    }
}

impl Entry {
    /// Tells the sender that the outbox has the frame; gives its task, to be woken when the connection is not locked.
    #[must_use]
    pub(crate) fn admit(self) -> Option<Waker> {
        self.position.decide(Fate::Admitted)
    }

    /// Tells the sender that the frame is not sent; gives its task, to be woken when the connection is not locked.
    #[must_use]
    pub(crate) fn lose(self) -> Option<Waker> {
        self.position.decide(Fate::Lost(self.frame))
    }
}

/// Frames that will not be sent, and tasks that wait for what will not be. Not to be dropped while anything is locked.
#[derive(Debug, Default)]
#[must_use = "the waiters have to be woken"]
pub(crate) struct Lost {
    pub(crate) entries: Vec<Entry>,
    pub(crate) wakers: Vec<Waker>,
}

impl Lost {
    /// Lets all of them learn it.
    pub(crate) fn settle(self) {
        wake_all(self.wakers.into_iter().chain(self.entries.into_iter().filter_map(Entry::lose)));
    }
}

impl Line {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a frame in behind all others.
    pub(crate) fn push(&mut self, frame: Bytes, owner: SocketId, call: Option<u32>) -> Arc<Position> {
        let position = Arc::new(Position(Mutex::new(Fate::Waiting(None))));
        self.0.push_back(Entry { frame, owner, call, position: Arc::clone(&position) });
        position
    }

    /// Takes out the frame that has waited longest.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        self.0.pop_front()
    }

    /// Takes out a frame whose sender does not wait any longer.
    pub(crate) fn withdraw(&mut self, position: &Arc<Position>) -> Option<Entry> {
        self.take_first(|entry| Arc::ptr_eq(&entry.position, position))
    }

    /// Takes out a request whose caller does not wait any longer.
    pub(crate) fn withdraw_call(&mut self, call: u32) -> Option<Entry> {
        self.take_first(|entry| entry.call == Some(call))
    }

    fn take_first(&mut self, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let place = self.0.iter().position(is_it)?;
        self.0.remove(place)
    }

    /// Takes out the frames of one socket.
    pub(crate) fn take_of(&mut self, owner: SocketId) -> Vec<Entry> {
        let (taken, kept) = std::mem::take(&mut self.0).into_iter().partition(|entry| entry.owner == owner);
        self.0 = kept;
        Vec::from(taken)
    }

    /// Takes out all of them.
    pub(crate) fn take_all(&mut self) -> Vec<Entry> {
        Vec::from(std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(position: &Position) -> Poll<Admission> {
        position.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn frames_leave_in_the_order_they_were_handed_in() {
        let mut line = Line::default();
        let owner = SocketId::random();
        let positions: Vec<_> = (0..4).map(|n| line.push(Bytes::from(vec![n]), owner, None)).collect();
        assert_eq!(line.withdraw(&positions[1]).map(|entry| entry.frame), Some(Bytes::from_static(&[1])));
        let mut left = Vec::new();
        while let Some(entry) = line.pop() {
            left.push(entry.frame[0]);
            assert!(entry.admit().is_none());
        }
        assert_eq!(left, [0, 2, 3]);
        assert_eq!(poll(&positions[0]), Poll::Ready(Admission::Admitted));
        assert_eq!(poll(&positions[1]), Poll::Pending);
    }

    #[test]
    fn a_sender_has_its_frame_back_when_it_is_lost() {
        let mut line = Line::default();
        let (stays, leaves) = (SocketId::random(), SocketId::random());
        let kept = line.push(Bytes::from_static(b"kept"), stays, Some(7));
        let lost = line.push(Bytes::from_static(b"lost"), leaves, None);
        assert_eq!(poll(&lost), Poll::Pending);
        let taken = line.take_of(leaves);
        assert_eq!(taken.len(), 1);
        // The task that polled it is to be woken.
        assert_eq!(taken.into_iter().filter_map(Entry::lose).count(), 1);
        assert_eq!(poll(&lost), Poll::Ready(Admission::Lost(Bytes::from_static(b"lost"))));
        assert_eq!(poll(&kept), Poll::Pending);
        assert!(line.withdraw_call(8).is_none());
        assert!(line.withdraw_call(7).is_some());
        assert!(line.is_empty());
    }
}
