//! What is told of whole programs: how large they are, how soon they listen, and how long they take to compile. Their
//! sources are in `programs/`, each a package of its own with the features that it needs, and no more.

mod cargo;
mod start;

use std::fs;

use anyhow::{Context as _, Result};

use crate::{
    peer::{Column, Peer},
    table::{Row, Table},
};

/// The title of the section.
pub const HEADING: &str = "Programs";

/// An echo server of each.
const ECHO: [(Peer, &str); 5] = [
    (Peer::Jidda, "echo-jidda"),
    (Peer::Tarpc, "echo-tarpc"),
    (Peer::Jsonrpsee, "echo-jsonrpsee"),
    (Peer::Tonic, "echo-tonic"),
    (Peer::Socketioxide, "echo-socketioxide"),
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
    let echo = ECHO.iter().filter(|(peer, _)| wanted(*peer));
    let mut size = Row::new("echo server", "size stripped, MiB");
    let mut starts = Vec::new();
    for &(peer, package) in echo {
        let program = cargo::build_stripped(package)?;
        let bytes = fs::metadata(&program).with_context(|| program.display().to_string())?.len();
        size.add(peer, bytes as f64 / f64::from(1 << 20));
        starts.push((peer, program));
    }

    let mut start = Row::new("echo server", "start until it listens, ms");
    for round in 1..=rounds * STARTS_A_ROUND {
        eprintln!("start of an echo server, round {round} of {}", rounds * STARTS_A_ROUND);
        for (peer, program) in &starts {
            start.add(*peer, start::until_it_listens(std::process::Command::new(program))?);
        }
        if let Some(program) = node().filter(|_| wanted(Peer::Node)) {
            start.add(Peer::Node, start::until_it_listens(program)?);
        }
    }

    let mut rows = vec![size, start];
    for (title, packages) in COMPILED {
        let mut row = Row::new(title, "compile, s");
        let packages: Vec<_> = packages.into_iter().filter(|(peer, _)| wanted(*peer)).collect();
        for (_, package) in &packages {
            cargo::build(package)?;
        }
        for round in 1..=rounds {
            for &(peer, package) in &packages {
                eprintln!("{title}, round {round} of {rounds}: {}", peer.name());
                row.add(peer, cargo::rebuild(package)?);
            }
        }
        rows.push(row);
    }
    let others = &[Column::Tarpc, Column::Jsonrpsee, Column::Tonic, Column::Socketioxide, Column::Node];
    Ok(Table { others, rows })
}

/// socket.io on Node, if it is there.
fn node() -> Option<std::process::Command> {
    Peer::Node.missing().is_none().then(|| Peer::Node.program()).flatten()
}
