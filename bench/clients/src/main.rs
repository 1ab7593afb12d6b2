//! What clients of Socket.IO cost: processor time for an acknowledged event, memory of idle ones, time to connect.
//!
//! `cargo run --release -p clients` measures jidda's client beside `rust_socketio` and Node's, each in a process of its own,
//! against one server, which is jidda's, in another process. Figures of one run are compared only with each other.

mod idle;
mod opening;
mod peers;
mod processor;
mod report;
mod server;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use peers::Peer;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    /// How long each round of calls lasts, in seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How often each client has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many idle clients there are in one process.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What a process of its own does; its last line is the result.
#[derive(Subcommand)]
enum Part {
    /// Serves until its standard input ends.
    #[command(hide = true)]
    Serve,
    /// Calls as fast as answers come, and prints the nanoseconds of processor time for each call.
    #[command(hide = true)]
    Call { peer: Peer, address: String, in_flight: usize, seconds: f64 },
    /// Opens clients that do nothing, and prints the bytes for each.
    #[command(hide = true)]
    Idle { address: String, count: usize },
    /// Opens clients one after the other, and prints the microseconds for each kind.
    #[command(hide = true)]
    Open { address: String },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    processor::allow_many_files()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.part {
            Some(Part::Serve) => server::serve().await,
            Some(Part::Call { peer, address, in_flight, seconds }) => {
                let cost = peer.call(&address, in_flight, Duration::from_secs_f64(seconds)).await?;
                println!("{cost}");
                Ok(())
            }
            Some(Part::Idle { address, count }) => {
                println!("{}", idle::bytes_each(&address, count).await?);
                Ok(())
            }
            Some(Part::Open { address }) => {
                let opening = opening::measure(&address).await?;
                println!("{} {} {}", opening.native, opening.web, opening.request);
                Ok(())
            }
            None => report::print(arguments.seconds, arguments.rounds, arguments.idle).await,
        }
    })
}
