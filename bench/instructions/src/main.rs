//! Counts the instructions that jidda takes for a message, by callgrind, and compares them to `baseline.toml`.
//!
//! `cargo run --release -p instructions` starts this program once more as a server under callgrind, twice for each
//! kind of message: the second time with twice the load. What the second run takes more, divided by the messages that
//! it has more, is what a message costs; what starting and greeting cost is in both and drops out. Unlike
//! time, it is the same on a busy machine.

#![forbid(unsafe_code)]

mod baseline;
mod callgrind;
mod comparison;
mod frames;
mod kind;
mod load;
mod server;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum as _};

use self::{
    baseline::Baseline,
    comparison::{Comparison, Verdict},
    kind::Kind,
};

/// Counts the instructions that jidda takes for a message.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Makes what is counted now the baseline
    #[arg(long)]
    record: bool,

    /// Only these kinds of messages
    kinds: Vec<Kind>,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be the server; started by the program itself
    #[command(hide = true)]
    Server,
}

fn main() -> Result<ExitCode> {
    let Arguments { record, kinds, role } = Arguments::parse();
    if let Some(Role::Server) = role {
        server::serve()?;
        return Ok(ExitCode::SUCCESS);
    }

    let kinds = if kinds.is_empty() { Kind::value_variants() } else { &kinds };
    let mut baseline = Baseline::read()?;
    let mut comparisons = Vec::new();
    for &kind in kinds {
        let now = callgrind::instructions_of(kind)?;
        comparisons.push(Comparison { kind, now, before: baseline.count(kind) });
    }
    print!("{}", comparison::table(&comparisons));
    if record {
        baseline.record(comparisons.iter().map(|it| (it.kind, it.now)))?;
        println!("\nThe baseline is now what was counted.");
        return Ok(ExitCode::SUCCESS);
    }

    let has = |verdict| comparisons.iter().any(|it| it.verdict() == verdict);
    let (missing, worse, better) = (has(Verdict::Missing), has(Verdict::Worse), has(Verdict::Better));
    if better {
        println!("\nSome of it is cheaper than the baseline by more than 5 %: {RECORD} keeps it so.");
    }
    if missing {
        println!("\nSome of it has no baseline: {RECORD} gives it one.");
    }
    if worse {
        println!(
            "\nSome of it is dearer than the baseline by more than 5 %. Find out why; where the price is right, {RECORD} \
             makes it the baseline."
        );
    }
    if worse && let Some(other) = baseline.other_compiler()? {
        println!("The baseline was counted with {other}, which may be why.");
    }
    Ok(if worse || missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What writes the baseline anew.
const RECORD: &str = "`cargo run --release -p instructions -- --record` in bench/";
