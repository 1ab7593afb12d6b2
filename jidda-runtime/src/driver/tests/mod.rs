//! Tests that look into connections.

mod census;
mod ending;
mod fast_path;
mod refusals;
mod task;
mod turns;
