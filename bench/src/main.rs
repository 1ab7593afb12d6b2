//! jidda and its peers, measured side by side in one run.
//!
//! `cargo run --release` takes every measure, prints a table for each protocol and writes them to `RESULTS.md`, with
//! plots. Every server runs in a process of its own on a core of its own, and is charged what the operating system says
//! it used.

#![forbid(unsafe_code)]

mod budget;
mod child;
mod choice;
mod load;
mod machine;
mod measure;
mod measures;
mod peer;
mod plot;
mod programs;
mod report;
mod rounds;
mod section;
mod services;
mod table;
mod versions;
mod wire;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum as _};

use self::{
    child::Scheduler,
    choice::Choice,
    machine::Side,
    measure::others::Others,
    peer::{Peer, Setting},
    rounds::{Effort, Failures, Rounds},
    section::Section,
    table::Table,
};

/// Either side of a broadcast holds 5,000 sockets, and the limit is one of each process.
const DESCRIPTORS: u64 = 6_000;

/// Measures jidda and its peers side by side.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// One short round of fewer cases rather than five of all; RESULTS.md stays as it is
    #[arg(long)]
    quick: bool,

    /// Only this server, may be given several times; RESULTS.md stays as it is
    #[arg(long, value_name = "SERVER")]
    only: Vec<Peer>,

    /// Only these measures; RESULTS.md stays as it is
    measures: Vec<Choice>,

    /// Only the programs, with the measures that are named; RESULTS.md stays as it is
    #[arg(long)]
    programs: bool,

    /// Where RESULTS.md and its plots go, whatever is measured
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be a server under test; started by the program itself
    #[command(hide = true)]
    Server {
        peer: Peer,
        scheduler: Scheduler,
        core: usize,
        #[command(flatten)]
        setting: Setting,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    machine::allow_descriptors(DESCRIPTORS)?;
    if let Some(Role::Server { peer, scheduler, core, setting }) = arguments.role {
        return child::serve(peer, scheduler, setting, core);
    }

    let cores = machine::cores()?;
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let all = arguments.measures.is_empty() && arguments.only.is_empty() && !arguments.programs;
    // Before this process keeps to one core, which the compiler would have to share.
    let programs = (arguments.programs || arguments.measures.is_empty())
        .then(|| programs::measure(effort.rounds, &arguments.only))
        .transpose()?;

    let core = machine::core_of(Side::Server, &cores)?;
    machine::pin_to(machine::core_of(Side::Load, &cores)?)?;

    let others = Others::watch()?;
    let every = arguments.measures.is_empty() && !arguments.programs;
    let measures = if every { Choice::value_variants() } else { &arguments.measures };
    let failures = Failures::default();
    let rounds = Rounds { effort, quick: arguments.quick, core, only: &arguments.only, failures: &failures };
    let mut tables = Vec::new();
    for section in Section::ALL {
        let mut rows = Vec::new();
        for measure in measures.iter().filter(|&&measure| Section::of(measure) == section) {
            rows.extend(measure.run(rounds)?);
        }
        if !rows.is_empty() {
            tables.push((section.heading(), Table { others: section.others(), rows }));
        }
    }

    tables.extend(programs.map(|table| (programs::HEADING, table)));

    let plots = plot::draw(&tables)?;
    let failures = failures.to_string();
    let report =
        report::render(&tables, &plots, effort, cores.len(), (others.share(cores.len())?, &failures))?;
    print!("{report}");
    let own = (all && !arguments.quick).then(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned());
    if let Some(folder) = arguments.output.or(own) {
        plot::save(&plots, &folder)?;
        report::save(&report, &folder)?;
    }
    Ok(())
}
