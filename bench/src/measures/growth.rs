//! How costs grow with what a server has: registered events, sockets and rooms.

use anyhow::Result;

use super::{BUSY, CALL, COST, Protocol, broadcast, figures_of, start};
use crate::{
    child::{Scheduler, Server},
    load::broadcast::{Gathering, MEMBERS},
    peer::{Peer, Setting},
    rounds::{Case, Rounds},
    table::{Goal, Row},
    wire::called::Called,
};

const NATIVE: &[Peer] = &[Peer::Jidda];
const SOCKETIO: &[Peer] = &[Peer::Jidda, Peer::Socketioxide, Peer::Node];

/// How much more a call may cost where there are ten thousand events.
const FLAT: f64 = 1.05;

/// A case of each title. For a look there are the first and the last.
fn cases(protocol: Protocol, titles: [(&'static str, usize); 3]) -> [Case<usize>; 3] {
    let [first, second, third] = thorough(protocol, titles);
    [first.quick(), second, third.quick()]
}

fn thorough(protocol: Protocol, titles: [(&'static str, usize); 3]) -> [Case<usize>; 3] {
    let peers = protocol.choose(NATIVE, SOCKETIO);
    titles.map(|(title, count)| Case::new(title, peers, count).at(count as f64))
}

/// The rows of all cases, and the cost of the later ones as a multiple of that of the first.
fn compared(groups: Vec<Vec<Row>>, figure: &'static str) -> Vec<Row> {
    let relative: Vec<Row> = groups
        .iter()
        .skip(1)
        .map(|rows| {
            let row = Row::quotient(figure, &rows[COST], &groups[0][COST]);
            rows[COST].at.into_iter().fold(row, Row::at)
        })
        .collect();
    groups.into_iter().flatten().chain(relative).collect()
}

/// Calls to events all over the table.
pub(super) fn run_events(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let titles = protocol.choose(
        [
            ("call, 10 events registered", 10),
            ("call, 1,000 events registered", 1_000),
            ("call, 10,000 events registered", 10_000),
        ],
        [
            ("ack, 10 events registered", 10),
            ("ack, 1,000 events registered", 1_000),
            ("ack, 10,000 events registered", 10_000),
        ],
    );
    let groups = rounds.take(&cases(protocol, titles), CALL, |peer, &events| {
        let setting = Setting { events, ..Setting::default() };
        let server = Server::start(peer, Scheduler::MultiThread, setting, rounds.core)?;
        let called = Called::Registered(events);
        Ok(figures_of(&protocol.call(peer, &server, called, BUSY, rounds.window(peer))?))
    })?;
    let mut rows = compared(groups, "server CPU a call, times that with 10");
    if let Some(last) = rows.last_mut() {
        last.goals.push(Goal::AtMost(FLAT));
    }
    Ok(rows)
}

/// Calls on busy connections beside idle ones.
pub(super) fn run_sockets(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let titles = protocol.choose(
        [
            ("call, beside 0 idle sockets", 0),
            ("call, beside 1,000 idle sockets", 1_000),
            ("call, beside 5,000 idle sockets", 5_000),
        ],
        [
            ("ack, beside 0 idle sockets", 0),
            ("ack, beside 1,000 idle sockets", 1_000),
            ("ack, beside 5,000 idle sockets", 5_000),
        ],
    );
    // To open five thousand takes too long for a look.
    let [first, second, third] = thorough(protocol, titles);
    let groups = rounds.take(&[first.quick(), second.quick(), third], CALL, |peer, &idle| {
        let server = start(rounds, peer)?;
        let _idle = protocol.open(peer, &server, idle)?;
        Ok(figures_of(&protocol.call(peer, &server, Called::Echo, BUSY, rounds.window(peer))?))
    })?;
    Ok(compared(groups, "server CPU a call, times that beside 0"))
}

/// Events to rooms, and sockets that join one more and leave it, where others are in so many.
pub(super) fn run_rooms(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let emits = [
        ("emit to a room of 50, 1 room", 1),
        ("emit to a room of 50, 100 rooms", 100),
        ("emit to a room of 50, 1,000 rooms", 1_000),
    ];
    let groups = rounds.take(&cases(protocol, emits), broadcast::FIGURES, |peer, &rooms| {
        let server = start(rounds, peer)?;
        let gathering = Gathering::Regulars { rooms, members: MEMBERS };
        Ok(figures_of(&protocol.broadcast(peer, &server, gathering, rounds.window(peer))?))
    })?;
    let mut rows = compared(groups, "server CPU a delivery, times that with 1 room");

    let visits = [
        ("join and leave, 1 room", 1),
        ("join and leave, 100 rooms", 100),
        ("join and leave, 1,000 rooms", 1_000),
    ];
    let groups = rounds.take(&cases(protocol, visits), CALL, |peer, &rooms| {
        let server = start(rounds, peer)?;
        let _regulars = protocol.gather(peer, &server, Gathering::Regulars { rooms, members: MEMBERS })?;
        Ok(figures_of(&protocol.call(peer, &server, Called::Visit, BUSY, rounds.window(peer))?))
    })?;
    rows.extend(compared(groups, "server CPU a join and leave, times that with 1 room"));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_costs_are_multiples_of_the_first() {
        let point = |at, cost| {
            let mut row = Row::new("measure", "cost").at(at);
            row.add(Peer::Jidda, cost);
            vec![row]
        };
        let rows = compared(vec![point(10.0, 2.0), point(1_000.0, 3.0), point(10_000.0, 4.0)], "multiple");
        let points: Vec<_> = rows.iter().map(|row| row.at).collect();
        assert_eq!(points, [10.0, 1_000.0, 10_000.0, 1_000.0, 10_000.0].map(Some));
    }
}
