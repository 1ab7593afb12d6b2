//! What a gateway costs: the same calls by the same client, handled by the server, and passed on by it to another one
//! that runs beside the load.

use anyhow::Result;

use super::COST;
use crate::{
    child::{Scheduler, Server},
    load::Shape,
    measures::{BUSY, CALL, SINGLE, figures_of},
    peer::{Peer, Setting, Upstream},
    rounds::{Case, Rounds},
    table::{Goal, Row},
};

/// Whether the calls are passed on, and how many there are at a time.
#[derive(Clone, Copy, Debug)]
struct Setup {
    proxied: bool,
    shape: Shape,
}

const PEERS: &[Peer] = &[Peer::Jidda];

const CASES: [Case<Setup>; 4] = [
    case("direct calls, own client, 16 × 32 in flight", false, BUSY).quick(),
    case("proxied calls, own client, 16 × 32 in flight", true, BUSY).quick(),
    case("direct calls, own client, 1 in flight", false, SINGLE),
    case("proxied calls, own client, 1 in flight", true, SINGLE),
];

const fn case(title: &'static str, proxied: bool, shape: Shape) -> Case<Setup> {
    Case::new(title, PEERS, Setup { proxied, shape })
}

/// Direct and proxied calls, and how much more the server, which is the gateway, has to do for the latter.
pub fn run(rounds: Rounds<'_>) -> Result<Vec<Row>> {
    let groups = rounds.take(&CASES, CALL, |peer, setup| {
        let upstream = setup.proxied.then(Upstream::start).transpose()?;
        let setting = Setting { upstream: upstream.as_ref().map(|it| it.address), ..Setting::default() };
        let server = Server::start(peer, Scheduler::MultiThread, setting, rounds.core)?;
        let window = rounds.window(peer);
        let sample = peer.call_by_client(&server.endpoint, setup.shape, window, server.clock()?)?;
        Ok(figures_of(&sample))
    })?;
    let ratios: Vec<Row> = groups
        .chunks_exact(2)
        .map(|pair| {
            let ratio =
                Row::quotient("gateway CPU a call, times a direct one's", &pair[1][COST], &pair[0][COST]);
            ratio.with(Goal::AtMost(2.5))
        })
        .collect();
    Ok(groups.into_iter().flatten().chain(ratios).collect())
}
