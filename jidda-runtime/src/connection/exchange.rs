//! What a connection's own task and everyone else share: one short lock, never held while polling or writing.

use std::sync::Arc;
use std::task::Waker;

use tracing::Span;

use super::calls::Calls;
use super::credentials::Standing;
use super::outbox::Outbox;
use super::sessions::Kept;
use super::socket::SocketInner;
use crate::payload::Payload;
use crate::reason::DisconnectReason;
use crate::wire::Wire;

/// Whether there is somebody at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A stream is open.
    Up,
    /// A client is between two streams.
    Away,
    /// It is over.
    Closed,
}

/// What others ask of the connection's task.
#[derive(Debug)]
pub(super) enum Control {
    /// The peer is in the root namespace by being there.
    Join,
    /// A socket was accepted by something its `connect` handler did: what came early may run.
    Accepted(Arc<SocketInner>),
    /// A socket leaves its namespace.
    Leave(Arc<SocketInner>, DisconnectReason),
    /// The connection ends, after what is queued is written.
    Close(DisconnectReason),
    /// The connection ends once no handler runs.
    Drain(DisconnectReason),
    /// The peer's credentials are about to expire.
    Expiring,
}

/// What few connections have, or for a moment only.
#[derive(Debug, Default)]
struct Rare {
    controls: Vec<Control>,
    /// Who the peer was found to be: most servers do not ask.
    standing: Option<Standing>,
}

// Independent facts about the task, the stream and the peer.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) outbox: Outbox,
    pub(super) calls: Calls,
    /// Boxed, like all that an idle connection does not need.
    rare: Option<Box<Rare>>,
    /// What the program keeps with the connection.
    pub(super) kept: Option<Box<Kept>>,
    /// The connection keeps nothing any more: no stream follows, and no handler runs.
    pub(super) is_over: bool,
    pub(super) link: Link,
    /// Whether the peer speaks more than plain MessagePack-RPC.
    pub(super) is_acquainted: bool,
    /// The task runs right now and will look at all this again before it rests.
    is_polling: bool,
    /// The task does not read for now, since too much is running: silence is not the peer's.
    pub(super) is_paused: bool,
    /// The stream takes no more for now: new bytes are no reason to wake the task.
    is_blocked: bool,
    waker: Option<Waker>,
    /// How many times in a row a sign of life did not come in time.
    pub(super) missed: u16,
}

impl Exchange {
    pub(super) fn new(link: Link, max_message: usize) -> Self {
        Self {
            outbox: Outbox::new(max_message),
            calls: Calls::default(),
            rare: None,
            kept: None,
            is_over: false,
            link,
            is_acquainted: false,
            is_polling: false,
            is_paused: false,
            is_blocked: false,
            waker: None,
            missed: 0,
        }
    }

    /// Whether the caller runs on the connection's own task, as the handlers of an event do at first.
    pub(super) fn is_polling(&self) -> bool {
        self.is_polling
    }

    /// The connection's span, if somebody listened when it was asked for.
    pub(super) fn span(&self) -> Option<Span> {
        self.kept.as_ref()?.span.as_deref().cloned()
    }

    /// Queues the reply to a request of the peer, unless it is larger than the peer takes.
    #[inline]
    pub(super) fn outbox_reply(
        &mut self,
        wire: Wire,
        namespace: &str,
        id: u32,
        value: &Payload,
    ) -> Result<(), usize> {
        if value.bytes().len() + wire.reply_head() > self.outbox.max_message() {
            return Err(self.outbox.max_message());
        }
        self.outbox.append(self.is_polling, |out| wire.reply(out, namespace, id, value));
        Ok(())
    }

    /// Whether a message leaves at once: nothing waits before it.
    pub(super) fn is_writable(&self) -> bool {
        self.link == Link::Up && !self.is_blocked && self.outbox.queued() == 0
    }

    pub(super) fn begin_poll(&mut self) {
        self.is_polling = true;
        self.waker = None;
    }

    /// The task is gone: nobody looks at this until there is another one. Those who waited for room are to be
    /// woken.
    #[must_use]
    pub(super) fn detach(&mut self) -> Vec<Waker> {
        self.is_polling = false;
        self.is_blocked = false;
        self.is_paused = false;
        self.waker = None;
        drop(self.take_controls());
        if self.link == Link::Up {
            self.link = Link::Closed;
        }
        self.outbox.clear()
    }

    pub(super) fn end_poll(&mut self, waker: Waker, is_blocked: bool) {
        self.is_polling = false;
        self.is_blocked = is_blocked;
        self.waker = Some(waker);
    }

    /// Who has to be woken, once the lock is released, after bytes were queued.
    #[must_use]
    pub(super) fn queued(&mut self) -> Option<Waker> {
        if self.is_polling || self.is_blocked { None } else { self.waker.take() }
    }

    /// Who has to be woken to look whether the peer it does not read from is still there.
    #[must_use]
    pub(super) fn nudge(&mut self) -> Option<Waker> {
        if self.is_polling || !self.is_paused { None } else { self.waker.take() }
    }

    /// Leaves something for the task to find when it runs.
    pub(super) fn push_control(&mut self, control: Control) {
        self.rare.get_or_insert_default().controls.push(control);
    }

    /// What others asked of the task.
    pub(super) fn take_controls(&mut self) -> Vec<Control> {
        let Some(rare) = &mut self.rare else { return Vec::new() };
        let controls = std::mem::take(&mut rare.controls);
        if rare.standing.is_none() {
            self.rare = None;
        }
        controls
    }

    pub(super) fn has_controls(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.controls.is_empty())
    }

    /// Who the peer was found to be.
    pub(super) fn standing(&self) -> Option<&Standing> {
        self.rare.as_ref()?.standing.as_ref()
    }

    pub(super) fn standing_mut(&mut self) -> Option<&mut Standing> {
        self.rare.as_mut()?.standing.as_mut()
    }

    /// Takes note of who the peer was found to be; gives back what was there.
    pub(super) fn note_standing(&mut self, standing: Option<Standing>) -> Option<Standing> {
        match (&mut self.rare, standing) {
            (None, None) => None,
            (rare, standing) => std::mem::replace(&mut rare.get_or_insert_default().standing, standing),
        }
    }

    /// Who has to be woken, once the lock is released, after this.
    #[must_use]
    pub(super) fn control(&mut self, control: Control) -> Option<Waker> {
        self.push_control(control);
        if self.is_polling { None } else { self.waker.take() }
    }
}
