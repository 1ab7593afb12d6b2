//! How long calls take while a server is half as busy as it can be: what is due comes at fixed times, whether or not the
//! server keeps up.

use anyhow::Result;

use super::{BUSY, Protocol, start};
use crate::{
    load::schedule,
    peer::Peer,
    rounds::{Case, Rounds},
    table::Row,
    wire::{called::Called, size::Size, socketio::SocketIo},
};

/// What is told of it.
const FIGURES: &[&str] = &[
    "due until answered, p50, µs",
    "due until answered, p99, µs",
    "due until answered, p99.9, µs",
    "answered a second",
    "answered, % of the rate that was due",
    "written late by the load, %",
];

/// The share of its peak that a server is asked for.
const SHARE: f64 = 0.5;

/// A load that writes more than this share late, in percent, tells of itself rather than of the server.
const PUNCTUAL: f64 = 5.0;

/// Takes the peak from a closed loop, then loads the same server with half of it.
pub(super) fn run(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let native: &[Peer] = &[Peer::Jidda, Peer::Raw, Peer::Tarpc, Peer::Jsonrpsee, Peer::Tonic];
    let socketio: &[Peer] = &[Peer::Jidda, Peer::Raw, Peer::WebSocket, Peer::Socketioxide, Peer::Node];
    let title = protocol.choose("call, 16 B, at half of the peak", "ack, 16 B, at half of the peak");
    let case = Case::new(title, protocol.choose(native, socketio), ()).quick();
    let mut groups = rounds.take(&[case], FIGURES, |peer, ()| {
        let server = start(rounds, peer)?;
        let window = rounds.window(peer);
        let peak = protocol.call(peer, &server, Called::Echo, BUSY, window)?.throughput();
        let (endpoint, rate) = (&server.endpoint, peak * SHARE);
        let outcome = match protocol {
            Protocol::Native => peer.call_by_schedule(endpoint, BUSY.connections, window, rate)?,
            Protocol::SocketIo => {
                let wire = peer.socketio(SocketIo::ack(Called::Echo, Size::Small))?;
                schedule::run(endpoint.address, wire, BUSY.connections, window, rate)?
            }
        };
        if outcome.late() > PUNCTUAL {
            eprintln!("the load could not keep its schedule: {:.0} % of the calls were late", outcome.late());
        }
        let percentiles = [50.0, 99.0, 99.9].map(|percent| outcome.latency.percentile(percent));
        let share = outcome.rate() / rate * 100.0;
        Ok([&percentiles[..], &[outcome.rate(), share, outcome.late()]].concat())
    })?;
    Ok(groups.pop().unwrap_or_default())
}
