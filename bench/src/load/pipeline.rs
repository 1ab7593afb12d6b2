//! Calls as frames that were encoded beforehand: the cheapest client there can be, the same for every server
//! whose [`Wire`] it is given.

use std::{
    any::Any,
    io::{ErrorKind, Read as _, Write as _},
    net::{self, SocketAddr},
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
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a connection and makes one call on it, so that the server has set up all that a connection needs.
pub fn open<W: Wire>(server: SocketAddr, wire: W) -> Result<net::TcpStream> {
    let mut stream = net::TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    wire.greet(&mut stream)?;
    stream.write_all(&wire.request())?;
    let (mut inbox, mut answered) = (Vec::new(), false);
    while !answered || !inbox.is_empty() {
        let mut more = [0; 256];
        let read = stream.read(&mut more).context("no reply to the first call")?;
        ensure!(read > 0, "the server closed the connection after the first call");
        inbox.extend_from_slice(&more[..read]);
        while let Some(incoming) = wire.first(&inbox)? {
            inbox.drain(..incoming.length);
            match incoming.content {
                Content::Reply(id) => {
                    ensure!(id == W::FIRST_ID && !answered, "a reply to something else than the first call");
                    answered = true;
                }
                Content::Ping => stream.write_all(&wire.pong())?,
            }
        }
    }
    Ok(stream)
}

/// Opens connections, which stay open until the result is dropped.
pub fn open_many(server: SocketAddr, wire: impl Wire, count: usize) -> Result<Box<dyn Any>> {
    let streams: Vec<_> = (0..count).map(|_| open(server, wire)).collect::<Result<_>>()?;
    Ok(Box::new(streams))
}

/// Calls `echo` in the given shape and measures the server.
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
        let mut connection = Connection::open(server, wire, shape.in_flight)?;
        poll.registry().register(&mut connection.stream, Token(index), Interest::READABLE)?;
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
    let mut messages = 0;
    let stopwatch = Stopwatch::start(clock)?;
    while stopwatch.elapsed() < window.measured {
        messages += round(&mut latency)?;
    }
    let (cpu, wall) = stopwatch.stop()?;
    Ok(Sample { messages, wall, cpu, latency })
}

struct Connection<W> {
    wire: W,
    stream: TcpStream,
    /// When each slot's request was written; the slot of a request is its id modulo their number.
    written: Vec<Instant>,
    /// The next request; only its id changes.
    request: Vec<u8>,
    inbox: Box<[u8]>,
    /// How much of the inbox is the start of a reply that has not come whole.
    pending: usize,
    outbox: Vec<u8>,
}

impl<W: Wire> Connection<W> {
    fn open(server: SocketAddr, wire: W, in_flight: usize) -> Result<Self> {
        let stream = open(server, wire)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            wire,
            stream: TcpStream::from_std(stream),
            written: vec![Instant::now(); in_flight],
            request: wire.request(),
            inbox: vec![0; 16 * 1024].into(),
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
        Ok(replies)
    }

    /// Takes the whole messages from the first `filled` bytes of the inbox.
    fn answer(&mut self, filled: usize, latency: &mut Latency) -> Result<u64> {
        let now = Instant::now();
        let slots = self.written.len();
        let (mut replies, mut start) = (0, 0);
        while let Some(incoming) = self.wire.first(&self.inbox[start..filled])? {
            start += incoming.length;
            let Content::Reply(id) = incoming.content else {
                self.outbox.extend(self.wire.pong());
                continue;
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
        self.wire.set_id(&mut self.request, id);
        self.outbox.extend_from_slice(&self.request);
    }

    fn flush(&mut self) -> Result<()> {
        if !self.outbox.is_empty() {
            // A window of requests is far smaller than a socket's buffer.
            let written = self.stream.write(&self.outbox)?;
            ensure!(written == self.outbox.len(), "the server does not read");
            self.outbox.clear();
        }
        Ok(())
    }
}
