//! What is measured, on which servers, and in which order.

use std::{any::Any, thread, time::Duration};

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{
    child::{Scheduler, Server},
    load::Shape,
    measure::{Window, memory},
    peer::{Column, Peer},
    table::{Goal, Row},
};

/// The connections of the measures that are about many of them.
const MANY: usize = 5_000;

/// Open before memory is first read, so that what a server sets up once is not counted.
const FEW: usize = 16;

/// After this time without traffic, a server has returned what it returns.
const SETTLE: Duration = Duration::from_millis(500);

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often every measure is taken.
    pub rounds: usize,
    /// How long each takes.
    pub window: Window,
}

impl Effort {
    /// For figures to publish.
    pub const FULL: Self = Self {
        rounds: 5,
        window: Window { warm_up: Duration::from_millis(500), measured: Duration::from_millis(2_500) },
    };

    /// For a look while working.
    pub const QUICK: Self = Self {
        rounds: 3,
        window: Window { warm_up: Duration::from_millis(250), measured: Duration::from_secs(1) },
    };
}

/// A measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// Calls, 16 connections with 32 in flight on each.
    Calls,
    /// The same on the current-thread runtime, which some servers gain more by than others.
    CallsOnCurrentThread,
    /// Calls, one after another on one connection.
    Single,
    /// Memory of 5,000 connections that have made a call and are idle.
    Idle,
    /// One event to 5,000 connections.
    Broadcast,
}

impl Measure {
    fn title(self) -> &'static str {
        match self {
            Self::Calls => "calls, 16 × 32 in flight",
            Self::CallsOnCurrentThread => "the same on a current-thread runtime",
            Self::Single => "calls, 1 in flight",
            Self::Idle => "5,000 idle connections",
            Self::Broadcast => "broadcast to 5,000",
        }
    }

    fn peers(self) -> &'static [Peer] {
        match self {
            Self::Broadcast => &[Peer::Jidda, Peer::Loop],
            _ => &[Peer::Jidda, Peer::Raw, Peer::Tarpc, Peer::Jsonrpsee],
        }
    }

    /// The figures that [`Measure::take`] gives, with the goals of the first, which is what the project is held to.
    fn figures(self) -> (&'static [&'static str], &'static [Goal]) {
        const CALLS: &[&str] = &[
            "server CPU, µs a call",
            "calls a second",
            "server busy, %",
            "round trip p50, µs",
            "round trip p99, µs",
        ];
        const BROADCAST: &[&str] = &[
            "server CPU, µs a delivery",
            "deliveries a second",
            "server busy, %",
            "until the last has it, p50, µs",
            "until the last has it, p99, µs",
        ];
        match self {
            Self::Calls => (CALLS, &[Goal::AtMost(0.45), Goal::ShareOf(Column::Tarpc, 1.0 / 8.0)]),
            Self::CallsOnCurrentThread => (CALLS, &[]),
            Self::Single => (CALLS, &[Goal::ShareOf(Column::Raw, 1.15)]),
            Self::Idle => (&["server memory, KiB a connection"], &[Goal::AtMost(1.5)]),
            Self::Broadcast => (BROADCAST, &[Goal::ShareOf(Column::Raw, 1.3)]),
        }
    }

    /// Takes the measure in every round on every server in turn, so that whatever else the machine does falls
    /// on all of them alike.
    pub fn run(self, effort: Effort, core: usize) -> Result<Vec<Row>> {
        let (figures, goals) = self.figures();
        let mut rows: Vec<Row> = figures.iter().map(|figure| Row::new(self.title(), figure)).collect();
        rows[0].goals = goals;
        for round in 1..=effort.rounds {
            for &peer in self.peers() {
                eprintln!("{}, round {round} of {}: {}", self.title(), effort.rounds, peer.name());
                let figures = self.take(peer, effort.window, core).with_context(|| peer.name())?;
                for (row, figure) in rows.iter_mut().zip(figures) {
                    row.add(peer, figure);
                }
            }
        }
        Ok(rows)
    }

    /// Takes the measure once, on a fresh server.
    fn take(self, peer: Peer, window: Window, core: usize) -> Result<Vec<f64>> {
        let scheduler = match self {
            Self::CallsOnCurrentThread => Scheduler::CurrentThread,
            _ => Scheduler::MultiThread,
        };
        let server = Server::start(peer, scheduler, core)?;
        let (address, clock) = (server.address, server.clock()?);
        let sample = match self {
            Self::Calls | Self::CallsOnCurrentThread => {
                peer.call(address, Shape { connections: 16, in_flight: 32 }, window, clock)?
            }
            Self::Single => peer.call(address, Shape { connections: 1, in_flight: 1 }, window, clock)?,
            Self::Broadcast => peer.broadcast(address, MANY, window, clock)?,
            Self::Idle => return Ok(vec![idle(peer, &server)?]),
        };
        Ok(vec![
            sample.cpu_per_message(),
            sample.throughput(),
            sample.busy(),
            sample.latency.percentile(50.0),
            sample.latency.percentile(99.0),
        ])
    }
}

/// Memory of one idle connection, in KiB.
fn idle(peer: Peer, server: &Server) -> Result<f64> {
    let settled = |_open: &dyn Any| {
        thread::sleep(SETTLE);
        memory::anonymous(server.id())
    };
    let few = peer.open(server.address, FEW)?;
    let before = settled(&few)?;
    let many = peer.open(server.address, MANY)?;
    let after = settled(&many)?;
    Ok((after as f64 - before as f64) / MANY as f64 / 1024.0)
}
