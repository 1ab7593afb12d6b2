//! The tables with all that is needed to read it, as text and as a file.

use std::{fmt::Write as _, fs, path::Path, time::SystemTime};

use anyhow::{Context as _, Result};

use crate::{
    budget::Budgets,
    machine,
    plot::{self, Plot},
    rounds::Effort,
    table::Table,
    versions,
};

/// Above this share of the machine for other processes, the figures need a warning.
const QUIET: f64 = 5.0;

/// What the budgets have come to, the machine, the plots and the tables, each with its heading.
pub fn render(
    tables: &[(&'static str, Table)],
    plots: &[Plot],
    effort: Effort,
    cores: usize,
    (others, failures): (f64, &str),
) -> Result<String> {
    let mut report = "# Benchmarks\n\n".to_owned();
    let budgets = Budgets(tables);
    if !budgets.is_empty() {
        writeln!(report, "## Budgets\n\n{budgets}")?;
    }

    let date = humantime::format_rfc3339_seconds(SystemTime::now());
    writeln!(report, "## Machine and versions\n\nTaken at {date}.\n")?;
    for (name, value) in machine::describe(cores)? {
        writeln!(report, "- {name}: {value}")?;
    }
    writeln!(report, "- versions: {}\n", versions::all()?.join(", "))?;
    let warning = if others > QUIET { " **Take the figures again on a quiet machine.**" } else { "" };
    writeln!(report, "Other processes took {others:.0} % of the machine meanwhile.{warning}\n")?;

    if !plots.is_empty() {
        writeln!(report, "## Plots\n")?;
    }
    for Plot { file, title, .. } in plots {
        writeln!(report, "![{title}]({}/{file})\n", plot::FOLDER)?;
    }
    for (heading, table) in tables {
        writeln!(report, "## {heading}\n\n{table}")?;
    }
    if !failures.is_empty() {
        writeln!(report, "## What failed\n\nThese have a round less each.\n\n{failures}")?;
    }
    report.push_str(&legend(effort));
    Ok(report)
}

/// How the tables are read.
fn legend(effort: Effort) -> String {
    let Effort { rounds, window } = effort;
    format!(
        "## How to read them

Each cell: **median** (least–most) of {rounds} rounds of {measured}, the servers taking turns. A ratio is one of
medians of this run. A plot has bars to the median, whiskers from the least to the most, and a colour for each server.
The [README](README.md) says how each measure is taken.

One core for the server, on tokio's multi-thread runtime with one worker unless a row says otherwise; another for the
load generator. CPU is the user and system time of the server's process, by its CPU-time clock. A server far from
100 % busy had to wait for its client. Memory is resident and anonymous, unless it is the kernel's. A row that says
\"times\" is the quotient of two others, taken in each round. Raw tokio gets the bytes that jidda gets, and writes them
back; for a broadcast it is a plain loop of writes.
",
        measured = humantime::format_duration(window.measured),
    )
}

/// Writes the report to `RESULTS.md` in a folder.
pub fn save(report: &str, folder: &Path) -> Result<()> {
    let path = folder.join("RESULTS.md");
    fs::write(&path, report).with_context(|| format!("cannot write {}", path.display()))
}
