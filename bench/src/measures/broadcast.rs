//! One event to many: to everybody, and to one room after another.

use anyhow::Result;

use super::{COST, MANY, Protocol, figures_of, start};
use crate::{
    load::broadcast::{Gathering, MEMBERS, ROOMS},
    peer::{Column, Peer},
    rounds::{Case, Rounds},
    table::{Goal, Row},
};

pub(super) const FIGURES: &[&str] = &[
    "server CPU, µs a delivery",
    "deliveries a second",
    "server busy, %",
    "until the last has it, p50, µs",
    "until the last has it, p99, µs",
];

const NATIVE: &[Peer] = &[Peer::Jidda, Peer::Loop];
const SOCKETIO: &[Peer] = &[Peer::Jidda, Peer::Loop, Peer::Socketioxide, Peer::Node];

/// To 1,000 and to 5,000.
pub(super) fn run(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let peers = protocol.choose(NATIVE, SOCKETIO);
    let native: &[(usize, Goal)] = &[(COST, Goal::ShareOf(Column::Raw, 1.2))];
    let socketio: &[(usize, Goal)] =
        &[(COST, Goal::ShareOf(Column::Raw, 1.2)), (COST, Goal::TimesLess(Column::Socketioxide, 3.0))];
    let cases = [
        Case::new("broadcast to 1,000", peers, Gathering::Hall(1_000)).quick(),
        Case::new("broadcast to 5,000", peers, Gathering::Hall(MANY))
            .aiming(protocol.choose(native, socketio)),
    ];
    take(rounds, protocol, &cases)
}

/// To each of a hundred rooms.
pub(super) fn run_rooms(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let gathering = Gathering::Rooms { rooms: ROOMS, members: MEMBERS };
    let case = Case::new("100 rooms of 50, one after another", protocol.choose(NATIVE, SOCKETIO), gathering);
    take(rounds, protocol, &[case.quick()])
}

fn take(rounds: Rounds<'_>, protocol: Protocol, cases: &[Case<Gathering>]) -> Result<Vec<Row>> {
    let groups = rounds.take(cases, FIGURES, |peer, &gathering| {
        let server = start(rounds, peer)?;
        Ok(figures_of(&protocol.broadcast(peer, &server, gathering, rounds.window(peer))?))
    })?;
    Ok(groups.into_iter().flatten().collect())
}
