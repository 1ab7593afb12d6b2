//! The measures that set several cases beside one another, each with rows of its own.

pub mod proxied;
pub mod secure;
pub mod streams;

/// The place of the cost among the figures of calls.
const COST: usize = 0;
