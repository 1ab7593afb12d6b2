//! jidda and its peers, measured side by side in one run.
//!
//! `cargo run --release` takes every measure, prints one table and writes it to `RESULTS.md`. Every server runs
//! in a process of its own on a core of its own, and is charged what the operating system says it used.

#![forbid(unsafe_code)]

mod child;
mod load;
mod machine;
mod measure;
mod peer;
mod plan;
mod report;
mod table;
mod wire;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum as _};

use self::{
    child::Scheduler,
    machine::Side,
    measure::others::Others,
    peer::Peer,
    plan::{Effort, Measure},
    table::Table,
};

/// Either side of a broadcast holds 5,000 sockets.
const DESCRIPTORS: u64 = 6_000;

/// Measures jidda and its peers side by side.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Three short rounds rather than five; RESULTS.md stays as it is
    #[arg(long)]
    quick: bool,

    /// Only these measures; RESULTS.md stays as it is
    measures: Vec<Measure>,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be a server under test; started by the program itself
    #[command(hide = true)]
    Server { peer: Peer, scheduler: Scheduler, core: usize },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    machine::allow_descriptors(DESCRIPTORS)?;
    if let Some(Role::Server { peer, scheduler, core }) = arguments.role {
        return child::serve(peer, scheduler, core);
    }

    let cores = machine::cores()?;
    let core = machine::core_of(Side::Server, &cores)?;
    machine::pin_to(machine::core_of(Side::Load, &cores)?)?;

    let others = Others::watch()?;
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let all = arguments.measures.is_empty();
    let measures = if all { Measure::value_variants() } else { &arguments.measures };
    let mut rows = Vec::new();
    for measure in measures {
        rows.extend(measure.run(effort, core)?);
    }

    let report = report::render(&Table(rows), effort, cores.len(), others.share(cores.len())?)?;
    print!("{report}");
    if all && !arguments.quick {
        report::save(&report)?;
    }
    Ok(())
}
