//! Calls that are due at fixed times, whether or not earlier ones have been answered: how long they take while a server
//! is busy, but not too much so.
//!
//! What a call takes counts from when it was due, not from when it was sent, so that a server which keeps its load
//! waiting is charged for all that came late meanwhile.

use std::{
    io::{ErrorKind, Read as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::pipeline::{self, INBOX, PATIENCE, send};
use crate::{
    measure::{Window, latency::Latency},
    wire::{Content, Wire},
};

/// When calls are due.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The first.
    pub begin: Instant,
    /// Calls a second.
    pub rate: f64,
    /// What is due before the end of the warm-up does not count, and after the end nothing is due.
    pub window: Window,
}

/// A call that is written so much after it was due is one that the load is to blame for.
const LATE: Duration = Duration::from_micros(100);

impl Schedule {
    /// When the call of this number is due.
    pub fn due(&self, number: u64) -> Instant {
        // Truncated: no clock tells parts of a nanosecond.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let nanoseconds = (number as f64 * (1e9 / self.rate)) as u64;
        self.begin + Duration::from_nanos(nanoseconds)
    }

    /// How many calls have been due.
    pub fn count(&self, now: Instant) -> u64 {
        let until = now.min(self.begin + self.window.warm_up + self.window.measured);
        // Truncated: a call is due when its time has come. One is due at once.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let count = (until.saturating_duration_since(self.begin).as_secs_f64() * self.rate) as u64;
        count + 1
    }

    /// Whether no more calls will be due.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.begin + self.window.warm_up + self.window.measured
    }
}

/// What became of the calls.
#[derive(Debug)]
pub struct Outcome {
    schedule: Schedule,
    /// From when calls were due until they were answered.
    pub latency: Latency,
    measured: u64,
    late: u64,
    last: Instant,
}

impl Outcome {
    /// Nothing yet.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, latency: Latency::new(), measured: 0, late: 0, last: schedule.begin }
    }

    /// Notes that a call was written, just now.
    pub fn write(&mut self, number: u64, now: Instant) {
        if now.saturating_duration_since(self.schedule.due(number)) > LATE {
            self.late += 1;
        }
    }

    /// Notes that a call was answered, just now.
    pub fn answer(&mut self, number: u64, now: Instant) {
        let due = self.schedule.due(number);
        if due >= self.schedule.begin + self.schedule.window.warm_up {
            self.latency.record(now.saturating_duration_since(due));
            self.measured += 1;
            self.last = self.last.max(now);
        }
    }

    /// Calls answered a second: as many as were due, unless the last of them came late.
    pub fn rate(&self) -> f64 {
        let Schedule { begin, window, .. } = self.schedule;
        let begin = begin + window.warm_up;
        let wall = self.last.saturating_duration_since(begin).max(window.measured);
        self.measured as f64 / wall.as_secs_f64()
    }

    /// The share of the calls that the load itself wrote late, in percent.
    pub fn late(&self) -> f64 {
        let written = self.schedule.count(self.last.max(self.schedule.begin));
        self.late as f64 / written as f64 * 100.0
    }
}

/// Calls by the schedule, from a loop that never sleeps. What is due at one turn of it goes to the next connection.
pub fn run<W: Wire>(
    server: SocketAddr,
    wire: W,
    connections: usize,
    window: Window,
    rate: f64,
) -> Result<Outcome> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(connections);
    let mut lines = Vec::with_capacity(connections);
    for index in 0..connections {
        let mut line = Line::open(server, wire)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut line.stream, Token(index), interest)?;
        lines.push(line);
    }
    let schedule = Schedule { begin: Instant::now(), rate, window };
    let mut outcome = Outcome::new(schedule);
    let (mut written, mut answered) = (0, 0);
    let (mut next, mut news) = (0, Instant::now());
    while !schedule.is_over(Instant::now()) || answered < written {
        let now = Instant::now();
        let due = schedule.count(now);
        if written < due {
            for number in written..due {
                lines[next].push_request(number)?;
                outcome.write(number, now);
            }
            lines[next].flush()?;
            written = due;
            next = (next + 1) % connections;
        }
        poll.poll(&mut events, Some(Duration::ZERO))?;
        for event in &events {
            answered += lines[event.token().0].receive(|number, now| outcome.answer(number, now))?;
            news = Instant::now();
        }
        ensure!(news.elapsed() < PATIENCE, "the server has fallen silent");
    }
    Ok(outcome)
}

