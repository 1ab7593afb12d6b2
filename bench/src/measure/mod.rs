//! What is read from the operating system and from the clock, and what becomes of it over the rounds.

pub mod cpu;
pub mod latency;
pub mod memory;
pub mod others;

use std::time::Duration;

/// How long a load runs before it is measured, and for how long it then is.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Long enough for buffers to grow and branch predictors to learn.
    pub warm_up: Duration,
    /// The part that counts.
    pub measured: Duration,
}

/// What one run of a load against one server came to.
#[derive(Debug)]
pub struct Sample {
    /// Calls answered, or events delivered.
    pub messages: u64,
    /// The time that took.
    pub wall: Duration,
    /// The server's share of a processor during that time.
    pub cpu: Duration,
    /// Round trips of calls; for a broadcast, from the request for it until the last socket has it.
    pub latency: latency::Latency,
}

impl Sample {
    /// The server's processor time for one message, in microseconds.
    pub fn cpu_per_message(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages as f64
    }

    /// Messages a second.
    pub fn throughput(&self) -> f64 {
        self.messages as f64 / self.wall.as_secs_f64()
    }

    /// How busy the server's core was, in percent: far below 100, the load generator was the limit.
    pub fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64() * 100.0
    }
}
