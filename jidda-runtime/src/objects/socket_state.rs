//! What belongs to one socket: values, permissions, identity, jobs, and what waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::held_frames::HeldFrames;
use super::jobs::Jobs;
use super::listeners::Listeners;
use super::permissions::Permissions;
use super::waiters::Waiters;
use crate::error::Error;
use crate::id::SocketId;
use crate::identity::Identity;
use crate::link::backlog::Backlog;
use crate::link::values::Values;
use crate::payload::Payload;
use crate::reason::DisconnectReason;
use crate::room::IdentityGuard;

/// The part of a socket that changes. What few sockets need is boxed, so that an idle one is small.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Why it is over. Boxed, like all that an idle socket does not have.
    pub(crate) reason: Option<Box<DisconnectReason>>,
    /// The peer's number of the request that asked to join.
    pub(crate) connect_id: Option<u32>,
    pub(crate) extra: Option<Box<Extra>>,
}

pub(crate) type RefusedHook = Arc<dyn Fn(&str, &Error) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Extra {
    /// The name that the server gave it, on a client.
    pub(crate) given_id: Option<SocketId>,
    /// The encoded auth value of the handshake.
    pub(crate) auth: Option<Payload>,
    /// What a client's socket may be recovered by.
    pub(crate) recovery: Option<Box<Recovery>>,
    /// Whether a client joins the namespace whenever it has a connection.
    pub(crate) is_wanted: bool,
    pub(crate) values: Values,
    pub(crate) permissions: Permissions,
    pub(crate) identity: Option<Identity>,
    /// That the connection is of that identity, until the socket is over.
    pub(crate) claim: Option<IdentityGuard>,
    pub(crate) listeners: Listeners,
    pub(crate) refused: Option<RefusedHook>,
    /// The socket is over and has let go of everything: what it is given now may hold it, and is not kept.
    pub(crate) is_released: bool,
    /// Events that were received before the socket was accepted.
    pub(crate) early: Backlog<()>,
    /// Frames to send once the socket is active.
    pub(crate) held: HeldFrames,
    /// Messages that wait to be received, and the tasks that wait for them.
    pub(crate) inbox: VecDeque<Bytes>,
    pub(crate) inbox_bytes: usize,
    pub(crate) receivers: Waiters,
    pub(crate) closed: Waiters,
    pub(crate) jobs: Option<Arc<Jobs>>,
}

/// What a client's socket may be recovered by when its connection was lost, at a server that keeps what was missed.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// A name of the socket's that only the server and the client know.
    pub(crate) private: Box<str>,
    /// The last event that was received.
    pub(crate) offset: Option<Box<str>>,
    /// Whether the socket was recovered when it joined.
    pub(crate) is_recovered: bool,
}

impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extra").field("permissions", &self.permissions).finish_non_exhaustive()
    }
}

impl Extra {
    fn is_vacant(&self) -> bool {
        self.given_id.is_none()
            && self.auth.is_none()
            && self.recovery.is_none()
            && !self.is_wanted
            && self.values.is_empty()
            && self.permissions.are_initial()
            && self.identity.is_none()
            && self.claim.is_none()
            && self.listeners.is_empty()
            && self.refused.is_none()
            && self.early.is_empty()
            && self.held.is_empty()
            && self.inbox.is_empty()
            && self.receivers.is_empty()
            && self.closed.is_empty()
            && self.jobs.is_none()
            && !self.is_released
    }
}

impl State {
    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Gives back the memory of what was needed for a while and holds nothing any more.
    pub(crate) fn tidy(&mut self) {
        if self.extra.as_ref().is_some_and(|extra| extra.is_vacant()) {
            self.extra = None;
        }
    }
}

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Its `connect` handler has not accepted it yet; on a client, the server has not.
    Joining,
    /// Accepted; events that were received before are run first.
    Replaying,
    /// Events are run as they are received.
    Active,
    /// A client's socket whose connection is lost, or that never joined.
    Away,
    /// It is over.
    Closed,
}

impl Phase {
    pub(crate) fn from_byte(byte: u8) -> Self {
        [Self::Joining, Self::Replaying, Self::Active, Self::Away, Self::Closed][usize::from(byte)]
    }
}
