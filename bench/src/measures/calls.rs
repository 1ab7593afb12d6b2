//! What a call, an acknowledgement and an event cost, by their size and by how many are under way.

use anyhow::Result;

use super::{BUSY, COST, Protocol, SINGLE, figures_of};
use crate::{
    child::{Scheduler, Server},
    load::{Shape, pipeline},
    peer::{Column, Peer, Setting},
    rounds::{Case, Rounds},
    table::{Goal, Row},
    wire::{called::Called, size::Size, socketio::SocketIo},
};

/// What is told where events count as well as calls.
pub(super) const MESSAGE: &[&str] = &[
    "server CPU, µs a message",
    "messages a second",
    "server busy, %",
    "round trip p50, µs",
    "round trip p99, µs",
];

/// What is sent, and what answers it.
#[derive(Clone, Copy, Debug)]
enum Exchange {
    /// A call.
    Call,
    /// Socket.IO: an event, and an acknowledgement.
    Ack,
    /// Socket.IO: an event, and an event.
    Echo,
}

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    exchange: Exchange,
    shape: Shape,
    scheduler: Scheduler,
}

const CALLERS: &[Peer] = &[Peer::Jidda, Peer::Raw, Peer::Tarpc, Peer::Jsonrpsee, Peer::Tonic];
const SOCKETIO: &[Peer] = &[Peer::Jidda, Peer::Raw, Peer::WebSocket, Peer::Socketioxide, Peer::Node];
/// Node has no other runtime.
const SOCKETIO_IN_RUST: &[Peer] = &[Peer::Jidda, Peer::Raw, Peer::WebSocket, Peer::Socketioxide];

/// 32 messages, of which the last is a call: its answer says that all of them have been read.
const NOTES: Shape = Shape { in_flight: 1, notes: 31, ..BUSY };

const ONE_AFTER_ANOTHER: &[(usize, Goal)] = &[(COST, Goal::ShareOf(Column::Raw, 1.1))];
const ACKNOWLEDGED: &[(usize, Goal)] = &[
    (COST, Goal::AtMost(0.5)),
    (COST, Goal::TimesLess(Column::Socketioxide, 4.0)),
    (COST, Goal::TimesLess(Column::Node, 15.0)),
];

const fn call(title: &'static str, shape: Shape) -> Case<Setup> {
    Case::new(title, CALLERS, Setup { exchange: Exchange::Call, shape, scheduler: Scheduler::MultiThread })
}

const fn ack(title: &'static str, shape: Shape) -> Case<Setup> {
    Case::new(title, SOCKETIO, Setup { exchange: Exchange::Ack, shape, scheduler: Scheduler::MultiThread })
}

const fn sized(shape: Shape, size: Size) -> Shape {
    Shape { size, ..shape }
}

pub(super) const CALLS: [Case<Setup>; 3] = [
    call("call, 16 B, 16 × 32 in flight", BUSY)
        .aiming(&[
            (COST, Goal::AtMost(0.4)),
            (COST, Goal::TimesLess(Column::Tarpc, 9.0)),
            (COST, Goal::TimesLess(Column::Jsonrpsee, 15.0)),
        ])
        .quick(),
    call("call, 256 B, 16 × 32 in flight", sized(BUSY, Size::Medium)),
    call("call, 4 KiB, 16 × 32 in flight", sized(BUSY, Size::Large)).quick(),
];

pub(super) const CALLS_ON_CURRENT_THREAD: [Case<Setup>; 1] = [Case::new(
    "call, 16 B, 16 × 32 in flight, current-thread runtime",
    CALLERS,
    Setup { exchange: Exchange::Call, shape: BUSY, scheduler: Scheduler::CurrentThread },
)
.quick()];

pub(super) const SINGLE_CALLS: [Case<Setup>; 3] = [
    call("call, 16 B, 1 in flight", SINGLE).aiming(ONE_AFTER_ANOTHER).quick(),
    call("call, 256 B, 1 in flight", sized(SINGLE, Size::Medium)),
    call("call, 4 KiB, 1 in flight", sized(SINGLE, Size::Large)),
];

pub(super) const EVENTS: [Case<Setup>; 1] = [Case::new(
    "event, 16 B, 16 × 32 in flight",
    &[Peer::Jidda, Peer::Raw],
    Setup { exchange: Exchange::Call, shape: NOTES, scheduler: Scheduler::MultiThread },
)
.quick()];

pub(super) const ACKS: [Case<Setup>; 3] = [
    ack("ack, 16 B, 16 × 32 in flight", BUSY).aiming(ACKNOWLEDGED).quick(),
    ack("ack, 256 B, 16 × 32 in flight", sized(BUSY, Size::Medium)),
    ack("ack, 4 KiB, 16 × 32 in flight", sized(BUSY, Size::Large)).quick(),
];

pub(super) const ACKS_ON_CURRENT_THREAD: [Case<Setup>; 1] = [Case::new(
    "ack, 16 B, 16 × 32 in flight, current-thread runtime",
    SOCKETIO_IN_RUST,
    Setup { exchange: Exchange::Ack, shape: BUSY, scheduler: Scheduler::CurrentThread },
)
.quick()];

pub(super) const ECHOES: [Case<Setup>; 1] = [Case::new(
    "echo, 16 B, 16 × 32 in flight",
    SOCKETIO,
    Setup { exchange: Exchange::Echo, shape: BUSY, scheduler: Scheduler::MultiThread },
)
.aiming(ACKNOWLEDGED)
.quick()];

pub(super) const SOCKETIO_EVENTS: [Case<Setup>; 1] = [ack("event, 16 B, 16 × 32 in flight", NOTES).quick()];

pub(super) const SINGLE_ACKS: [Case<Setup>; 1] =
    [ack("ack, 16 B, 1 in flight", SINGLE).aiming(ONE_AFTER_ANOTHER).quick()];

/// Takes the cases.
pub(super) fn run(rounds: Rounds<'_>, cases: &[Case<Setup>], figures: &[&'static str]) -> Result<Vec<Row>> {
    let groups = rounds.take(cases, figures, |peer, &Setup { exchange, shape, scheduler }| {
        let server = Server::start(peer, scheduler, Setting::default(), rounds.core)?;
        let window = rounds.window(peer);
        let sample = match exchange {
            Exchange::Call => Protocol::Native.call(peer, &server, Called::Echo, shape, window)?,
            Exchange::Ack => Protocol::SocketIo.call(peer, &server, Called::Echo, shape, window)?,
            Exchange::Echo => {
                let wire = peer.socketio(SocketIo::echo())?;
                pipeline::run(server.endpoint.address, wire, shape, window, server.clock()?)?
            }
        };
        Ok(figures_of(&sample))
    })?;
    Ok(groups.into_iter().flatten().collect())
}
