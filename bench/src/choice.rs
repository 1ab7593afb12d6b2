//! What can be asked for on the command line: all that is measured, by its name.

use std::sync::LazyLock;

use anyhow::Result;
use clap::{ValueEnum, builder::PossibleValue};

use crate::{measures::Measure, rounds::Rounds, services::Comparison, table::Row};

/// Something to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One case.
    Measure(Measure),
    /// Several, compared.
    Comparison(Comparison),
}

impl Choice {
    /// Measures it.
    pub fn run(self, rounds: Rounds<'_>) -> Result<Vec<Row>> {
        match self {
            Self::Measure(measure) => measure.run(rounds),
            Self::Comparison(comparison) => comparison.run(rounds),
        }
    }
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Choice>> = LazyLock::new(|| {
            let measures = Measure::value_variants().iter().copied().map(Choice::Measure);
            measures.chain(Comparison::value_variants().iter().copied().map(Choice::Comparison)).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Measure(measure) => measure.to_possible_value(),
            Self::Comparison(comparison) => comparison.to_possible_value(),
        }
    }
}
