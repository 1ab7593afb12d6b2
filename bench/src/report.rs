//! The tables with all that is needed to read it, as text and as a file.

use std::{fmt::Write as _, fs, path::Path, time::SystemTime};

use anyhow::{Context as _, Result};

use crate::{machine, peer::node, rounds::Effort, section::Section, table::Table};

/// The lock file of this very build, which knows the versions of the peers.
const LOCK: &str = include_str!("../Cargo.lock");

/// Above this share of the machine for other processes, the figures need a warning.
const QUIET: f64 = 5.0;

/// The versions that matter, with Node's if it has been measured.
const PACKAGES: [&str; 6] = ["tokio", "tarpc", "jsonrpsee", "tonic", "socketioxide", "axum"];

/// The tables, what they were measured on and how.
pub fn render(tables: &[(Section, Table)], effort: Effort, cores: usize, others: f64) -> Result<String> {
    let machine = machine::describe()?;
    let date = humantime::format_rfc3339_seconds(SystemTime::now());
    let mut versions: Vec<String> = PACKAGES.into_iter().map(version).collect::<Result<_>>()?;
    if tables.iter().any(|(section, _)| *section == Section::SocketIo) {
        versions.extend(node::versions().ok().map(ToOwned::to_owned));
    }
    let mut sections = String::new();
    for (section, table) in tables {
        writeln!(sections, "## {}\n\n{table}", section.heading())?;
    }
    let Effort { rounds, window } = effort;
    let warning = if others > QUIET { " **Take the figures again on a quiet machine.**" } else { "" };
    Ok(format!(
        "# Benchmarks

{machine}, {cores} cores · {date} · {versions}

{sections}## How to read them

Each cell: **median** (least–most) of {rounds} rounds of {measured}, the servers taking turns. A ratio is one of
medians. One core for the server, on tokio's multi-thread runtime with one worker unless a row
says otherwise; another for the load generator, bytes encoded beforehand except for tarpc, jsonrpsee and tonic, and except under
Services: there every server's own client calls. A server far from 100 % busy had to wait for its client. CPU is the user and
system time of the server's process, by its CPU-time clock; memory is resident, anonymous, what 5,000 connections
added after one call on each. Calls and events carry a string of 16 bytes. Raw tokio gets the bytes that jidda gets,
and writes them back. Other processes took {others:.0} % of the machine meanwhile.{warning}

With Socket.IO a message is an event and what answers it, an acknowledgement or an event; WebSocket is the only
transport. A client that comes and goes connects, upgrades to WebSocket, joins the root namespace, leaves, and waits
until the server has closed.

Under Services, a row that says \"times\" is the quotient of two others, taken in each round. A proxied call goes through
the server, which hands it to another one on the load's core. Streams carry items of 16 bytes without an end; slow
readers take one in 100 ms, the one on the first of the 16 connections, the other on a connection of its own, and
are not counted. Memory is resident and anonymous: before the first stream, and when the round ends.
",
        versions = versions.join(", "),
        measured = humantime::format_duration(window.measured),
    ))
}

/// Writes the report to `RESULTS.md`.
pub fn save(report: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    fs::write(&path, report).with_context(|| format!("cannot write {}", path.display()))
}

/// A package and its version in the lock file.
fn version(package: &str) -> Result<String> {
    let (_, rest) = LOCK
        .split_once(&format!("name = \"{package}\"\nversion = \""))
        .with_context(|| format!("{package} is not in the lock file"))?;
    let (version, _) = rest.split_once('"').context("the lock file ends in a version")?;
    Ok(format!("{package} {version}"))
}
