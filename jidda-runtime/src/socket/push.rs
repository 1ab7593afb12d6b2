//! Frames handed to a connection: each takes its place in the order of what the peer gets when it is handed in.
//!
//! Nothing here writes. A frame has its place as soon as it stands in the outbox, in the line of those that wait for room
//! in it, or with a socket that is not accepted yet. What the same task hands in next stands behind it, whichever of the
//! three that is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::error::SendError;
use crate::link::line::{Admission, Position};
use crate::link::shared_state::LinkStatus;
use crate::link::stream_slot::BroadcastTime;
use crate::objects::Connection;
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;

/// What becomes of a frame when the outbox has no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// It waits for some.
    Wait,
    /// It is refused.
    Refuse,
}

/// Where a frame stands that was handed in.
#[derive(Debug)]
#[must_use]
pub(crate) enum Pushed {
    /// It is the connection's business from now on.
    Queued,
    /// It waits for room in the outbox.
    Waits(Arc<Position>),
}

/// Where a frame of a broadcast stands.
#[derive(Debug)]
#[must_use]
pub(crate) enum Placed {
    /// The stream is reserved for it: whoever makes the broadcast is to write it.
    Reserved,
    /// The connection's task writes it; it is to be woken.
    Queued(Option<Waker>),
    /// It waits for room in the outbox.
    Waits(Arc<Position>),
    /// It was worth nothing later.
    Dropped,
}

impl SocketInner {
    /// Hands one encoded frame to the connection.
    #[inline]
    pub(crate) fn push(&self, frame: &[u8], when_full: WhenFull) -> Result<Pushed, SendError> {
        match self.phase() {
            Phase::Active | Phase::Replaying => {}
            Phase::Closed => return Err(SendError::NotConnected),
            Phase::Joining | Phase::Away => {
                if self.hold(frame.len(), || Bytes::copy_from_slice(frame), true)? {
                    return Ok(Pushed::Queued);
                }
            }
        }
        let mut shared = self.connection.link.change();
        if shared.status != LinkStatus::Up {
            return Err(SendError::NotConnected);
        }
        check_size(frame.len(), shared.outbox.max_message())?;
        if !shared.has_room(self.connection.hub.config.max_outbox) {
            return match when_full {
                WhenFull::Wait => {
                    Ok(Pushed::Waits(shared.wait_in_line(Bytes::copy_from_slice(frame), self.key, None)))
                }
                WhenFull::Refuse => Err(SendError::Full),
            };
        }
        shared.outbox.append(|out| out.extend_from_slice(frame));
        shared.send_queued();
        drop(shared);
        Ok(Pushed::Queued)
    }

    /// Waits until the outbox takes a frame that was handed in.
    pub(crate) async fn admitted(&self, position: Arc<Position>) -> Result<(), SendError> {
        let mut position = position;
        loop {
            match (Waiting { connection: &self.connection, position }).await {
                Admission::Admitted => return Ok(()),
                // A client that is away may keep it until it returns.
                Admission::Lost(frame) => match self.push(&frame, WhenFull::Wait)? {
                    Pushed::Queued => return Ok(()),
                    Pushed::Waits(next) => position = next,
                },
            }
        }
    }

    /// Gives a frame of a broadcast its place. It may take the outbox up to twice beyond its limit.
    pub(crate) fn take_place(
        &self,
        frame: &Arc<Bytes>,
        now: BroadcastTime,
        is_volatile: bool,
    ) -> Result<Placed, SendError> {
        match self.phase() {
            Phase::Active | Phase::Replaying => {}
            Phase::Closed => return Err(SendError::NotConnected),
            Phase::Joining | Phase::Away if is_volatile => return Ok(Placed::Dropped),
            Phase::Joining | Phase::Away => {
                if self.hold(frame.len(), || Bytes::clone(frame), false)? {
                    return Ok(Placed::Queued(None));
                }
            }
        }
        let connection = &*self.connection;
        if is_volatile && connection.is_between_polls() {
            return Ok(Placed::Dropped);
        }
        let limit = connection.hub.config.max_outbox;
        let mut shared = connection.link.change_without_wake();
        if shared.status != LinkStatus::Up {
            return Err(SendError::NotConnected);
        }
        check_size(frame.len(), shared.outbox.max_message())?;
        if is_volatile && !(shared.is_writable() && shared.has_room(limit)) {
            return Ok(Placed::Dropped);
        }
        let queued = shared.outbox.queued();
        let is_beyond = queued >= limit && queued.saturating_add(frame.len()) > limit.saturating_mul(2);
        if is_beyond || shared.has_line() {
            return Ok(Placed::Waits(shared.wait_in_line(Bytes::clone(frame), self.key, None)));
        }
        if shared.is_first_of_burst(now) && shared.reserve(frame) {
            return Ok(Placed::Reserved);
        }
        shared.outbox.share(frame);
        Ok(Placed::Queued(shared.queued()))
    }
}

fn check_size(size: usize, limit: usize) -> Result<(), SendError> {
    if size > limit { Err(SendError::TooLarge { size, limit }) } else { Ok(()) }
}

/// Waits until the outbox takes a frame. Dropped before that, the frame is not sent.
pub(crate) struct Waiting<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) position: Arc<Position>,
}

impl Future for Waiting<'_> {
    type Output = Admission;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Admission> {
        self.position.poll(cx)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Dropped after the lock: it has the waker of the program's task.
        let withdrawn = self.connection.link.change().withdraw(&self.position);
        drop(withdrawn);
    }
}
