//! What is measured of the wires, and on which servers.

use std::{any::Any, thread, time::Duration};

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    child::{Scheduler, Server},
    load::{
        Shape, broadcast,
        connect::{self, Crowd},
        pipeline,
    },
    measure::{Sample, Window, memory},
    peer::{Column, Peer, Setting},
    rounds::{Case, Rounds},
    table::{Goal, Row},
    wire::socketio::SocketIo,
};

/// The connections of the measures that are about many of them.
const MANY: usize = 5_000;

/// Open before memory is first read, so that what a server sets up once is not counted.
const FEW: usize = 16;

/// After this time without traffic, a server has returned what it returns.
const SETTLE: Duration = Duration::from_millis(500);

/// Enough calls in flight to keep a server busy.
pub const BUSY: Shape = Shape { connections: 16, in_flight: 32 };

/// One call after another.
pub const SINGLE: Shape = Shape { connections: 1, in_flight: 1 };

/// They come and go fast enough to keep a server busy, and are too few to use up the ports that there are.
const CROWD: Crowd = Crowd { warm_up: 500, measured: 4_000, at_once: 32 };

/// What is told of calls, as [`figures_of`] gives it.
pub const CALL: &[&str] = &[
    "server CPU, µs a call",
    "calls a second",
    "server busy, %",
    "round trip p50, µs",
    "round trip p99, µs",
];

/// A measure of one of the wires.
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
    /// Socket.IO: events with an acknowledgement, 16 connections with 32 in flight on each.
    SocketioAck,
    /// The same on the current-thread runtime.
    SocketioAckOnCurrentThread,
    /// Socket.IO: events that are answered by an event, as many.
    SocketioEcho,
    /// Socket.IO: events with an acknowledgement, one after another on one connection.
    SocketioSingle,
    /// Socket.IO: memory of 5,000 connections with one namespace and one room that are idle.
    SocketioIdle,
    /// Socket.IO: clients that connect and leave.
    SocketioConnect,
    /// Socket.IO: one event to 5,000 connections.
    SocketioBroadcast,
}

