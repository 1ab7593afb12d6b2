//! What a second worker thread gives, on a machine whose two cores the load needs as well.
//!
//! Two views of it: handlers that compute, beside which the load costs nothing, and bare calls, where the load takes its
//! share of the cores, so that only what a call costs in processor time can be compared.

use anyhow::Result;

use super::{BUSY, Protocol};
use crate::{
    child::{Scheduler, Server},
    peer::{Peer, Setting},
    rounds::{Case, Rounds},
    table::{Goal, Row},
    wire::called::Called,
};

const FIGURES: &[&str] =
    &["server CPU, µs a call", "calls a second", "workers ÷ CPU of a call, calls a second"];

/// Their places.
const RATE: usize = 1;
const CAPACITY: usize = 2;

/// What two workers have to give.
const GAIN: Goal = Goal::AtLeast(1.7);

/// Calls that compute and calls that do not, with one worker and with two.
pub(super) fn run(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    // socketioxide is not among them: its `connect` handlers are tasks, so that with two workers a client's first event
    // may come before there is a handler for it, and is lost.
    let peers: &[Peer] = protocol.choose(&[Peer::Jidda, Peer::Tarpc], &[Peer::Jidda]);
    let case = |title, called, workers| Case::new(title, peers, (called, workers)).quick();
    let cases = [
        case("call that computes for 20 µs, 1 worker", Called::Work, 1),
        case("call that computes for 20 µs, 2 workers", Called::Work, 2),
        case("call beside the load, 1 worker", Called::Echo, 1),
        case("call beside the load, 2 workers", Called::Echo, 2),
    ];
    let groups = rounds.take(&cases, FIGURES, |peer, &(called, workers)| {
        let setting = Setting { workers: Some(workers), ..Setting::default() };
        let server = Server::start(peer, Scheduler::MultiThread, setting, rounds.core)?;
        let sample = protocol.call(peer, &server, called, BUSY, rounds.window(peer))?;
        let cost = sample.cpu_per_message();
        Ok(vec![cost, sample.throughput(), workers as f64 * 1e6 / cost])
    })?;
    let gains = [
        Row::quotient("calls a second, times those of 1 worker", &groups[1][RATE], &groups[0][RATE]),
        Row::quotient("capacity, times that of 1 worker", &groups[3][CAPACITY], &groups[2][CAPACITY]),
    ];
    let gains = gains.map(|row| row.with(GAIN));
    Ok(groups.into_iter().flatten().chain(gains).collect())
}
