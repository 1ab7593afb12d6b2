//! The state of a polling session, without any I/O: what is under way, and who waits for what.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;
use tokio::io::ReadBuf;

use super::frames;

/// Past so many bytes that a GET is about to take, the driver has to wait.
const OUTBOUND: usize = 256 * 1024;
/// Below so many bytes that the driver has not read, a POST is answered.
const INBOUND: usize = 64 * 1024;

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Reader,
    Writer,
    Get,
    Post,
    Upgrade,
}

const PARTIES: usize = 5;
const ALL: [Party; PARTIES] = [Party::Reader, Party::Writer, Party::Get, Party::Post, Party::Upgrade];

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Both sides exchange packets.
    Open,
    /// The driver writes its last words, which need no GET for it.
    Finishing,
    /// The driver is done; its last words wait for a GET.
    Finished,
    /// A WebSocket takes the place.
    Upgraded,
    /// Nothing goes either way any more.
    Over(Ending),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said so. A GET that was on its way at the same time is answered as if it had been there.
    Closed {
        /// Whether such a GET may still come.
        grace: bool,
    },
    /// The client knows the last words.
    Done,
    /// Requests overlapped, or one was given up.
    Broken,
    /// A body was no payload.
    Malformed,
    /// The driver has gone without last words.
    Abandoned,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such session any more.
    Unknown,
    /// One like it is under way. The session is over.
    Overlap,
    /// A WebSocket has the session now.
    Upgraded,
}

/// What a GET is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Whole frames.
    Frames(Vec<u8>),
    /// Nothing happened: packet `6`.
    Noop,
    /// The session is over: packet `1`.
    Close,
    /// A WebSocket has taken the place meanwhile.
    Upgraded,
}

/// How a POST leaves the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// As it was.
    Open,
    /// Closed, since one of its packets is `1`.
    Closed,
    /// Over, since it is no payload.
    Malformed,
}

/// An upgrade under way.
#[derive(Clone, Copy, Debug)]
struct Upgrade {
    is_probed: bool,
}

/// A GET that waits.
#[derive(Clone, Copy, Debug)]
struct Get {
    /// It came while an upgrade was under way, and may learn its outcome.
    is_late: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    /// Frames of POSTs; the driver has read those before `read`.
    inbound: Vec<u8>,
    read: usize,
    /// What the driver wrote and no GET took.
    outbound: Vec<u8>,
    get: Option<Get>,
    has_post: bool,
    upgrade: Option<Upgrade>,
    waiting: [Option<Waker>; PARTIES],
    woken: SmallVec<[Waker; 2]>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            phase: Phase::Open,
            inbound: Vec::new(),
            read: 0,
            outbound: Vec::new(),
            get: None,
            has_post: false,
            upgrade: None,
            waiting: [const { None }; PARTIES],
            woken: SmallVec::new(),
        }
    }
}

impl Machine {
    /// Who is to be woken, once whatever lock there is has been released.
    pub fn take_woken(&mut self) -> SmallVec<[Waker; 2]> {
        std::mem::take(&mut self.woken)
    }

    fn wake(&mut self, party: Party) {
        self.woken.extend(self.waiting[party as usize].take());
    }

    fn wait<T>(&mut self, party: Party, cx: &Context<'_>) -> Poll<T> {
        let waiting = &mut self.waiting[party as usize];
        match waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Ends the session, unless it has ended in another way before.
    pub fn end(&mut self, ending: Ending) {
        if matches!(self.phase, Phase::Over(_) | Phase::Upgraded) {
            return;
        }
        self.phase = Phase::Over(ending);
        self.outbound = Vec::new();
        self.upgrade = None;
        ALL.into_iter().for_each(|party| self.wake(party));
    }

    /// Whether a client that names the session is heard.
    pub fn is_known(&self) -> bool {
        !matches!(self.phase, Phase::Over(ending) if ending != Ending::Closed { grace: true })
    }

    /// Whether there is nobody at the other end any more.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether what is written now would leave at once.
    pub fn is_writable(&self) -> bool {
        match self.phase {
            Phase::Open => self.get.is_some() && self.outbound.is_empty(),
            phase => phase == Phase::Upgraded,
        }
    }

    /// Whether last words wait for a GET.
    fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }
}

