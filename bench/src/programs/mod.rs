//! What is told of whole programs: how large they are, how soon they listen, and how long they take to compile. Their
//! sources are in `programs/`, each a package of its own with the features that it needs, and no more.

mod cargo;
mod start;

use std::{fs, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    peer::{Column, Peer, Setting},
    table::{Row, Table},
};

/// The title of the section.
pub const HEADING: &str = "Programs";

/// Echo servers: as they come, and jidda without what its peers have not got here, which is TLS, Noise and tokens.
const ECHO: [(&str, &[(Peer, &str)]); 2] = [
    (
        "echo server",
        &[
            (Peer::Jidda, "echo-jidda"),
            (Peer::Tarpc, "echo-tarpc"),
            (Peer::Jsonrpsee, "echo-jsonrpsee"),
            (Peer::Tonic, "echo-tonic"),
            (Peer::Socketioxide, "echo-socketioxide"),
        ],
    ),
    ("echo server without default features", &[(Peer::Jidda, "echo-jidda-plain")]),
];

/// With so many handlers, a program of each.
const COMPILED: [(&str, [(Peer, &str); 3]); 2] = [
    (
        "program of 1 handler",
        [(Peer::Jidda, "echo-jidda"), (Peer::Tarpc, "echo-tarpc"), (Peer::Socketioxide, "echo-socketioxide")],
    ),
    (
        "program of 100 handlers",
        [
            (Peer::Jidda, "hundred-jidda"),
            (Peer::Tarpc, "hundred-tarpc"),
            (Peer::Socketioxide, "hundred-socketioxide"),
        ],
    ),
];

/// A start takes no longer than this many compilations do, so there can be more of them.
const STARTS_A_ROUND: usize = 4;

/// Builds the programs and measures them, in every round each in turn. Those that are not in `only` are left out, if it
/// names any.
pub fn measure(rounds: usize, only: &[Peer]) -> Result<Table> {
    let wanted = |peer: Peer| only.is_empty() || only.contains(&peer);
    let mut rows = Vec::new();
    for (title, packages) in ECHO {
        rows.extend(measure_start(title, packages, rounds, wanted)?);
    }
    for (title, packages) in COMPILED {
        rows.push(measure_compilation(title, &packages, rounds, wanted)?);
    }
    let others = &[Column::Tarpc, Column::Jsonrpsee, Column::Tonic, Column::Socketioxide, Column::Node];
    Ok(Table { others, rows })
}

/// The size of programs, and how soon they listen.
fn measure_start(
    title: &'static str,
    packages: &[(Peer, &str)],
    rounds: usize,
    wanted: impl Fn(Peer) -> bool,
) -> Result<[Row; 2]> {
    let mut size = Row::new(title, "size stripped, MiB");
    let mut programs = Vec::new();
    for &(peer, package) in packages.iter().filter(|(peer, _)| wanted(*peer)) {
        eprintln!("{title}: {} is built", peer.name());
        let program = cargo::build_stripped(package)?;
        let bytes = fs::metadata(&program).with_context(|| program.display().to_string())?.len();
        size.add(peer, bytes as f64 / f64::from(1 << 20));
        programs.push((peer, program));
    }
    let node = Peer::Node;
    let beside_node = packages.len() > 1 && wanted(node) && node.missing().is_none();
    let mut start = Row::new(title, "start until it listens, ms");
    for _ in 0..rounds * STARTS_A_ROUND {
        for (peer, program) in &programs {
            start.add(*peer, start::until_it_listens(Command::new(program))?);
        }
        if let Some(program) = node.program(Setting::default()).filter(|_| beside_node) {
            start.add(node, start::until_it_listens(program)?);
        }
    }
    Ok([size, start])
}

/// How long programs take to compile, when all that they depend on is there.
fn measure_compilation(
    title: &'static str,
    packages: &[(Peer, &str)],
    rounds: usize,
    wanted: impl Fn(Peer) -> bool,
) -> Result<Row> {
    let mut row = Row::new(title, "compile, s");
    let packages: Vec<_> = packages.iter().filter(|(peer, _)| wanted(*peer)).collect();
    for (peer, package) in &packages {
        eprintln!("{title}: {} is built", peer.name());
        cargo::build(package)?;
    }
    for round in 1..=rounds {
        for &&(peer, package) in &packages {
            eprintln!("{title}, round {round} of {rounds}: {}", peer.name());
            row.add(peer, cargo::rebuild(package)?);
        }
    }
    Ok(row)
}
