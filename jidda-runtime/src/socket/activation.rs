//! How a socket is accepted, and what it keeps until then.

use std::sync::Arc;

use crate::error::SendError;
use crate::failure::Failure;
use crate::handler::Side;
use crate::id::SocketId;
use crate::link::backlog::Waiting;
use crate::link::shared_state::Control;
use crate::objects::socket_state::Phase;
use crate::objects::{Socket, SocketInner};
use crate::room::RoomKey;
use crate::sync::atomic::Ordering;
use crate::wire::Protocol;

impl SocketInner {
    /// Accepts a server's socket, if that has not happened: the peer learns it, gets what was sent meanwhile,
    /// and what it sent early is run.
    pub(crate) fn accept(self: &Arc<Self>) {
        if self.phase() != Phase::Joining || self.connection.hub.side == Side::Client {
            return;
        }
        self.activate(None);
    }

    /// Brings a joining socket to life. `id` is the one the server gave it, on a client.
    pub(crate) fn activate(self: &Arc<Self>, id: Option<SocketId>) {
        let mut state = self.state.lock();
        if self.phase() != Phase::Joining {
            return;
        }
        if let Some(id) = id {
            state.extra().given_id = Some(id);
        }
        self.connection.is_established.store(true, Ordering::Relaxed);
        // Before the peer can know: a peer that knows that it is connected must be found by a broadcast.
        let has_own = state.extra.as_ref().is_some_and(|extra| extra.identity.is_some());
        drop(state);
        self.rooms.enter(Socket { inner: Arc::clone(self) });
        if let Some(identity) = self.connection.identity()
            && !has_own
        {
            self.rooms.join(Socket { inner: Arc::clone(self) }, RoomKey::Identity(identity.shared_name()));
        }
        let mut state = self.state.lock();
        match self.phase() {
            Phase::Joining => {}
            Phase::Closed => {
                drop(state);
                self.rooms.exit(self.key);
                return;
            }
            // Another thread was faster.
            Phase::Replaying | Phase::Active | Phase::Away => return,
        }
        let connect_id = state.connect_id.take();
        let (held, has_early) = match state.extra.as_deref_mut() {
            Some(extra) => (extra.held.take(), !extra.early.is_empty()),
            None => (Vec::new(), false),
        };
        let mut shared = self.connection.link.change();
        let limit = shared.outbox.max_message();
        // The peer that takes less than the one before would close the connection, and lose the others with it.
        let (held, too_large): (Vec<_>, Vec<_>) = held.into_iter().partition(|frame| frame.len() <= limit);
        let wire = self.wire();
        shared.outbox.append(|out| {
            if let Some(id) = connect_id {
                wire.connected(out, self.namespace(), id, self.id(&state).as_str());
            }
            for frame in &held {
                out.extend_from_slice(frame);
            }
        });
        if has_early {
            self.enter(Phase::Replaying);
            shared.send_control(Control::Accepted(Arc::clone(self)));
        } else {
            self.enter(Phase::Active);
            shared.send_queued();
        }
        // The task is woken with the second one, after both are unlocked.
        let wake = shared.unlock();
        drop(state);
        drop(wake);
        self.count_joined();
        self.announce();
        let failure = |size| Failure::new("too_large", SendError::TooLarge { size, limit }.to_string());
        self.report_unsent(&too_large, failure);
    }

    /// Keeps an event that was received before its socket was accepted, and gives its place; or gives the event back when the
    /// socket is active, or when too many wait.
    pub(crate) fn keep_early(&self, early: Waiting) -> Result<u64, Waiting> {
        let beside = self.connection.waiting_beside(self);
        let mut state = self.state.lock();
        if !matches!(self.phase(), Phase::Joining | Phase::Replaying) {
            return Err(early);
        }
        let extra = state.extra();
        let config = &self.connection.hub.config;
        let has_room = extra.early.has_room(&early, beside, config);
        if !has_room || extra.early.len() >= config.max_in_flight {
            return Err(early);
        }
        Ok(extra.early.push((), early))
    }
}
