//! What requests do with a session's state: GETs, POSTs and WebSockets.

use std::task::{Context, Poll};

use super::frames;
use super::machine::{ALL, Answer, Get, Machine, Party, Phase, PostOutcome, Refusal, SessionEnd, Upgrade};

/// Below so many bytes that the driver has not read, a POST is answered.
const INBOUND: usize = 64 * 1024;

impl Machine {
    /// A GET begins to wait. `Ok(Some(..))` when it need not.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn begin_get(&mut self) -> Result<Option<Answer>, Refusal> {
        match self.phase {
            Phase::Over(SessionEnd::Closed { grace: true }) => {
                self.end_grace();
                Ok(Some(Answer::Noop))
            }
            Phase::Over(_) => Err(Refusal::Unknown),
            Phase::Upgraded => Err(Refusal::Upgraded),
            _ if self.get.is_some() => {
                self.end(SessionEnd::Broken);
                Err(Refusal::Overlap)
            }
            _ => {
                self.get = Some(Get { is_late: self.upgrade.is_some() });
                self.wake(&[Party::Writer]);
                Ok(None)
            }
        }
    }

    /// Whether the pending GET was received during an upgrade.
    pub fn waits_for_upgrade(&self) -> bool {
        self.get.is_some_and(|get| get.is_late)
    }

    /// What the GET is answered, once that is known. `is_late` says that it should not wait for the outcome of an
    /// upgrade any longer.
    pub fn poll_get(&mut self, cx: &Context<'_>, is_late: bool) -> Poll<Answer> {
        let Some(get) = self.get else { return Poll::Ready(Answer::Close) };
        let answer = match self.phase {
            Phase::Over(SessionEnd::Closed { .. }) => Answer::Noop,
            Phase::Over(_) => Answer::Close,
            Phase::Upgraded if get.is_late => Answer::Upgraded,
            Phase::Upgraded => Answer::Noop,
            // The rest is written at once.
            Phase::Finishing => return self.wait(Party::Get, cx),
            Phase::Open | Phase::Finished => match self.take_frames() {
                // Only the last of them can be the end.
                Some(frames) if frames::is_end(&frames) => Answer::Close,
                Some(frames) => Answer::Frames(frames),
                None if self.phase == Phase::Finished => Answer::Close,
                None if is_late && get.is_late => Answer::Noop,
                None if !get.is_late && self.upgrade.is_some_and(|upgrade| upgrade.is_probed) => Answer::Noop,
                None => return self.wait(Party::Get, cx),
            },
        };
        self.get = None;
        if self.phase == Phase::Finished && (self.outbound.is_empty() || answer == Answer::Close) {
            self.end(SessionEnd::Done);
        }
        Poll::Ready(answer)
    }

    /// The frames that the driver wrote, as far as they are for one GET.
    fn take_frames(&mut self) -> Option<Vec<u8>> {
        let length = frames::batch(&self.outbound, self.most);
        if length == 0 {
            return None;
        }
        let rest = self.outbound.split_off(length);
        Some(std::mem::replace(&mut self.outbound, rest))
    }

    /// A POST begins.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn begin_post(&mut self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Over(_) => Err(Refusal::Unknown),
            Phase::Upgraded => Err(Refusal::Upgraded),
            _ if self.has_post => {
                self.end(SessionEnd::Broken);
                Err(Refusal::Overlap)
            }
            _ => {
                self.has_post = true;
                Ok(())
            }
        }
    }

    /// The frames of a POST, all of them or those before its end.
    ///
    /// # Errors
    ///
    /// The session ended before its body was received.
    pub fn deliver(&mut self, frames: Vec<u8>, after: PostOutcome) -> Result<(), Refusal> {
        match self.phase {
            Phase::Open if self.inbound.is_empty() => self.inbound = frames,
            Phase::Open => {
                // Bytes that were read make room, however many are behind them.
                self.inbound.drain(..std::mem::take(&mut self.read));
                self.inbound.extend_from_slice(&frames);
            }
            // Who writes last words does not listen any more.
            Phase::Finishing | Phase::Finished => {}
            Phase::Upgraded => return Err(Refusal::Upgraded),
            Phase::Over(_) => return Err(Refusal::Unknown),
        }
        self.wake(&[Party::Reader]);
        match after {
            PostOutcome::Open => {}
            PostOutcome::Closed => self.end(SessionEnd::Closed { grace: self.get.is_none() }),
            PostOutcome::Malformed => self.end(SessionEnd::Malformed),
        }
        Ok(())
    }

    pub(super) fn has_room(&self) -> bool {
        self.phase != Phase::Open || self.inbound.len() - self.read < INBOUND
    }

    /// Ready when the POST may be answered.
    pub fn poll_post(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.has_room() || self.phase == Phase::Over(SessionEnd::Closed { grace: true }) {
            return self.wait(Party::Post, cx);
        }
        self.has_post = false;
        Poll::Ready(())
    }

    /// The POST is answered without having been delivered.
    pub fn leave_post(&mut self) {
        self.has_post = false;
    }

    /// No GET was in flight when the client closed the session.
    pub fn end_grace(&mut self) {
        if self.phase == Phase::Over(SessionEnd::Closed { grace: true }) {
            self.phase = Phase::Over(SessionEnd::Closed { grace: false });
            self.wake(&[Party::Post]);
        }
    }

    /// A WebSocket wants to take the session over. Whether it may try.
    pub fn begin_upgrade(&mut self) -> bool {
        let may = self.phase == Phase::Open && self.upgrade.is_none();
        if may {
            self.upgrade = Some(Upgrade { is_probed: false });
        }
        may
    }

    /// The WebSocket works: the client is about to poll no more.
    pub fn probed(&mut self) {
        if let Some(upgrade) = &mut self.upgrade {
            upgrade.is_probed = true;
            self.wake(&[Party::Get]);
        }
    }

    /// The WebSocket takes over. What the driver had written and no GET took goes first.
    ///
    /// # Errors
    ///
    /// The session is over; with the last words, if there are some.
    pub fn upgrade(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        let outbound = std::mem::take(&mut self.outbound);
        self.upgrade = None;
        match self.phase {
            Phase::Open | Phase::Finishing => {
                self.phase = Phase::Upgraded;
                self.wake(&[Party::Get, Party::Post]);
                Ok(outbound)
            }
            _ => {
                self.end(SessionEnd::Done);
                Err(outbound)
            }
        }
    }

    /// What POSTs brought before the WebSocket took over: the driver reads it first.
    pub fn take_inbound(&mut self) -> Vec<u8> {
        let mut inbound = std::mem::take(&mut self.inbound);
        inbound.drain(..std::mem::take(&mut self.read));
        self.wake(&[Party::Reader, Party::Writer]);
        inbound
    }

    /// The WebSocket that took over was lost before the driver received it.
    pub fn lose_upgrade(&mut self) {
        if self.phase == Phase::Upgraded {
            self.phase = Phase::Over(SessionEnd::Broken);
            self.wake(&ALL);
        }
    }

    /// Polling goes on.
    pub fn give_upgrade_up(&mut self) {
        self.upgrade = None;
    }

    /// Ready when there is nothing to upgrade any more.
    pub fn poll_over(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_over() { Poll::Ready(()) } else { self.wait(Party::Upgrade, cx) }
    }

    /// Ready when last words are taken, or were not worth waiting for.
    pub fn poll_last_words(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_finished() { self.wait(Party::Writer, cx) } else { Poll::Ready(()) }
    }
}
