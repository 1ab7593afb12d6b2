//! Bare messages, received one by one.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::error::RecvError;
use crate::handler::{Argument, Arguments};
use crate::objects::socket_state::Extra;
use crate::objects::socket_state::Phase;
use crate::objects::{Socket, SocketInner};
use crate::wire::Protocol;

/// How many messages wait for a program that does not receive them.
const CAPACITY: usize = 1024;

impl SocketInner {
    /// Keeps a message that no handler took. Whether there was room.
    pub(crate) fn deliver_message(&self, arguments: &[u8]) -> bool {
        let beside = self.connection.waiting_beside(self);
        let mut state = self.state.lock();
        let extra = state.extra();
        let is_full = extra.inbox.len() >= CAPACITY
            || extra.inbox_bytes + beside + arguments.len() > self.connection.hub.config.max_message;
        let is_alone = extra.inbox.is_empty() && beside == 0;
        if is_full && !is_alone {
            return false;
        }
        extra.inbox_bytes += arguments.len();
        extra.inbox.push_back(Bytes::copy_from_slice(arguments));
        let receivers = std::mem::take(&mut extra.receivers);
        drop(state);
        receivers.wake();
        true
    }
}

impl Extra {
    fn next_message(&mut self) -> Option<Bytes> {
        let message = self.inbox.pop_front()?;
        self.inbox_bytes -= message.len();
        Some(message)
    }
}

impl Socket {
    /// The next bare message (event `message`) that no handler takes. Several receivers share the messages.
    ///
    /// Up to 1024 messages wait to be received, and those of all sockets of a connection have together no more bytes than
    /// one message may; past that a peer is refused as `busy`.
    ///
    /// # Errors
    ///
    /// [`RecvError::Closed`] when the socket ended and nothing is left, [`RecvError::Decode`] when the message
    /// is not a `T`; that message is lost then.
    ///
    /// # Cancel safety
    ///
    /// No message is lost by dropping the future.
    pub async fn recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        self.inner.accept();
        let message = self
            .inner
            .wait(
                |extra| &mut extra.receivers,
                |state| {
                    if let Some(message) = state.extra.as_mut().and_then(|extra| extra.next_message()) {
                        state.tidy();
                        return Some(Ok(message));
                    }
                    state.reason.as_deref().map(|reason| Err(RecvError::Closed(reason.clone())))
                },
            )
            .await?;
        let arguments = Arguments::new(&message, self.inner.wire().encoding());
        arguments
            .reader(&["message"])
            .and_then(|mut reader| T::take(&mut reader, "message"))
            .map_err(|error| RecvError::Decode(error.message().to_owned()))
    }
}

impl SocketInner {
    /// Whether a message leaves at once: nothing waits before it.
    pub(crate) fn is_writable(self: &Arc<Self>) -> bool {
        matches!(self.phase(), Phase::Active | Phase::Replaying) && self.connection.is_writable()
    }
}
