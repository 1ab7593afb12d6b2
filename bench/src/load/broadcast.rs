//! Thousands of sockets that wait for the same event.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::pipeline;
use crate::{
    measure::{
        Sample, Window,
        cpu::{CpuClock, Stopwatch},
        latency::Latency,
    },
    wire::Wire,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Has one of `count` connections ask for a broadcast, waits until all of them have it, and asks for the next.
pub fn run(
    server: SocketAddr,
    wire: impl Wire,
    count: usize,
    window: Window,
    clock: CpuClock,
) -> Result<Sample> {
    let mut audience = Audience::open(server, wire, count)?;
    let warm_up = Instant::now();
    while warm_up.elapsed() < window.warm_up {
        audience.broadcast()?;
    }
    let mut latency = Latency::new();
    let mut messages = 0;
    let stopwatch = Stopwatch::start(clock)?;
    while stopwatch.elapsed() < window.measured {
        let begin = Instant::now();
        audience.broadcast()?;
        latency.record(begin.elapsed());
        messages += count as u64;
    }
    let (cpu, wall) = stopwatch.stop()?;
    Ok(Sample { messages, wall, cpu, latency })
}

struct Listener {
    stream: TcpStream,
    /// Bytes of the current event that have come.
    received: usize,
}

struct Audience {
    poll: Poll,
    events: Events,
    listeners: Vec<Listener>,
    news: Vec<u8>,
    announce: Vec<u8>,
    ping: Vec<u8>,
    pong: Vec<u8>,
}

impl Audience {
    fn open(server: SocketAddr, wire: impl Wire, count: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::with_capacity(count);
        for index in 0..count {
            let stream = pipeline::open(server, wire)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            listeners.push(Listener { stream, received: 0 });
        }
        let events = Events::with_capacity(1024);
        let (news, announce) = (wire.news(), wire.announce());
        Ok(Self { poll, events, listeners, news, announce, ping: wire.ping(), pong: wire.pong() })
    }

    /// One event, asked for and delivered to everybody.
    fn broadcast(&mut self) -> Result<()> {
        self.listeners[0].stream.write_all(&self.announce)?;
        let mut missing = self.listeners.len();
        while missing > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            ensure!(!self.events.is_empty(), "{missing} of {} have no event", self.listeners.len());
            for event in &self.events {
                let listener = &mut self.listeners[event.token().0];
                let mut buffer = [0; 256];
                let mut bytes = listener.read(&mut buffer)?;
                let ping = &self.ping[..];
                if let Some(rest) = bytes.strip_prefix(ping).or_else(|| bytes.strip_suffix(ping))
                    && !ping.is_empty()
                {
                    listener.stream.write_all(&self.pong)?;
                    bytes = rest;
                }
                if listener.take(bytes, &self.news)? {
                    missing -= 1;
                }
            }
        }
        self.listeners.iter_mut().for_each(|listener| listener.received = 0);
        Ok(())
    }
}

impl Listener {
    /// Reads what has come.
    ///
    /// With room for more than the event, so that a second one would be noticed, and so that a read which does not
    /// fill the buffer is known to have emptied the socket.
    fn read<'a>(&mut self, buffer: &'a mut [u8; 256]) -> Result<&'a [u8]> {
        match self.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => Ok(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(&[]),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes some of the event; true when that completes it.
    fn take(&mut self, bytes: &[u8], news: &[u8]) -> Result<bool> {
        let expected = &news[self.received..];
        ensure!(expected.starts_with(bytes), "not the event: {}", bytes.escape_ascii());
        self.received += bytes.len();
        Ok(!bytes.is_empty() && self.received == news.len())
    }
}