/// The driver's side.
impl Machine {
    /// Reads frames that came in POSTs.
    pub fn read(&mut self, cx: &Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let unread = &self.inbound[self.read..];
        if !unread.is_empty() {
            let count = unread.len().min(buffer.remaining());
            buffer.put_slice(&unread[..count]);
            self.read += count;
            if self.read == self.inbound.len() {
                (self.inbound, self.read) = (Vec::new(), 0);
            }
            if self.has_room() {
                self.wake(Party::Post);
            }
            return Poll::Ready(Ok(()));
        }
        match self.phase {
            Phase::Open | Phase::Upgraded => self.wait(Party::Reader, cx),
            Phase::Finishing | Phase::Finished => Poll::Ready(Ok(())),
            Phase::Over(Ending::Closed { .. } | Ending::Done | Ending::Abandoned) => Poll::Ready(Ok(())),
            Phase::Over(Ending::Broken) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Phase::Over(Ending::Malformed) => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Takes all that the driver writes, if there is somebody to take it.
    pub fn write(&mut self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.phase {
            Phase::Open if self.get.is_none() || self.outbound.len() >= OUTBOUND => {
                self.wait(Party::Writer, cx)
            }
            Phase::Open | Phase::Finishing => {
                slices.iter().for_each(|slice| self.outbound.extend_from_slice(slice));
                self.wake(Party::Get);
                Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
            }
            Phase::Upgraded => self.wait(Party::Writer, cx),
            Phase::Finished | Phase::Over(_) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// From now on the driver writes its last words.
    pub fn finish(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Finishing;
            self.wake(Party::Writer);
        }
    }

    /// The driver has written all it has to say.
    pub fn shut_down(&mut self) {
        if matches!(self.phase, Phase::Open | Phase::Finishing) {
            self.phase = Phase::Finished;
            [Party::Reader, Party::Get, Party::Post].into_iter().for_each(|party| self.wake(party));
        }
    }

    /// The driver has gone.
    pub fn abandon(&mut self) {
        match self.phase {
            Phase::Finishing => self.shut_down(),
            Phase::Finished => {}
            _ => self.end(Ending::Abandoned),
        }
    }
}

/// The side of the requests.
impl Machine {
    /// A GET begins to wait. `Ok(Some(..))` when it need not.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn begin_get(&mut self) -> Result<Option<Answer>, Refusal> {
        match self.phase {
            Phase::Over(Ending::Closed { grace: true }) => {
                self.end_grace();
                Ok(Some(Answer::Noop))
            }
            Phase::Over(_) => Err(Refusal::Unknown),
            Phase::Upgraded => Err(Refusal::Upgraded),
            _ if self.get.is_some() => {
                self.end(Ending::Broken);
                Err(Refusal::Overlap)
            }
            _ => {
                self.get = Some(Get { is_late: self.upgrade.is_some() });
                self.wake(Party::Writer);
                Ok(None)
            }
        }
    }

    /// Whether the GET that waits came while an upgrade was under way.
    pub fn waits_for_upgrade(&self) -> bool {
        self.get.is_some_and(|get| get.is_late)
    }

    /// What the GET is answered, once that is known. `is_late` says that it should not wait for the outcome of an
    /// upgrade any longer.
    pub fn poll_get(&mut self, cx: &Context<'_>, is_late: bool) -> Poll<Answer> {
        let Some(get) = self.get else { return Poll::Ready(Answer::Close) };
        let answer = match self.phase {
            Phase::Over(Ending::Closed { .. }) => Answer::Noop,
            Phase::Over(_) => Answer::Close,
            Phase::Upgraded if get.is_late => Answer::Upgraded,
            Phase::Upgraded => Answer::Noop,
            // What follows comes at once.
            Phase::Finishing => return self.wait(Party::Get, cx),
            Phase::Open | Phase::Finished => match self.take_frames() {
                Some(frames) => Answer::Frames(frames),
                None if self.phase == Phase::Finished => Answer::Close,
                None if is_late && get.is_late => Answer::Noop,
                None if !get.is_late && self.upgrade.is_some_and(|upgrade| upgrade.is_probed) => Answer::Noop,
                None => return self.wait(Party::Get, cx),
            },
        };
        self.get = None;
        if self.phase == Phase::Finished {
            self.end(Ending::Done);
        }
        Poll::Ready(answer)
    }

    /// The whole frames that the driver wrote. The beginning of another one stays.
    fn take_frames(&mut self) -> Option<Vec<u8>> {
        let length = frames::whole(&self.outbound);
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
                self.end(Ending::Broken);
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
    /// The session did not last as long as the body took to come.
    pub fn deliver(&mut self, frames: Vec<u8>, after: After) -> Result<(), Refusal> {
        match self.phase {
            Phase::Open if self.inbound.is_empty() => self.inbound = frames,
            Phase::Open => self.inbound.extend_from_slice(&frames),
            // Who writes last words does not listen any more.
            Phase::Finishing | Phase::Finished => {}
            Phase::Upgraded => return Err(Refusal::Upgraded),
            Phase::Over(_) => return Err(Refusal::Unknown),
        }
        self.wake(Party::Reader);
        match after {
            After::Open => {}
            After::Closed => self.end(Ending::Closed { grace: self.get.is_none() }),
            After::Malformed => self.end(Ending::Malformed),
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        self.phase != Phase::Open || self.inbound.len() - self.read < INBOUND
    }

    /// Ready when the POST may be answered.
    pub fn poll_post(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.has_room() || self.phase == Phase::Over(Ending::Closed { grace: true }) {
            return self.wait(Party::Post, cx);
        }
        self.has_post = false;
        Poll::Ready(())
    }

    /// The POST is answered without having been delivered.
    pub fn leave_post(&mut self) {
        self.has_post = false;
    }

    /// No GET comes that was on its way when the client closed the session.
    pub fn end_grace(&mut self) {
        if self.phase == Phase::Over(Ending::Closed { grace: true }) {
            self.phase = Phase::Over(Ending::Closed { grace: false });
            self.wake(Party::Post);
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
            self.wake(Party::Get);
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
                [Party::Get, Party::Post].into_iter().for_each(|party| self.wake(party));
                Ok(outbound)
            }
            _ => {
                self.end(Ending::Done);
                Err(outbound)
            }
        }
    }

    /// What POSTs brought before the WebSocket took over: the driver reads it first.
    pub fn take_inbound(&mut self) -> Vec<u8> {
        let mut inbound = std::mem::take(&mut self.inbound);
        inbound.drain(..std::mem::take(&mut self.read));
        [Party::Reader, Party::Writer].into_iter().for_each(|party| self.wake(party));
        inbound
    }

    /// The WebSocket that took over has gone before the driver got it.
    pub fn lose_upgrade(&mut self) {
        if self.phase == Phase::Upgraded {
            self.phase = Phase::Over(Ending::Broken);
            ALL.into_iter().for_each(|party| self.wake(party));
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
