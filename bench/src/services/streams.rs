//! What slow readers cost the others: a thousand streams, first alone, then beside two whose readers take their time.

use std::time::Duration;

use anyhow::Result;

use crate::{
    child::{Scheduler, Server},
    load::streams::{Audience, Flow},
    measure::Window,
    peer::{Peer, Setting},
    rounds::{Case, Rounds},
    table::{Goal, Row},
};

const PEERS: &[Peer] = &[Peer::Jidda, Peer::Tonic];

const FAST: Audience = Audience { connections: 16, streams: 1_000, slow: false };

const CASES: [Case<Audience>; 2] = [
    Case::new("1,000 streams, 16 connections", PEERS, FAST).quick(),
    Case::new("the same beside 2 slow readers", PEERS, Audience { slow: true, ..FAST }).quick(),
];

/// What is told of streams.
const FIGURES: [&str; 8] = [
    "server CPU, µs an item",
    "items a second",
    "items a second on the first connection",
    "server busy, %",
    "server memory before, KiB",
    "server memory after, KiB",
    "server memory, growth meanwhile, KiB",
    "items a second of the slower slow reader",
];

/// Their places in it.
const RATE: usize = 1;
const RATE_ON_FIRST: usize = 2;
const MEMORY: usize = 5;
const GROWTH: usize = 6;
const SLOWEST: usize = 7;

/// The share of the rate that slow readers may cost the others, and of the memory that they may add.
const NOISE: f64 = 0.1;

/// Memory that a bounded server may still take once all streams are under way, in KiB: the windows of 1,000 streams
/// hold about as much.
const ROOM: f64 = 1_024.0;

/// Slow readers take a few items in this time at least, and memory has grown to what it will be.
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(1);

/// Streams without and with slow readers, and what of the rate and the memory is left.
pub fn run(rounds: Rounds<'_>) -> Result<Vec<Row>> {
    let mut groups = rounds.take(&CASES, &FIGURES, |peer, &audience| {
        let server = Server::start(peer, Scheduler::MultiThread, Setting::default(), rounds.core)?;
        let (clock, id) = (server.clock()?, server.id());
        let Window { warm_up, measured } = rounds.window(peer);
        let window = Window { warm_up: warm_up.max(WARM_UP), measured: measured.max(MEASURED) };
        Ok(figures_of(&peer.stream(&server.endpoint, audience, window, clock, id)?))
    })?;
    let ratio = |title, figure: usize| Row::quotient(title, &groups[1][figure], &groups[0][figure]);
    let ratios = [
        ratio("items a second, times those without", RATE).with(Goal::AtLeast(1.0 - NOISE)),
        ratio("on the first connection, times those without", RATE_ON_FIRST).with(Goal::AtLeast(1.0 - NOISE)),
        ratio("server memory after, times that without", MEMORY).with(Goal::AtMost(1.0 + NOISE)),
    ];
    for rows in &mut groups {
        rows[GROWTH].goals.push(Goal::AtMost(ROOM));
    }
    groups[1][SLOWEST].goals.push(Goal::AtLeast(1.0));
    // There is none in the first case.
    groups[0].truncate(SLOWEST);
    Ok(groups.into_iter().flatten().chain(ratios).collect())
}

/// The figures, without the last one where nobody is slow.
fn figures_of(flow: &Flow) -> Vec<f64> {
    let kibibytes = |bytes: u64| bytes as f64 / 1024.0;
    let mut figures = vec![
        flow.sample.cpu_per_message(),
        flow.sample.throughput(),
        flow.on_first,
        flow.sample.busy(),
        kibibytes(flow.before),
        kibibytes(flow.end),
        kibibytes(flow.end) - kibibytes(flow.begin),
    ];
    figures.extend(flow.slowest);
    figures
}
