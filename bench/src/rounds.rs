//! How often everything is measured, and in which order.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::{measure::Window, peer::Peer, table::Row};

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How often every measure is taken.
    pub rounds: usize,
    /// How long each takes.
    pub window: Window,
}

impl Effort {
    /// For figures to publish.
    pub const FULL: Self = Self {
        rounds: 5,
        window: Window { warm_up: Duration::from_millis(500), measured: Duration::from_millis(2_500) },
    };

    /// For a look while working.
    pub const QUICK: Self = Self {
        rounds: 3,
        window: Window { warm_up: Duration::from_millis(250), measured: Duration::from_secs(1) },
    };
}

/// What the command line asks for.
#[derive(Clone, Copy, Debug)]
pub struct Rounds<'a> {
    /// How thorough.
    pub effort: Effort,
    /// The core of the servers.
    pub core: usize,
    /// Leaves out the other servers, if it names any.
    pub only: &'a [Peer],
}

/// Servers that are set up and measured in the same way.
#[derive(Clone, Copy, Debug)]
pub struct Case<T> {
    /// What the rows are called.
    pub title: &'static str,
    /// The servers.
    pub peers: &'static [Peer],
    /// What is particular to it.
    pub setup: T,
}

impl Rounds<'_> {
    /// Takes the figures of every case in every round on every server in turn, so that whatever else the machine does
    /// falls on all of them alike. Returns the rows of each case.
    pub fn take<T>(
        self,
        cases: &[Case<T>],
        figures: &[&'static str],
        take: impl Fn(Peer, &T) -> Result<Vec<f64>>,
    ) -> Result<Vec<Vec<Row>>> {
        let rows = |case: &Case<T>| figures.iter().map(|figure| Row::new(case.title, figure)).collect();
        let mut groups: Vec<Vec<Row>> = cases.iter().map(rows).collect();
        let Self { effort: Effort { rounds, .. }, only, .. } = self;
        for round in 1..=rounds {
            for (case, rows) in cases.iter().zip(&mut groups) {
                for &peer in case.peers.iter().filter(|peer| only.is_empty() || only.contains(peer)) {
                    let doing = format!("{}, round {round} of {rounds}: {}", case.title, peer.name());
                    if let Some(reason) = peer.missing() {
                        eprintln!("{doing}: skipped: {reason}");
                        continue;
                    }
                    eprintln!("{doing}");
                    let values = take(peer, &case.setup).with_context(|| peer.name())?;
                    for (row, value) in rows.iter_mut().zip(values) {
                        row.add(peer, value);
                    }
                }
            }
        }
        Ok(groups)
    }
}
