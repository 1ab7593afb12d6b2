//! What a connection's own task and everyone else share: one short lock, never held while polling or writing.

use std::num::NonZeroU32;
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

/// A tick of the hub's clock, which costs no more where there may be none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(NonZeroU32);

impl Moment {
    /// The first tick of the clock passes for the one before it: a tick later, what was answered within it would pass
    /// for unanswered.
    pub(super) fn at(clock: u32) -> Self {
        Self(NonZeroU32::new(clock).unwrap_or(NonZeroU32::MAX))
    }

    pub(super) fn clock(self) -> u32 {
        self.0.get()
    }
}

// Independent facts about the task, the stream and the peer.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) outbox: Outbox,
    pub(super) calls: Calls,
    /// Boxed, like all that an idle connection does not need.
    #[allow(clippy::box_collection)]
    controls: Option<Box<Vec<Control>>>,
    /// What the program keeps with the connection.
    pub(super) kept: Option<Box<Kept>>,
    /// The connection keeps nothing any more: no stream follows, and no handler runs.
    pub(super) is_over: bool,
    pub(super) link: Link,
    /// Whether the peer speaks more than plain MessagePack-RPC.
    pub(super) is_acquainted: bool,
    /// The largest message the peer takes.
    pub(super) max_message: usize,
    /// The task runs right now and will look at all this again before it rests.
    is_polling: bool,
    /// The task does not read for now, since too much is running: silence is not the peer's.
    pub(super) is_paused: bool,
    /// The stream takes no more for now: new bytes are no reason to wake the task.
    is_blocked: bool,
    waker: Option<Waker>,
    /// Who the peer was found to be. Boxed: most servers do not ask.
    pub(super) standing: Option<Box<Standing>>,
    /// When the stream last refused bytes, in ticks of the hub's clock.
    pub(super) stalled_since: Option<Moment>,
    /// When a sign of life was asked for, in ticks.
    pub(super) pinged_at: Option<Moment>,
    /// How many times in a row it did not come in time.
    pub(super) missed: u16,
}

impl Exchange {
    pub(super) fn new(link: Link, max_message: usize) -> Self {
        Self {
            outbox: Outbox::default(),
            calls: Calls::default(),
            controls: None,
            kept: None,
            is_over: false,
            link,
            is_acquainted: false,
            max_message,
            is_polling: false,
            is_paused: false,
            is_blocked: false,
            waker: None,
            standing: None,
            stalled_since: None,
            pinged_at: None,
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
        if value.bytes().len() + wire.reply_head() > self.max_message {
            return Err(self.max_message);
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
        self.controls = None;
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
        self.controls.get_or_insert_default().push(control);
    }

    /// What others asked of the task.
    pub(super) fn take_controls(&mut self) -> Vec<Control> {
        self.controls.take().map(|controls| *controls).unwrap_or_default()
    }

    pub(super) fn has_controls(&self) -> bool {
        self.controls.is_some()
    }

    /// Who has to be woken, once the lock is released, after this.
    #[must_use]
    pub(super) fn control(&mut self, control: Control) -> Option<Waker> {
        self.push_control(control);
        if self.is_polling { None } else { self.waker.take() }
    }
}
