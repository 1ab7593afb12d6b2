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
    wire,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Has one of `count` connections ask for a broadcast, waits until all of them have it, and asks for the next.
pub fn run(
    server: SocketAddr,
    reply_length: usize,
    count: usize,
    window: Window,
    clock: CpuClock,
) -> Result<Sample> {
    let mut audience = Audience::open(server, reply_length, count)?;
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
}

impl Audience {
    fn open(server: SocketAddr, reply_length: usize, count: usize) -> Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::with_capacity(count);
        for index in 0..count {
            let stream = pipeline::open(server, reply_length)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            listeners.push(Listener { stream, received: 0 });
        }
        let events = Events::with_capacity(1024);
        Ok(Self { poll, events, listeners, news: wire::news(), announce: wire::announce() })
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
                if listener.read(&self.news)? {
                    missing -= 1;
                }
            }
        }
        self.listeners.iter_mut().for_each(|listener| listener.received = 0);
        Ok(())
    }
}

impl Listener {
    /// Reads what has come; true when that completes the event.
    fn read(&mut self, news: &[u8]) -> Result<bool> {
        // Room for more than the event, so that a second one would be noticed, and so that a read which does
        // not fill the buffer is known to have emptied the socket.
        let mut buffer = [0; 256];
        let bytes = match self.stream.read(&mut buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let expected = &news[self.received..];
        ensure!(expected.starts_with(bytes), "not the event: {}", bytes.escape_ascii());
        self.received += bytes.len();
        Ok(self.received == news.len())
    }
}
