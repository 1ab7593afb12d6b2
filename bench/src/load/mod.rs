//! Load generators. They run in this process, on a core of its own; their processor time does not count.

pub mod broadcast;
pub mod callers;
pub mod connect;
pub mod pipeline;
pub mod schedule;
pub mod streams;
pub mod tasks;

use crate::wire::size::Size;

/// How many calls are under way at a time, and what is sent with them.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Connections to the server.
    pub connections: usize,
    /// Calls in flight on each of them: every reply makes room for the next request.
    pub in_flight: usize,
    /// Events that nobody answers, in front of each call.
    pub notes: usize,
    /// The length of what a call or an event carries.
    pub size: Size,
}
