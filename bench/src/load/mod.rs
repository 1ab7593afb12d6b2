//! Load generators. They run in this process, on a core of its own; their processor time does not count.

pub mod broadcast;
pub mod connect;
pub mod pipeline;
pub mod streams;
pub mod tasks;

/// How many calls are under way at a time.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Connections to the server.
    pub connections: usize,
    /// Calls in flight on each of them: every reply makes room for the next request.
    pub in_flight: usize,
}