/// One connection.
struct Line<W> {
    wire: W,
    stream: TcpStream,
    request: Vec<u8>,
    /// The numbers of the calls in the order of their ids.
    numbers: Vec<u64>,
    inbox: Box<[u8]>,
    pending: usize,
    outbox: Vec<u8>,
}

impl<W: Wire> Line<W> {
    fn open(server: SocketAddr, wire: W) -> Result<Self> {
        let stream = pipeline::open(server, wire)?;
        stream.set_nonblocking(true)?;
        let (stream, request) = (TcpStream::from_std(stream), wire.requests().swap_remove(0));
        let (numbers, inbox, outbox) = (Vec::new(), vec![0; INBOX].into(), Vec::new());
        Ok(Self { wire, stream, request, numbers, inbox, pending: 0, outbox })
    }

    fn push_request(&mut self, number: u64) -> Result<()> {
        self.wire.set_id(&mut self.request, W::FIRST_ID + u32::try_from(self.numbers.len())?);
        self.outbox.extend_from_slice(&self.request);
        self.numbers.push(number);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        send(&mut self.stream, &mut self.outbox)
    }

    /// Reads what has come, and writes what could not be written before. Returns how many calls were answered.
    fn receive(&mut self, mut answer: impl FnMut(u64, Instant)) -> Result<u64> {
        let mut replies = 0;
        loop {
            let room = self.inbox.len() - self.pending;
            let read = match self.stream.read(&mut self.inbox[self.pending..]) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            let (now, filled, mut start) = (Instant::now(), self.pending + read, 0);
            while let Some(incoming) = self.wire.first(&self.inbox[start..filled])? {
                start += incoming.length;
                match incoming.content {
                    Content::Reply(id) => {
                        let place = usize::try_from(id - W::FIRST_ID)?;
                        answer(*self.numbers.get(place).context("a reply to no call")?, now);
                        replies += 1;
                    }
                    Content::Ping => self.outbox.extend(self.wire.pong()),
                    Content::Note => {}
                }
            }
            self.inbox.copy_within(start..filled, 0);
            self.pending = filled - start;
            if read < room {
                break;
            }
        }
        self.flush()?;
        Ok(replies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window =
        Window { warm_up: Duration::from_millis(100), measured: Duration::from_millis(900) };

    #[test]
    fn calls_are_due_at_a_rate() {
        let schedule = Schedule { begin: Instant::now(), rate: 1_000.0, window: WINDOW };
        let after = |milliseconds: u64| schedule.begin + Duration::from_micros(milliseconds * 1_000 + 1);
        assert_eq!(schedule.count(schedule.begin), 1);
        assert_eq!(schedule.count(after(250)), 251);
        assert_eq!(schedule.count(after(5_000)), 1_001);
        assert!(schedule.due(250) <= after(250) && !schedule.is_over(after(250)));
        assert!(schedule.is_over(after(5_000)));
    }

    #[test]
    fn a_call_is_as_long_under_way_as_it_has_been_due() {
        let schedule = Schedule { begin: Instant::now(), rate: 1_000.0, window: WINDOW };
        let mut outcome = Outcome::new(schedule);
        let answered = schedule.due(200) + Duration::from_millis(5);
        // Within the warm-up; it does not count.
        outcome.answer(50, answered);
        assert!(outcome.latency.percentile(50.0) < 1.0);
        // Written late, but due five milliseconds ago.
        outcome.write(200, answered);
        outcome.answer(200, answered);
        assert!((outcome.latency.percentile(50.0) - 5_000.0).abs() < 50.0);
        assert!(outcome.late() > 0.0);
    }
}
