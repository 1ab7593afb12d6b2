//! Thousands of sockets that wait for the same event.

use std::{
    any::Any,
    io::{ErrorKind, Read as _, Write as _},
    net::{self, SocketAddr},
    ops::Range,
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

/// The rooms of [`Gathering::Rooms`] where it is measured.
pub const ROOMS: usize = 100;
/// The members of each.
pub const MEMBERS: usize = 50;

/// Who is where, and who is told something.
#[derive(Clone, Copy, Debug)]
pub enum Gathering {
    /// So many sockets, and all of them are told.
    Hall(usize),
    /// Rooms of members of their own, and one room after another is told.
    Rooms {
        /// How many.
        rooms: usize,
        /// In each of them.
        members: usize,
    },
    /// Members who are in all of the rooms, and one room after another is told.
    Regulars {
        /// How many.
        rooms: usize,
        /// In all of them.
        members: usize,
    },
}

impl Gathering {
    fn sockets(self) -> usize {
        match self {
            Self::Hall(count) => count,
            Self::Rooms { rooms, members } => rooms * members,
            Self::Regulars { members, .. } => members,
        }
    }

    /// The rooms that a socket joins.
    fn rooms_of(self, socket: usize) -> Range<usize> {
        match self {
            Self::Hall(_) => 0..0,
            Self::Rooms { members, .. } => socket / members..socket / members + 1,
            Self::Regulars { rooms, .. } => 0..rooms,
        }
    }

    /// Its sockets, which stay open until the result is dropped.
    pub fn open(self, server: SocketAddr, wire: impl Wire) -> Result<Box<dyn Any>> {
        let sockets = (0..self.sockets()).map(|index| self.open_one(server, wire, index));
        Ok(Box::new(sockets.collect::<Result<Vec<_>>>()?))
    }

    fn open_one(self, server: SocketAddr, wire: impl Wire, index: usize) -> Result<net::TcpStream> {
        let mut stream = pipeline::open(server, wire)?;
        pipeline::join(&mut stream, wire, self.rooms_of(index))?;
        Ok(stream)
    }

    /// What there is to ask for, in turn: the message, and the sockets that are then told. The first of them asks.
    fn turns(self, wire: impl Wire) -> Vec<(Vec<u8>, Range<usize>)> {
        match self {
            Self::Hall(count) => vec![(wire.announce(), 0..count)],
            Self::Rooms { rooms, members } => {
                (0..rooms).map(|room| (wire.tell(room), room * members..(room + 1) * members)).collect()
            }
            Self::Regulars { rooms, members } => {
                (0..rooms).map(|room| (wire.tell(room), 0..members)).collect()
            }
        }
    }
}

/// Has a socket ask for a broadcast, waits until all have it that are told, and goes on with the next.
pub fn run(
    server: SocketAddr,
    wire: impl Wire,
    gathering: Gathering,
    window: Window,
    clock: CpuClock,
) -> Result<Sample> {
    let mut audience = Audience::open(server, wire, gathering)?;
    let mut turns = (0..audience.turns.len()).cycle();
    let mut broadcast = || audience.broadcast(turns.next().unwrap_or_default());
    let warm_up = Instant::now();
    while warm_up.elapsed() < window.warm_up {
        broadcast()?;
    }
    let mut latency = Latency::new();
    let mut messages = 0;
    let stopwatch = Stopwatch::start(clock)?;
    while stopwatch.elapsed() < window.measured {
        let begin = Instant::now();
        messages += broadcast()?;
        latency.record(begin.elapsed());
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
    turns: Vec<(Vec<u8>, Range<usize>)>,
    news: Vec<u8>,
    ping: Vec<u8>,
    pong: Vec<u8>,
}

impl Audience {
    fn open(server: SocketAddr, wire: impl Wire, gathering: Gathering) -> Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::with_capacity(gathering.sockets());
        for index in 0..gathering.sockets() {
            let stream = gathering.open_one(server, wire, index)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            listeners.push(Listener { stream, received: 0 });
        }
        let events = Events::with_capacity(1024);
        let (turns, news) = (gathering.turns(wire), wire.news());
        Ok(Self { poll, events, listeners, turns, news, ping: wire.ping(), pong: wire.pong() })
    }

    /// One event, asked for and delivered. Returns to how many.
    fn broadcast(&mut self, turn: usize) -> Result<u64> {
        let (message, told) = &self.turns[turn];
        self.listeners[told.start].stream.write_all(message)?;
        let mut missing = told.len();
        while missing > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            ensure!(!self.events.is_empty(), "{missing} of {} have no event", told.len());
            for event in &self.events {
                let index = event.token().0;
                let listener = &mut self.listeners[index];
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
                    ensure!(told.contains(&index), "the event came to one who was not to be told");
                    missing -= 1;
                }
            }
        }
        self.listeners[told.clone()].iter_mut().for_each(|listener| listener.received = 0);
        Ok(told.len() as u64)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{called::Called, native::Native, size::Size};

    #[test]
    fn every_socket_receives_in_its_rooms() {
        const EVERYBODY: &[Range<usize>] = &[const { 0..3 }];
        let wire = Native::answered(Called::Echo, Size::Small);
        for (gathering, sockets, turns, rooms_of_last) in [
            (Gathering::Hall(3), 3, EVERYBODY, 0..0),
            (Gathering::Rooms { rooms: 2, members: 3 }, 6, &[0..3, 3..6], 1..2),
            (Gathering::Regulars { rooms: 2, members: 3 }, 3, &[0..3, 0..3], 0..2),
        ] {
            assert_eq!(gathering.sockets(), sockets);
            assert_eq!(gathering.rooms_of(sockets - 1), rooms_of_last);
            assert_eq!(gathering.turns(wire).into_iter().map(|(_, told)| told).collect::<Vec<_>>(), turns);
        }
    }
}
