//! Tests that look into connections.

mod census;
mod refusals;
mod task;
mod turns;
