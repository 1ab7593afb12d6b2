//! What it costs to let a client in and out again.

use anyhow::Result;

use super::{COST, Protocol, figures_of, start};
use crate::{
    load::connect::{self, Crowd},
    peer::Peer,
    rounds::{Case, Rounds},
    table::{Goal, Row},
    wire::{called::Called, size::Size, socketio::SocketIo},
};

/// They come and go fast enough to keep a server busy, and are too few to use up the ports that there are.
const CROWD: Crowd = Crowd { warm_up: 500, measured: 4_000, at_once: 32 };

/// Fewer, for a look.
const FEW: Crowd = Crowd { warm_up: 100, measured: 500, ..CROWD };

const FIGURES: &[&str] = &[
    "server CPU, µs a client",
    "clients a second",
    "server busy, %",
    "until it is in, p50, µs",
    "until it is in, p99, µs",
];

/// Has clients come and go.
pub(super) fn run(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let native: &[Peer] = &[Peer::Jidda, Peer::Raw, Peer::Tarpc, Peer::Jsonrpsee, Peer::Tonic];
    let case = match protocol {
        Protocol::Native => Case::new("connect, hello, one call, leave; 32 at once", native, ()),
        Protocol::SocketIo => {
            let peers = &[Peer::Jidda, Peer::WebSocket, Peer::Socketioxide, Peer::Node];
            let case = Case::new("connect to a namespace, leave; 32 at once", peers, ());
            case.aiming(&[(COST, Goal::AtMost(60.0))])
        }
    };
    let crowd = if rounds.quick { FEW } else { CROWD };
    let mut groups = rounds.take(&[case.quick()], FIGURES, |peer, ()| {
        let server = start(rounds, peer)?;
        let clock = server.clock()?;
        let sample = match protocol {
            Protocol::Native => peer.come_and_go(&server.endpoint, crowd, clock)?,
            Protocol::SocketIo => {
                let wire = peer.socketio(SocketIo::ack(Called::Echo, Size::Small))?;
                connect::run(server.endpoint.address, wire, crowd, clock)?
            }
        };
        Ok(figures_of(&sample))
    })?;
    Ok(groups.pop().unwrap_or_default())
}
