//! Clients that come and go. With Socket.IO each opens a connection, upgrades it to WebSocket, joins the root
//! namespace, leaves at once and waits until the server has hung up. On the native wire each says hello, makes one call
//! and hangs up.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{self, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use mio::{Events, Interest, Poll, Registry, Token, net::TcpStream};

use crate::{
    measure::{
        Sample,
        cpu::{CpuClock, Stopwatch},
        latency::Latency,
    },
    wire::{Entrance, Wire},
};

/// A server that is silent for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many clients there are, and how many of them at a time.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Before it counts.
    pub warm_up: usize,
    /// While it counts.
    pub measured: usize,
    /// At a time: each that has gone makes room for the next.
    pub at_once: usize,
}

/// Has the clients come and go, and measures the server.
pub fn run(server: SocketAddr, wire: impl Wire, crowd: Crowd, clock: CpuClock) -> Result<Sample> {
    let mut door = Door { server, wire, poll: Poll::new()?, visits: Vec::new() };
    door.visits.resize_with(crowd.at_once, || None);
    door.pass(crowd.warm_up, &mut Latency::new())?;

    let mut latency = Latency::new();
    let stopwatch = Stopwatch::start(clock)?;
    door.pass(crowd.measured, &mut latency)?;
    let (cpu, wall) = stopwatch.stop()?;
    Ok(Sample { messages: crowd.measured as u64, wall, cpu, latency })
}

/// Where the clients get in.
struct Door<W> {
    server: SocketAddr,
    wire: W,
    poll: Poll,
    visits: Vec<Option<Visit>>,
}

/// A client, from its first byte until the server has hung up.
struct Visit {
    stream: TcpStream,
    begin: Instant,
    /// The way in; nothing once it is on its way out.
    entrance: Option<Box<dyn Entrance>>,
}

impl<W: Wire> Door<W> {
    /// Lets `count` clients come and go. When it returns, nobody is there.
    fn pass(&mut self, count: usize, latency: &mut Latency) -> Result<()> {
        let mut waiting = count;
        for (index, visit) in self.visits.iter_mut().enumerate().take(count) {
            let entrance = self.wire.entrance();
            *visit = Some(Visit::begin(self.server, entrance, self.poll.registry(), Token(index))?);
            waiting -= 1;
        }
        let mut inside = count - waiting;
        let mut events = Events::with_capacity(self.visits.len());
        while inside > 0 {
            self.poll.poll(&mut events, Some(PATIENCE))?;
            ensure!(!events.is_empty(), "{inside} clients wait for the server");
            for event in &events {
                let place = &mut self.visits[event.token().0];
                if place.as_mut().context("an event of one who has gone")?.advance(latency)? {
                    continue;
                }
                // The old connection is dropped first, so that a descriptor is free for the new one.
                *place = None;
                if waiting == 0 {
                    inside -= 1;
                } else {
                    let (entrance, registry) = (self.wire.entrance(), self.poll.registry());
                    *place = Some(Visit::begin(self.server, entrance, registry, event.token())?);
                    waiting -= 1;
                }
            }
        }
        Ok(())
    }
}

impl Visit {
    fn begin(
        server: SocketAddr,
        entrance: Box<dyn Entrance>,
        registry: &Registry,
        token: Token,
    ) -> Result<Self> {
        let begin = Instant::now();
        // The kernel accepts on the server's behalf, so that this does not wait for it.
        let stream = net::TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE)?;
        stream.write_all(&entrance.hello())?;
        Ok(Self { stream, begin, entrance: Some(entrance) })
    }

    /// Takes what has come; false when either side has hung up.
    fn advance(&mut self, latency: &mut Latency) -> Result<bool> {
        let mut buffer = [0; 1024];
        loop {
            let bytes = match self.stream.read(&mut buffer) {
                Ok(0) => {
                    ensure!(self.entrance.is_none(), "the server closed a connection that was on its way in");
                    return Ok(false);
                }
                Ok(read) => &buffer[..read],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                // Unread bytes make a close a reset: who hangs up last need not have read the other's goodbye.
                Err(error) if error.kind() == ErrorKind::ConnectionReset && self.entrance.is_none() => {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            };
            let Some(entrance) = &mut self.entrance else { continue };
            self.stream.write_all(&entrance.receive(bytes)?)?;
            if entrance.is_over() {
                latency.record(self.begin.elapsed());
                let Some(goodbye) = entrance.goodbye() else { return Ok(false) };
                self.entrance = None;
                self.stream.write_all(&goodbye)?;
            }
        }
    }
}
