//! The memory of connections that do nothing.

use std::{any::Any, thread, time::Duration};

use anyhow::Result;

use super::{COST, MANY, Protocol, start};
use crate::{
    measure::memory,
    peer::Peer,
    rounds::{Case, Rounds},
    table::{Goal, Row},
    wire::socketio::SocketIo,
};

/// Open before memory is first read, so that what a server sets up once is not counted.
const FEW: usize = 16;

/// After this time without traffic, a server has returned what it returns.
const SETTLE: Duration = Duration::from_millis(500);

const FIGURES: &[&str] = &["server memory, KiB a connection", "kernel memory, both ends, KiB a connection"];

/// Opens connections, and reads what memory the last 5,000 of them take.
pub(super) fn run(rounds: Rounds<'_>, protocol: Protocol) -> Result<Vec<Row>> {
    let case = match protocol {
        Protocol::Native => {
            let peers = &[Peer::Jidda, Peer::Raw, Peer::Tarpc, Peer::Jsonrpsee, Peer::Tonic];
            Case::new("5,000 idle connections", peers, ()).aiming(&[(COST, Goal::AtMost(1.0))])
        }
        Protocol::SocketIo => {
            let peers = &[Peer::Jidda, Peer::Raw, Peer::Socketioxide, Peer::Node];
            let case = Case::new("5,000 idle, one namespace, one room", peers, ());
            case.aiming(&[(COST, Goal::AtMost(2.0))])
        }
    };
    let mut groups = rounds.take(&[case.quick()], FIGURES, |peer, ()| {
        let server = start(rounds, peer)?;
        let open = |count| match protocol {
            Protocol::Native => peer.open(&server.endpoint, count),
            Protocol::SocketIo => {
                let wire = peer.socketio(SocketIo::lobby())?;
                crate::load::pipeline::open_many(server.endpoint.address, wire, count)
            }
        };
        let few = open(FEW)?;
        let before = settled(&few, server.id())?;
        let many = open(MANY)?;
        let after = settled(&many, server.id())?;
        let growth = before.into_iter().zip(after).map(|(before, after)| after as f64 - before as f64);
        Ok(growth.map(|bytes| bytes / MANY as f64 / 1024.0).collect())
    })?;
    Ok(groups.pop().unwrap_or_default())
}

/// The memory of the server and of the kernel, while connections are open.
fn settled(_open: &dyn Any, id: u32) -> Result<[u64; 2]> {
    thread::sleep(SETTLE);
    Ok([memory::anonymous(id)?, memory::kernel()?])
}
