//! Tests that look into connections.

mod census;
mod ending;
mod refusals;
mod task;
mod turns;
