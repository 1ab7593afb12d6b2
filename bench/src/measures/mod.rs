//! What is measured of the wires, and on which servers.

mod broadcast;
mod calls;
mod connect;
mod growth;
mod idle;
mod latency;
mod protocol;
mod workers;

use anyhow::Result;
use clap::ValueEnum;

pub use self::protocol::Protocol;
use crate::{
    child::{Scheduler, Server},
    load::Shape,
    measure::Sample,
    peer::{Peer, Setting},
    rounds::Rounds,
    table::Row,
    wire::size::Size,
};

/// Enough calls in flight to keep a server busy.
pub const BUSY: Shape = Shape { connections: 16, in_flight: 32, notes: 0, size: Size::Small };

/// One call after another.
pub const SINGLE: Shape = Shape { connections: 1, in_flight: 1, ..BUSY };

/// The connections of the measures that are about many of them.
const MANY: usize = 5_000;

/// The place of the cost among the figures.
const COST: usize = 0;

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
    /// Calls of 16 bytes to 4 KiB, 16 connections with 32 in flight on each.
    Calls,
    /// The same on the current-thread runtime, which some servers gain more by than others.
    CallsOnCurrentThread,
    /// Calls of 16 bytes to 4 KiB, one after another on one connection.
    Single,
    /// Events that nobody answers, 31 of 32, as many as calls.
    Events,
    /// How long calls take at half of the peak rate.
    Latency,
    /// Clients that connect, call and leave.
    Connect,
    /// Memory of 5,000 connections that have made a call and are idle.
    Idle,
    /// One event to 1,000 and 5,000 connections.
    Broadcast,
    /// One event to each of 100 rooms of 50, in turn.
    Rooms,
    /// Calls to 10, 1,000 and 10,000 registered events.
    MoreEvents,
    /// Calls beside 0, 1,000 and 5,000 idle connections.
    MoreSockets,
    /// Events to a room, and joins, beside 1, 100 and 1,000 rooms.
    MoreRooms,
    /// Calls with one worker thread and with two.
    Workers,
    /// Socket.IO: events of 16 bytes to 4 KiB with an acknowledgement, 16 connections with 32 in flight on each.
    SocketioAck,
    /// The same on the current-thread runtime.
    SocketioAckOnCurrentThread,
    /// Socket.IO: events that are answered by an event, as many.
    SocketioEcho,
    /// Socket.IO: events that nobody answers, 31 of 32, as many.
    SocketioEvent,
    /// Socket.IO: events with an acknowledgement, one after another on one connection.
    SocketioSingle,
    /// Socket.IO: how long acknowledgements take at half of the peak rate.
    SocketioLatency,
    /// Socket.IO: clients that connect and leave.
    SocketioConnect,
    /// Socket.IO: memory of 5,000 connections with one namespace and one room that are idle.
    SocketioIdle,
    /// Socket.IO: one event to 1,000 and 5,000 connections.
    SocketioBroadcast,
    /// Socket.IO: one event to each of 100 rooms of 50, in turn.
    SocketioRooms,
    /// Socket.IO: acknowledgements with 10, 1,000 and 10,000 registered events.
    SocketioMoreEvents,
    /// Socket.IO: acknowledgements beside 0, 1,000 and 5,000 idle connections.
    SocketioMoreSockets,
    /// Socket.IO: events to a room, and joins, beside 1, 100 and 1,000 rooms.
    SocketioMoreRooms,
    /// Socket.IO: acknowledgements with one worker thread and with two.
    SocketioWorkers,
}

impl Measure {
    /// The wire that it is of.
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Calls
            | Self::CallsOnCurrentThread
            | Self::Single
            | Self::Events
            | Self::Latency
            | Self::Connect
            | Self::Idle
            | Self::Broadcast
            | Self::Rooms
            | Self::MoreEvents
            | Self::MoreSockets
            | Self::MoreRooms
            | Self::Workers => Protocol::Native,
            Self::SocketioAck
            | Self::SocketioAckOnCurrentThread
            | Self::SocketioEcho
            | Self::SocketioEvent
            | Self::SocketioSingle
            | Self::SocketioLatency
            | Self::SocketioConnect
            | Self::SocketioIdle
            | Self::SocketioBroadcast
            | Self::SocketioRooms
            | Self::SocketioMoreEvents
            | Self::SocketioMoreSockets
            | Self::SocketioMoreRooms
            | Self::SocketioWorkers => Protocol::SocketIo,
        }
    }

    /// Takes the measure in every round on every server in turn.
    pub fn run(self, rounds: Rounds<'_>) -> Result<Vec<Row>> {
        let protocol = self.protocol();
        match self {
            Self::Calls => calls::run(rounds, &calls::CALLS, CALL),
            Self::CallsOnCurrentThread => calls::run(rounds, &calls::CALLS_ON_CURRENT_THREAD, CALL),
            Self::Single => calls::run(rounds, &calls::SINGLE_CALLS, CALL),
            Self::Events => calls::run(rounds, &calls::EVENTS, calls::MESSAGE),
            Self::SocketioAck => calls::run(rounds, &calls::ACKS, calls::MESSAGE),
            Self::SocketioAckOnCurrentThread => {
                calls::run(rounds, &calls::ACKS_ON_CURRENT_THREAD, calls::MESSAGE)
            }
            Self::SocketioEcho => calls::run(rounds, &calls::ECHOES, calls::MESSAGE),
            Self::SocketioEvent => calls::run(rounds, &calls::SOCKETIO_EVENTS, calls::MESSAGE),
            Self::SocketioSingle => calls::run(rounds, &calls::SINGLE_ACKS, calls::MESSAGE),
            Self::Latency | Self::SocketioLatency => latency::run(rounds, protocol),
            Self::Connect | Self::SocketioConnect => connect::run(rounds, protocol),
            Self::Idle | Self::SocketioIdle => idle::run(rounds, protocol),
            Self::Broadcast | Self::SocketioBroadcast => broadcast::run(rounds, protocol),
            Self::Rooms | Self::SocketioRooms => broadcast::run_rooms(rounds, protocol),
            Self::MoreEvents | Self::SocketioMoreEvents => growth::run_events(rounds, protocol),
            Self::MoreSockets | Self::SocketioMoreSockets => growth::run_sockets(rounds, protocol),
            Self::MoreRooms | Self::SocketioMoreRooms => growth::run_rooms(rounds, protocol),
            Self::Workers | Self::SocketioWorkers => workers::run(rounds, protocol),
        }
    }
}

/// Starts a server as most measures want it.
fn start(rounds: Rounds<'_>, peer: Peer) -> Result<Server> {
    Server::start(peer, Scheduler::MultiThread, Setting::default(), rounds.core)
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
