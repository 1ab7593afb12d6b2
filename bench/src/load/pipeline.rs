//! Calls as frames that were encoded beforehand: the cheapest client there can be, the same for every server
//! that takes bytes.

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
    wire,
};

/// A server that is silent for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a connection and makes one call on it, so that the server has set up all that a connection needs.
pub fn open(server: SocketAddr, reply_length: usize) -> Result<net::TcpStream> {
    let mut stream = net::TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&wire::request(wire::FIRST_ID))?;
    let mut reply = vec![0; reply_length];
    stream.read_exact(&mut reply).context("no reply to the first call")?;
    ensure!(wire::reply_id(&reply)? == wire::FIRST_ID, "the reply to the first call has another id");
    Ok(stream)
}

/// Opens connections, which stay open until the result is dropped.
pub fn open_many(server: SocketAddr, reply_length: usize, count: usize) -> Result<Box<dyn Any>> {
    let streams: Vec<_> = (0..count).map(|_| open(server, reply_length)).collect::<Result<_>>()?;
    Ok(Box::new(streams))
}

/// Calls `echo` in the given shape and measures the server.
pub fn run(
    server: SocketAddr,
    reply_length: usize,
    shape: Shape,
    window: Window,
    clock: CpuClock,
) -> Result<Sample> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(shape.connections);
    let mut connections = Vec::with_capacity(shape.connections);
    for index in 0..shape.connections {
        let mut connection = Connection::open(server, reply_length, shape.in_flight)?;
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

struct Connection {
    stream: TcpStream,
    /// When each slot's request was written; the slot of a request is its id modulo their number.
    written: Vec<Instant>,
    /// The next request; only its id changes.
    request: Vec<u8>,
    reply_length: usize,
    inbox: Box<[u8]>,
    /// How much of the inbox is the start of a reply that has not come whole.
    pending: usize,
    outbox: Vec<u8>,
}

impl Connection {
    fn open(server: SocketAddr, reply_length: usize, in_flight: usize) -> Result<Self> {
        let stream = open(server, reply_length)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            written: vec![Instant::now(); in_flight],
            request: wire::request(0),
            reply_length,
            inbox: vec![0; 16 * 1024].into(),
            pending: 0,
            outbox: Vec::new(),
        })
    }

    /// Writes the first request of every slot.
    fn fill(&mut self) -> Result<()> {
        let slots = u32::try_from(self.written.len())?;
        // A multiple of their number, so that an id's remainder is its slot.
        let first = wire::FIRST_ID.next_multiple_of(slots);
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

    /// Takes the whole replies from the first `filled` bytes of the inbox.
    fn answer(&mut self, filled: usize, latency: &mut Latency) -> Result<u64> {
        let now = Instant::now();
        let slots = self.written.len();
        let whole = filled - filled % self.reply_length;
        for start in (0..whole).step_by(self.reply_length) {
            let id = wire::reply_id(&self.inbox[start..start + self.reply_length])?;
            let written = &mut self.written[id as usize % slots];
            latency.record(now.duration_since(*written));
            *written = now;
            self.push_request(id + u32::try_from(slots)?);
        }
        self.inbox.copy_within(whole..filled, 0);
        self.pending = filled - whole;
        self.flush()?;
        Ok((whole / self.reply_length) as u64)
    }

    fn push_request(&mut self, id: u32) {
        wire::set_id(&mut self.request, id);
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