impl Measure {
    fn title(self) -> &'static str {
        match self {
            Self::Calls => "calls, 16 × 32 in flight",
            Self::CallsOnCurrentThread | Self::SocketioAckOnCurrentThread => {
                "the same on a current-thread runtime"
            }
            Self::Single => "calls, 1 in flight",
            Self::Idle => "5,000 idle connections",
            Self::Broadcast | Self::SocketioBroadcast => "broadcast to 5,000",
            Self::SocketioAck => "ack, 16 × 32 in flight",
            Self::SocketioEcho => "echo, 16 × 32 in flight",
            Self::SocketioSingle => "ack, 1 in flight",
            Self::SocketioIdle => "5,000 idle, one namespace, one room",
            Self::SocketioConnect => "4,000 come and go, 32 at once",
        }
    }

    fn peers(self) -> &'static [Peer] {
        match self {
            Self::Calls | Self::CallsOnCurrentThread | Self::Single | Self::Idle => {
                &[Peer::Jidda, Peer::Raw, Peer::Tarpc, Peer::Jsonrpsee]
            }
            Self::Broadcast => &[Peer::Jidda, Peer::Loop],
            Self::SocketioAck | Self::SocketioEcho | Self::SocketioSingle | Self::SocketioIdle => {
                &[Peer::Jidda, Peer::Raw, Peer::Socketioxide, Peer::Node]
            }
            // Node has no other.
            Self::SocketioAckOnCurrentThread => &[Peer::Jidda, Peer::Raw, Peer::Socketioxide],
            Self::SocketioConnect => &[Peer::Jidda, Peer::Socketioxide, Peer::Node],
            Self::SocketioBroadcast => &[Peer::Jidda, Peer::Loop, Peer::Socketioxide, Peer::Node],
        }
    }

    /// The figures that [`Measure::take`] gives.
    fn figures(self) -> &'static [&'static str] {
        match self {
            Self::Calls | Self::CallsOnCurrentThread | Self::Single => CALL,
            Self::SocketioAck
            | Self::SocketioAckOnCurrentThread
            | Self::SocketioEcho
            | Self::SocketioSingle => &[
                "server CPU, µs a message",
                "messages a second",
                "server busy, %",
                "round trip p50, µs",
                "round trip p99, µs",
            ],
            Self::Idle | Self::SocketioIdle => &["server memory, KiB a connection"],
            Self::Broadcast | Self::SocketioBroadcast => &[
                "server CPU, µs a delivery",
                "deliveries a second",
                "server busy, %",
                "until the last has it, p50, µs",
                "until the last has it, p99, µs",
            ],
            Self::SocketioConnect => &[
                "server CPU, µs a client",
                "clients a second",
                "server busy, %",
                "until it is in, p50, µs",
                "until it is in, p99, µs",
            ],
        }
    }

    /// What the project is held to, by the place among the figures.
    fn goals(self) -> &'static [(usize, Goal)] {
        /// The first figure, which is of cost.
        const COST: usize = 0;
        /// The median of the round trips.
        const MEDIAN: usize = 3;
        match self {
            Self::Calls => &[(COST, Goal::AtMost(0.45)), (COST, Goal::ShareOf(Column::Tarpc, 1.0 / 8.0))],
            Self::Single => &[(COST, Goal::ShareOf(Column::Raw, 1.15))],
            Self::Idle => &[(COST, Goal::AtMost(1.5))],
            Self::Broadcast => &[(COST, Goal::ShareOf(Column::Raw, 1.3))],
            Self::SocketioAck | Self::SocketioEcho => {
                &[(COST, Goal::AtMost(0.6)), (COST, Goal::TimesLess(Column::Socketioxide, 3.5))]
            }
            Self::SocketioSingle => {
                &[(COST, Goal::ShareOf(Column::Raw, 1.2)), (MEDIAN, Goal::ShareOf(Column::Raw, 1.2))]
            }
            Self::SocketioIdle => &[(COST, Goal::AtMost(3.0))],
            Self::SocketioConnect | Self::SocketioBroadcast => {
                &[(COST, Goal::ShareOf(Column::Socketioxide, 0.5))]
            }
            Self::CallsOnCurrentThread | Self::SocketioAckOnCurrentThread => &[],
        }
    }

    /// Takes the measure in every round on every server in turn.
    pub fn run(self, rounds: Rounds<'_>) -> Result<Vec<Row>> {
        let case = Case { title: self.title(), peers: self.peers(), setup: () };
        let mut groups = rounds
            .take(&[case], self.figures(), |peer, ()| self.take(peer, rounds.effort.window, rounds.core))?;
        let mut rows = groups.swap_remove(0);
        for &(index, goal) in self.goals() {
            rows[index].goals.push(goal);
        }
        Ok(rows)
    }

    /// Takes the measure once, on a fresh server.
    fn take(self, peer: Peer, window: Window, core: usize) -> Result<Vec<f64>> {
        let scheduler = match self {
            Self::CallsOnCurrentThread | Self::SocketioAckOnCurrentThread => Scheduler::CurrentThread,
            _ => Scheduler::MultiThread,
        };
        let server = Server::start(peer, scheduler, Setting::default(), core)?;
        let (at, clock) = (server.endpoint.address, server.clock()?);
        let socketio = |wire, shape| pipeline::run(at, peer.socketio(wire)?, shape, window, clock);
        let sample = match self {
            Self::Calls | Self::CallsOnCurrentThread => peer.call(&server.endpoint, BUSY, window, clock)?,
            Self::Single => peer.call(&server.endpoint, SINGLE, window, clock)?,
            Self::Broadcast => broadcast::run(at, peer.native()?, MANY, window, clock)?,
            Self::SocketioAck | Self::SocketioAckOnCurrentThread => socketio(SocketIo::ACK, BUSY)?,
            Self::SocketioEcho => socketio(SocketIo::ECHO, BUSY)?,
            Self::SocketioSingle => socketio(SocketIo::ACK, SINGLE)?,
            Self::SocketioBroadcast => {
                broadcast::run(at, peer.socketio(SocketIo::ACK)?, MANY, window, clock)?
            }
            Self::SocketioConnect => connect::run(at, CROWD, clock)?,
            Self::Idle => return Ok(vec![idle(&server, |count| peer.open(&server.endpoint, count))?]),
            Self::SocketioIdle => {
                let wire = peer.socketio(SocketIo::LOBBY)?;
                return Ok(vec![idle(&server, |count| pipeline::open_many(at, wire, count))?]);
            }
        };
        Ok(figures_of(&sample))
    }
}

/// The figures of a sample, which [`CALL`] names for calls.
pub fn figures_of(sample: &Sample) -> Vec<f64> {
    vec![
        sample.cpu_per_message(),
        sample.throughput(),
        sample.busy(),
        sample.latency.percentile(50.0),
        sample.latency.percentile(99.0),
    ]
}

/// Memory of one idle connection, in KiB.
fn idle(server: &Server, open: impl Fn(usize) -> Result<Box<dyn Any>>) -> Result<f64> {
    let settled = |_open: &dyn Any| {
        thread::sleep(SETTLE);
        memory::anonymous(server.id())
    };
    let few = open(FEW)?;
    let before = settled(&few)?;
    let many = open(MANY)?;
    let after = settled(&many)?;
    Ok((after as f64 - before as f64) / MANY as f64 / 1024.0)
}
