//! The state of a polling session, without any I/O: the pending requests, and the tasks that wait.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;
use tokio::io::ReadBuf;

/// Past so many bytes that a GET is about to take, the driver has to wait.
const OUTBOUND: usize = 256 * 1024;

/// Whom a change concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Reader,
    Writer,
    Get,
    Post,
    Upgrade,
}

const PARTIES: usize = 5;
pub(super) const ALL: [Party; PARTIES] =
    [Party::Reader, Party::Writer, Party::Get, Party::Post, Party::Upgrade];

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides exchange packets.
    Open,
    /// The driver writes its last packets, which need no pending GET.
    Finishing,
    /// The driver is done; its last packets wait for a GET.
    Finished,
    /// A WebSocket takes the place.
    Upgraded,
    /// Nothing goes either way any more.
    Over(SessionEnd),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The client closed it. A GET that was sent at the same time is answered as if it had been pending.
    Closed {
        /// Whether such a GET may still be received.
        grace: bool,
    },
    /// The client received the last packets.
    Done,
    /// Requests overlapped, or one was given up.
    Broken,
    /// A body was no payload.
    Malformed,
    /// The driver ended without a last packet.
    Abandoned,
}

impl SessionEnd {
    /// How the driver's stream ends.
    fn outcome(self) -> io::Result<()> {
        match self {
            Self::Closed { .. } | Self::Done | Self::Abandoned => Ok(()),
            Self::Broken => Err(io::ErrorKind::ConnectionReset.into()),
            Self::Malformed => Err(io::ErrorKind::InvalidData.into()),
        }
    }
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
pub enum PostOutcome {
    /// As it was.
    Open,
    /// Closed, since one of its packets is `1`.
    Closed,
    /// Over, since it is no payload.
    Malformed,
}

/// An upgrade under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upgrade {
    pub(super) is_probed: bool,
}

/// A GET that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Get {
    /// It was received during an upgrade, and is answered with its outcome.
    pub(super) is_late: bool,
}

/// The state of one session.
#[derive(Clone, Debug)]
pub struct Machine {
    pub(super) phase: Phase,
    /// Frames of POSTs; the driver has read those before `read`.
    pub(super) inbound: Vec<u8>,
    pub(super) read: usize,
    /// What the driver wrote and no GET took.
    pub(super) outbound: Vec<u8>,
    pub(super) get: Option<Get>,
    /// How many packets a GET takes at most.
    pub(super) most: usize,
    pub(super) has_post: bool,
    pub(super) upgrade: Option<Upgrade>,
    waiting: [Option<Waker>; PARTIES],
    woken: SmallVec<[Waker; 2]>,
    spent: SmallVec<[Waker; 2]>,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Machine {
    /// A new session, whose GETs take so many packets at most.
    pub fn new(most: usize) -> Self {
        Self {
            phase: Phase::Open,
            inbound: Vec::new(),
            read: 0,
            outbound: Vec::new(),
            get: None,
            most,
            has_post: false,
            upgrade: None,
            waiting: [const { None }; PARTIES],
            woken: SmallVec::new(),
            spent: SmallVec::new(),
        }
    }

    /// Who is to be woken, once whatever lock there is has been released.
    pub fn take_woken(&mut self) -> SmallVec<[Waker; 2]> {
        std::mem::take(&mut self.woken)
    }

    pub(super) fn wake(&mut self, parties: &[Party]) {
        for party in parties {
            self.woken.extend(self.waiting[*party as usize].take());
        }
    }

    /// Wakers that are not needed any more, to be dropped then: they may be of an executor of the program's.
    pub fn take_spent(&mut self) -> SmallVec<[Waker; 2]> {
        std::mem::take(&mut self.spent)
    }

    pub(super) fn wait<T>(&mut self, party: Party, cx: &Context<'_>) -> Poll<T> {
        let waiting = &mut self.waiting[party as usize];
        if !waiting.as_ref().is_some_and(|waiting| waiting.will_wake(cx.waker())) {
            self.spent.extend(waiting.replace(cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Ends the session, unless it has ended in another way before.
    pub fn end(&mut self, ending: SessionEnd) {
        if matches!(self.phase, Phase::Over(_) | Phase::Upgraded) {
            return;
        }
        self.phase = Phase::Over(ending);
        self.outbound = Vec::new();
        self.upgrade = None;
        self.wake(&ALL);
    }

    /// Whether requests of the session are accepted.
    pub fn is_known(&self) -> bool {
        !matches!(self.phase, Phase::Over(ending) if ending != SessionEnd::Closed { grace: true })
    }

    /// Whether the session has ended for the client.
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

    /// Whether last packets wait for a GET.
    pub(super) fn is_finished(&self) -> bool {
        self.phase == Phase::Finished
    }
}

/// The driver's side.
impl Machine {
    /// Reads frames that were received in POSTs.
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
                self.wake(&[Party::Post]);
            }
            return Poll::Ready(Ok(()));
        }
        match self.phase {
            Phase::Open | Phase::Upgraded => self.wait(Party::Reader, cx),
            Phase::Finishing | Phase::Finished => Poll::Ready(Ok(())),
            Phase::Over(ending) => Poll::Ready(ending.outcome()),
        }
    }

    /// Takes everything that the driver writes, if a GET or the end of the session takes it.
    pub fn write(&mut self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.phase {
            Phase::Open if self.get.is_none() || self.outbound.len() >= OUTBOUND => {
                self.wait(Party::Writer, cx)
            }
            Phase::Open | Phase::Finishing => {
                for slice in slices {
                    self.outbound.extend_from_slice(slice);
                }
                self.wake(&[Party::Get]);
                Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
            }
            Phase::Upgraded => self.wait(Party::Writer, cx),
            Phase::Finished => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            // As with any stream, reading is what reports that the peer has closed it.
            Phase::Over(ending) => {
                Poll::Ready(ending.outcome().map(|()| slices.iter().map(|slice| slice.len()).sum()))
            }
        }
    }

    /// From now on the driver writes its last packets.
    pub fn finish(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Finishing;
            self.wake(&[Party::Reader, Party::Writer, Party::Post]);
        }
    }

    /// The driver has written its last packet.
    pub fn shut_down(&mut self) {
        if matches!(self.phase, Phase::Open | Phase::Finishing) {
            self.phase = Phase::Finished;
            self.wake(&[Party::Reader, Party::Writer, Party::Get, Party::Post]);
        }
    }

    /// The driver was dropped.
    pub fn abandon(&mut self) {
        match self.phase {
            Phase::Finishing => self.shut_down(),
            Phase::Finished => {}
            _ => self.end(SessionEnd::Abandoned),
        }
    }
}
