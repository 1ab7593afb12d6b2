//! What encryption costs: the same calls by the same clients over TCP, TLS and Noise.

use anyhow::Result;

use super::COST;
use crate::{
    child::{Scheduler, Server},
    measures::{BUSY, CALL, figures_of},
    peer::{Peer, Setting, Transport},
    rounds::{Case, Rounds},
    table::{Goal, Row},
};

const PEERS: &[Peer] = &[Peer::Jidda, Peer::Tarpc, Peer::Tonic];

const CASES: [Case<Transport>; 3] = [
    Case::new("calls over TCP, own client, 16 × 32 in flight", PEERS, Transport::Tcp).quick(),
    Case::new("calls over TLS, own client, 16 × 32 in flight", PEERS, Transport::Tls).quick(),
    Case::new("calls over Noise, own client, 16 × 32 in flight", &[Peer::Jidda], Transport::Noise).quick(),
];

/// Calls over each transport, and how much more than over TCP the others cost.
pub fn run(rounds: Rounds<'_>) -> Result<Vec<Row>> {
    let groups = rounds.take(&CASES, CALL, |peer, &transport| {
        let setting = Setting { transport, ..Setting::default() };
        let server = Server::start(peer, Scheduler::MultiThread, setting, rounds.core)?;
        let sample = peer.call_by_client(&server.endpoint, BUSY, rounds.window(peer), server.clock()?)?;
        Ok(figures_of(&sample))
    })?;
    let ratios: Vec<Row> = groups[1..]
        .iter()
        .map(|encrypted| {
            let ratio =
                Row::quotient("server CPU a call, times that over TCP", &encrypted[COST], &groups[0][COST]);
            ratio.with(Goal::AtMost(2.5))
        })
        .collect();
    Ok(groups.into_iter().flatten().chain(ratios).collect())
}
