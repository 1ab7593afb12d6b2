//! Calls as frames that were encoded beforehand: the cheapest client there can be, the same for every server
//! whose [`Wire`] it is given.

use std::{
    any::Any,
    io::{ErrorKind, Read as _, Write as _},
    net::{self, SocketAddr},
    ops::Range,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::Shape;
use crate::{
    measure::{
        Sample, Window,
        cpu::{CpuClock, Stopwatch},
        latency::Latency,
    },
    wire::{Content, Wire},
};

/// A server that is silent for so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a load reads at a time: some of the largest replies.
pub const INBOX: usize = 64 * 1024;

/// Opens a connection and makes one call on it, so that the server has set up all that a connection needs.
pub fn open<W: Wire>(server: SocketAddr, wire: W) -> Result<net::TcpStream> {
    let mut stream = net::TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    wire.greet(&mut stream)?;
    stream.write_all(&wire.requests()[0])?;
    await_replies(&mut stream, wire, 1)?;
    Ok(stream)
}

/// Joins rooms, if the server wants to be told.
pub fn join(stream: &mut net::TcpStream, wire: impl Wire, rooms: Range<usize>) -> Result<()> {
    /// So many that the replies to all of them fit into the buffers of a socket.
    const AT_ONCE: usize = 100;
    let rooms: Vec<usize> = rooms.collect();
    for rooms in rooms.chunks(AT_ONCE) {
        let requests: Vec<_> = rooms.iter().filter_map(|&room| wire.join(room)).collect();
        stream.write_all(&requests.concat())?;
        await_replies(stream, wire, requests.len())?;
    }
    Ok(())
}

/// Waits for the replies to as many calls with the first id, and for nothing else.
fn await_replies<W: Wire>(stream: &mut net::TcpStream, wire: W, mut missing: usize) -> Result<()> {
    let mut inbox = Vec::new();
    while missing > 0 || !inbox.is_empty() {
        let mut more = [0; 4096];
        let read = stream.read(&mut more).context("no reply to a first call")?;
        ensure!(read > 0, "the server closed the connection after a first call");
        inbox.extend_from_slice(&more[..read]);
        while let Some(incoming) = wire.first(&inbox)? {
            inbox.drain(..incoming.length);
            match incoming.content {
                Content::Reply(id) => {
                    ensure!(id == W::FIRST_ID && missing > 0, "a reply to something else than a first call");
                    missing -= 1;
                }
                Content::Ping => stream.write_all(&wire.pong())?,
                Content::Note => {}
            }
        }
    }
    Ok(())
}

/// Opens connections, which stay open until the result is dropped.
pub fn open_many(server: SocketAddr, wire: impl Wire, count: usize) -> Result<Box<dyn Any>> {
    let streams: Vec<_> = (0..count).map(|_| open(server, wire)).collect::<Result<_>>()?;
    Ok(Box::new(streams))
}

/// Calls in the given shape and measures the server.
pub fn run(
    server: SocketAddr,
    wire: impl Wire,
    shape: Shape,
    window: Window,
    clock: CpuClock,
) -> Result<Sample> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(shape.connections);
    let mut connections = Vec::with_capacity(shape.connections);
    for index in 0..shape.connections {
        let mut connection = Connection::open(server, wire, shape)?;
        // When there is room for what a socket did not take, it becomes writable once more.
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut connection.stream, Token(index), interest)?;
        connections.push(connection);
    }
    for connection in &mut connections {
        connection.fill()?;
    }

    let mut round = |latency: &mut Latency| -> Result<u64> {
        poll.poll(&mut events, Some(PATIENCE))?;
        ensure!(!events.is_empty(), "the server has fallen silent");
        events.iter().map(|event| connections[event.token().0].advance(latency)).sum()
    };

    let warm_up = Instant::now();
    while warm_up.elapsed() < window.warm_up {
        round(&mut Latency::new())?;
    }
    let mut latency = Latency::new();
    let mut calls = 0;
    let stopwatch = Stopwatch::start(clock)?;
    while stopwatch.elapsed() < window.measured {
        calls += round(&mut latency)?;
    }
    let (cpu, wall) = stopwatch.stop()?;
    Ok(Sample { messages: calls * (shape.notes as u64 + 1), wall, cpu, latency })
}

