//! The measures that set several cases beside one another, each with rows of its own.

mod proxied;
mod secure;
mod streams;

use anyhow::Result;
use clap::ValueEnum;

use crate::{rounds::Rounds, table::Row};

/// The place of the cost among the figures of calls.
const COST: usize = 0;

/// Such a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Comparison {
    /// Calls over TCP, TLS and Noise.
    Secure,
    /// Calls handled by the server, and passed on to another.
    Proxied,
    /// 1,000 streams, without and with slow readers.
    Streams,
}

impl Comparison {
    /// Takes the figures of each case, and compares them.
    pub fn run(self, rounds: Rounds<'_>) -> Result<Vec<Row>> {
        match self {
            Self::Secure => secure::run(rounds),
            Self::Proxied => proxied::run(rounds),
            Self::Streams => streams::run(rounds),
        }
    }
}
