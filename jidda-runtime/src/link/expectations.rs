//! How far the peer is with what it has to do in time.

use super::awaited::Rest;
use super::clock::Tick;
use super::shared_state::SharedState;

impl<S> SharedState<S> {
    /// A ping is going to be queued next.
    pub(crate) fn note_ping(&mut self) {
        // If the outbox is empty the ping is written at once; an idle connection needs no memory for this.
        if self.outbox.queued() > 0 {
            self.awaited_mut().ping = Some(self.outbox.place());
        }
    }

    /// Postpones the time of the ping while it is queued behind other bytes, since the peer cannot have received it.
    /// `seen` is the time of the last sign of life of the peer.
    ///
    /// A polling client reads nothing `between` two polls, also if it has disappeared: its ping counts from the time it
    /// was queued.
    pub(crate) fn delay_ping(&mut self, between: bool, seen: u32, now: u32) {
        let Some(place) = self.awaited().and_then(|awaited| awaited.ping) else { return };
        let Some(then) = self.calls.pinged_at.map(Tick::clock) else { return self.forget_ping() };
        if between {
            return;
        }
        if self.outbox.is_unwritten(place) {
            self.calls.pinged_at = Some(Tick::at(now));
            return;
        }
        // It was written since the last check. What was received since then may be its answer.
        if now.wrapping_sub(seen) > now.wrapping_sub(then) {
            self.calls.pinged_at = Some(Tick::at(now));
        }
        self.forget_ping();
    }

    fn forget_ping(&mut self) {
        self.awaited_mut().ping = None;
        self.tidy();
    }

    /// Notes that `size` bytes of an incomplete message were received, or 0 if none is incomplete. `is_coming` says
    /// that a part of the rest is being received.
    pub(crate) fn note_rest(&mut self, size: usize, is_coming: bool, now: u32) {
        if size == 0 {
            self.awaited_mut().rest = None;
            return self.tidy();
        }
        let rest = &mut self.awaited_mut().rest;
        if is_coming || rest.is_none_or(|rest| rest.size != size) {
            *rest = Some(Rest { since: Tick::at(now), size });
        }
    }

    /// How long nothing of the rest of an incomplete message was received. The time in which the task does not read
    /// does not count: the peer is not the cause.
    pub(crate) fn rest_missing_for(&mut self, now: u32) -> Option<u64> {
        self.awaited()?.rest?;
        let is_paused = self.is_paused;
        let rest = self.awaited_mut().rest.as_mut()?;
        if is_paused {
            rest.since = Tick::at(now);
        }
        Some(u64::from(now.wrapping_sub(rest.since.clock())))
    }
}