struct Connection<W> {
    wire: W,
    stream: TcpStream,
    /// When each slot's request was written; the slot of a request is its id modulo their number.
    written: Vec<Instant>,
    /// The next requests, in turn; only their ids change.
    requests: Vec<Vec<u8>>,
    turn: usize,
    /// What goes in front of each request.
    notes: Vec<u8>,
    inbox: Box<[u8]>,
    /// How much of the inbox is the start of a reply that has not come whole.
    pending: usize,
    outbox: Vec<u8>,
}

impl<W: Wire> Connection<W> {
    fn open(server: SocketAddr, wire: W, shape: Shape) -> Result<Self> {
        let stream = open(server, wire)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            wire,
            stream: TcpStream::from_std(stream),
            written: vec![Instant::now(); shape.in_flight],
            requests: wire.requests(),
            turn: 0,
            notes: wire.note().repeat(shape.notes),
            inbox: vec![0; INBOX].into(),
            pending: 0,
            outbox: Vec::new(),
        })
    }

    /// Writes the first request of every slot.
    fn fill(&mut self) -> Result<()> {
        let slots = u32::try_from(self.written.len())?;
        // A multiple of their number, so that an id's remainder is its slot.
        let first = W::FIRST_ID.next_multiple_of(slots);
        for slot in 0..slots {
            self.push_request(first + slot);
        }
        self.written.fill(Instant::now());
        self.flush()
    }

    /// Reads what has come and writes a request for each reply. Returns the number of replies.
    fn advance(&mut self, latency: &mut Latency) -> Result<u64> {
        let mut replies = 0;
        loop {
            let room = self.inbox.len() - self.pending;
            let read = match self.stream.read(&mut self.inbox[self.pending..]) {
                Ok(0) => anyhow::bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            replies += self.answer(self.pending + read, latency)?;
            // The socket had no more than this; the next bytes will be a new event.
            if read < room {
                break;
            }
        }
        self.flush()?;
        Ok(replies)
    }

    /// Takes the whole messages from the first `filled` bytes of the inbox.
    fn answer(&mut self, filled: usize, latency: &mut Latency) -> Result<u64> {
        let now = Instant::now();
        let slots = self.written.len();
        let (mut replies, mut start) = (0, 0);
        while let Some(incoming) = self.wire.first(&self.inbox[start..filled])? {
            start += incoming.length;
            let id = match incoming.content {
                Content::Reply(id) => id,
                Content::Ping => {
                    self.outbox.extend(self.wire.pong());
                    continue;
                }
                Content::Note => continue,
            };
            let written = &mut self.written[id as usize % slots];
            latency.record(now.duration_since(*written));
            *written = now;
            self.push_request(id + u32::try_from(slots)?);
            replies += 1;
        }
        self.inbox.copy_within(start..filled, 0);
        self.pending = filled - start;
        self.flush()?;
        Ok(replies)
    }

    fn push_request(&mut self, id: u32) {
        self.outbox.extend_from_slice(&self.notes);
        let request = &mut self.requests[self.turn];
        self.wire.set_id(request, id);
        self.outbox.extend_from_slice(request);
        self.turn = (self.turn + 1) % self.requests.len();
    }

    fn flush(&mut self) -> Result<()> {
        send(&mut self.stream, &mut self.outbox)
    }
}

/// Writes what the socket takes. What is left waits for the next event.
pub fn send(stream: &mut TcpStream, outbox: &mut Vec<u8>) -> Result<()> {
    while !outbox.is_empty() {
        match stream.write(outbox) {
            Ok(written) => drop(outbox.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
