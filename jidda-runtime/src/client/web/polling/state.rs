//! The state of a session without any I/O: what waits for requests, and for the connection.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;
use tokio::io::ReadBuf;

use super::payload;
use crate::transport::Stream;

/// Past so many bytes that no request took, the connection has to wait.
const OUTBOUND: usize = 256 * 1024;
/// Past so many bytes that the connection has not read, no other GET is sent.
const INBOUND: usize = 256 * 1024;

/// Who waits for a change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Party {
    Reader,
    Writer,
    Courier,
}

/// How far a session is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Packets go both ways.
    Open,
    /// The connection has written its last packet.
    Finished,
    /// The connection is gone: what it wrote is not sent.
    Abandoned,
    /// A WebSocket takes the place.
    Upgraded,
    /// Nothing goes either way any more. An error is for the connection to read.
    Over(Option<io::Error>),
}

/// The state of one session.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    /// Frames of the server; the connection has read those before `read`.
    inbound: Vec<u8>,
    read: usize,
    /// Frames of the connection that no request took.
    outbound: Vec<u8>,
    /// The connection is closing, and writes its last packets without waiting.
    is_closing: bool,
    /// An upgrade is about to be complete: no request is to begin.
    pub(super) is_paused: bool,
    /// How many requests are under way.
    pub(super) under_way: usize,
    /// The WebSocket that took over, until the connection has it.
    pub(super) successor: Option<Box<Stream>>,
    waiting: [Option<Waker>; 3],
    woken: SmallVec<[Waker; 3]>,
}

impl State {
    /// A session of which these frames were received with its handshake.
    pub(super) fn new(inbound: Vec<u8>) -> Self {
        Self {
            phase: Phase::Open,
            inbound,
            read: 0,
            outbound: Vec::new(),
            is_closing: false,
            is_paused: false,
            under_way: 0,
            successor: None,
            waiting: [const { None }; 3],
            woken: SmallVec::new(),
        }
    }

    /// Who is to be woken, once the lock has been released.
    pub(super) fn take_woken(&mut self) -> SmallVec<[Waker; 3]> {
        std::mem::take(&mut self.woken)
    }

    pub(super) fn wake(&mut self, party: Party) {
        self.woken.extend(self.waiting[party as usize].take());
    }

    pub(super) fn wait<T>(&mut self, party: Party, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waiting[party as usize] {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

/// The connection's side.
impl State {
    pub(super) fn read(&mut self, cx: &Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let unread = &self.inbound[self.read..];
        if !unread.is_empty() {
            let had_room = self.has_room();
            let unread = &self.inbound[self.read..];
            let count = unread.len().min(buffer.remaining());
            buffer.put_slice(&unread[..count]);
            self.read += count;
            if self.read == self.inbound.len() {
                (self.inbound, self.read) = (Vec::new(), 0);
            }
            if !had_room && self.has_room() {
                self.wake(Party::Courier);
            }
            return Poll::Ready(Ok(()));
        }
        match &mut self.phase {
            Phase::Over(error) => Poll::Ready(error.take().map_or(Ok(()), Err)),
            Phase::Open | Phase::Upgraded => self.wait(Party::Reader, cx),
            Phase::Finished | Phase::Abandoned => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn write(&mut self, cx: &Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let count = slices.iter().map(|slice| slice.len()).sum();
        match self.phase {
            Phase::Open => {
                // The rest of a frame is always taken: no request can have its beginning.
                let is_full = self.outbound.len() >= OUTBOUND && payload::has_whole_frame(&self.outbound);
                if is_full && !self.is_closing {
                    return self.wait(Party::Writer, cx);
                }
                for slice in slices {
                    self.outbound.extend_from_slice(slice);
                }
                self.wake(Party::Courier);
                Poll::Ready(Ok(count))
            }
            Phase::Upgraded => self.wait(Party::Writer, cx),
            // As with any stream, reading is what reports that the peer has closed it.
            Phase::Over(_) => Poll::Ready(Ok(count)),
            Phase::Finished | Phase::Abandoned => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// The connection writes its last packets from now on.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        self.wake(Party::Writer);
    }

    /// The connection has written its last packet.
    pub(super) fn finish(&mut self) {
        self.leave(Phase::Finished);
    }

    /// The connection is gone.
    pub(super) fn abandon(&mut self) {
        if !matches!(self.phase, Phase::Finished) {
            self.outbound = Vec::new();
            self.leave(Phase::Abandoned);
        }
    }

    fn leave(&mut self, phase: Phase) {
        if matches!(self.phase, Phase::Open) {
            self.phase = phase;
            self.inbound = Vec::new();
            self.read = 0;
            self.wake(Party::Reader);
            self.wake(Party::Courier);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }
}

/// The courier's side.
impl State {
    /// Whether the connection has read enough for another GET.
    pub(super) fn has_room(&self) -> bool {
        self.inbound.len() - self.read < INBOUND
    }

    /// Takes in what a response had.
    pub(super) fn receive(&mut self, frames: &[u8]) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        self.inbound.drain(..std::mem::take(&mut self.read));
        self.inbound.extend_from_slice(frames);
        self.wake(Party::Reader);
    }

    /// What the connection wrote and no request took, for the one who takes from its beginning.
    pub(super) fn outbound(&mut self) -> &mut Vec<u8> {
        &mut self.outbound
    }

    /// So many bytes of it were taken.
    pub(super) fn take(&mut self, count: usize) {
        self.outbound.drain(..count);
        if self.outbound.is_empty() {
            self.outbound = Vec::new();
        }
        self.wake(Party::Writer);
    }

    /// The session is over. What the connection has not read stays for it.
    pub(super) fn end(&mut self, error: Option<io::Error>) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Over(error);
            self.outbound = Vec::new();
            self.wake(Party::Reader);
            self.wake(Party::Writer);
            self.wake(Party::Courier);
        }
    }

    /// A WebSocket is about to take over: nothing is written to the session any more. What is to be written to the
    /// WebSocket first.
    pub(super) fn begin_to_switch(&mut self) -> Vec<u8> {
        self.phase = Phase::Upgraded;
        std::mem::take(&mut self.outbound)
    }

    /// The WebSocket takes over. What was received and not read goes before what it has.
    pub(super) fn switch(&mut self, stream: Stream) {
        let mut inbound = std::mem::take(&mut self.inbound);
        inbound.drain(..std::mem::take(&mut self.read));
        self.successor = Some(Box::new(stream.with_rewind(inbound)));
        self.wake(Party::Reader);
        self.wake(Party::Writer);
    }
}
