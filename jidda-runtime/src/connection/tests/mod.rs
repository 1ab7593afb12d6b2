//! Tests of a connection's task by itself: its stream is in memory, and the test polls it.

mod refusals;
mod task;
mod turns;
