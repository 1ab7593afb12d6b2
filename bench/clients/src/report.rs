//! Runs everything and prints tables.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use tokio::process::Command;

use crate::peers::{CONNECTIONS, Peer};
use crate::server;

/// How many calls are under way on each connection, and how many times as much another client costs at least.
const CASES: [(usize, Peer, f64); 2] = [(32, Peer::Node, 10.0), (1, Peer::RustSocketio, 5.0)];
/// How many bytes an idle client may take.
const IDLE_BUDGET: u64 = 3 * 1024;

pub(crate) async fn print(seconds: f64, rounds: usize, idle: usize) -> Result<()> {
    let (_server, address) = server::start().await?;
    for (in_flight, other, budget) in CASES {
        println!(
            "{CONNECTIONS} connections with {in_flight} in flight, {rounds} rounds of {seconds} s, WebSockets:\n"
        );
        println!(
            "| client | ns of processor time for an acknowledged event, least to most | times jidda | budget |"
        );
        println!("|---|---|---|---|");
        let costs = calls(&address, seconds, rounds, in_flight).await?;
        let own = median(&costs[0].1);
        for (peer, costs) in &costs {
            let times = median(costs) as f64 / own as f64;
            let budget = if *peer == other {
                verdict(times >= budget, &format!("≥ {budget}"))
            } else {
                String::new()
            };
            let (least, most) = (costs[0], costs[costs.len() - 1]);
            println!("| {} | {} ({least} to {most}) | {times:.1} | {budget} |", peer.name(), median(costs));
        }
        println!();
    }

    let bytes = part(&["idle", &address, &idle.to_string()]).await?[0];
    let budget = verdict(bytes <= IDLE_BUDGET, &format!("≤ {IDLE_BUDGET}"));
    println!("| {idle} idle clients in one process | bytes for each | budget |\n|---|---|---|");
    println!("| jidda | {bytes} | {budget} |\n");

    let opening = part(&["open", &address]).await?;
    let [native, web, request] = opening[..].try_into().context("three figures")?;
    let limit = native * 3 / 2 + request;
    let budget = verdict(web <= limit, &format!("≤ {limit}, 1.5 times the native one's and the request"));
    println!("| µs to connect, native | a request of HTTP | Socket.IO | budget |\n|---|---|---|---|");
    println!("| {native} | {request} | {web} | {budget} |");
    Ok(())
}

/// What an acknowledged event costs each client, in ascending order; jidda is the first.
async fn calls(
    address: &str,
    seconds: f64,
    rounds: usize,
    in_flight: usize,
) -> Result<Vec<(Peer, Vec<u64>)>> {
    let peers = Peer::value_variants().iter().copied().filter(|peer| peer.can(in_flight));
    let mut costs: Vec<_> = peers.map(|peer| (peer, Vec::new())).collect();
    // By turns, so that whatever else the machine does falls on all alike.
    for _ in 0..rounds.max(1) {
        for (peer, costs) in &mut costs {
            let word = peer.to_possible_value().context("each client has a word")?;
            let words = ["call", word.get_name(), address, &in_flight.to_string(), &seconds.to_string()];
            costs.push(part(&words).await?[0]);
        }
    }
    for (_, costs) in &mut costs {
        costs.sort_unstable();
    }
    Ok(costs)
}

fn verdict(is_kept: bool, budget: &str) -> String {
    format!("{budget}: {}", if is_kept { "kept" } else { "missed" })
}

fn median(sorted: &[u64]) -> u64 {
    sorted[sorted.len() / 2]
}

/// The figures that another process of this program prints.
async fn part(words: &[&str]) -> Result<Vec<u64>> {
    let output = Command::new(std::env::current_exe()?).args(words).stderr(Stdio::inherit()).output().await?;
    ensure!(output.status.success(), "`clients {}` failed", words.join(" "));
    let text = String::from_utf8(output.stdout)?;
    text.split_whitespace().map(|figure| figure.parse().context("a figure")).collect()
}
