//! Frames that wait for their socket to be active: what is sent before it is accepted, or while a client is away.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, SendError};
use crate::failure::Failure;
use crate::foreign::shown;
use crate::handler::Side;
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;
use crate::reason::DisconnectReason;
use crate::wire::{Decoder, Limits, Packet, Protocol};

impl SocketInner {
    /// Keeps a frame of so many bytes, which `share` gives, until the socket is active. `false` when it has become active
    /// meanwhile.
    pub(crate) fn hold(
        &self,
        size: usize,
        share: impl FnOnce() -> Bytes,
        can_wait: bool,
    ) -> Result<bool, SendError> {
        let hub = &self.connection.hub;
        let mut state = self.state.lock();
        match self.phase() {
            Phase::Active | Phase::Replaying => return Ok(false),
            Phase::Closed => return Err(SendError::NotConnected),
            Phase::Joining | Phase::Away => {}
        }
        if hub.side == Side::Client && !hub.buffers_while_away {
            return Err(SendError::NotConnected);
        }
        // The limit of the last hello. The next one may lower it: what is too large then is dropped alone.
        let limit = self.connection.link.change().outbox.max_message();
        if size > limit {
            return Err(SendError::TooLarge { size, limit });
        }
        // No room can be waited for: only a peer that reads makes some, and there is none.
        let room = hub.config.max_outbox.saturating_mul(if can_wait { 1 } else { 2 });
        if !state.extra().held.push(size, share, room) {
            drop(state);
            if !can_wait {
                // As when it is connected: it must not go on without what it was sent.
                self.connection.close(DisconnectReason::SlowConsumer);
            }
            return Err(SendError::Full);
        }
        Ok(true)
    }

    /// Reports events that a client sent while it was away and that will never be sent; `failure` says why, from the
    /// size of one. Not for use under a lock: the hook is the program's.
    #[cold]
    pub(crate) fn report_unsent(self: &Arc<Self>, frames: &[Bytes], failure: impl Fn(usize) -> Failure) {
        let Some(first) = frames.first() else { return };
        if self.connection.hub.side == Side::Server {
            // Its connection has ended, and says so to whoever asks.
            return;
        }
        for frame in frames {
            let Failure { code, message, .. } = failure(frame.len());
            if !self.show_refused(&self.event_of(frame), &Error::new(code, message)) {
                let (namespace, count, failure) = (self.namespace(), frames.len(), failure(first.len()));
                let event = self.event_of(first);
                let (namespace, event) = (&*shown(namespace), &*shown(&event));
                tracing::warn!(namespace, event, count, "events sent while away were dropped: {failure}");
                return;
            }
        }
    }

    /// The name of an event that this side has encoded.
    fn event_of(&self, frame: &Bytes) -> String {
        let config = &self.connection.hub.config;
        let limits =
            Limits { size: frame.len(), depth: config.max_depth, attachments: config.max_attachments };
        match self.wire().decode(&mut Decoder::default(), &mut frame.to_vec(), limits) {
            Ok(Some((Packet::Event { event, .. }, _))) => event.into_owned(),
            _ => String::new(),
        }
    }
}
