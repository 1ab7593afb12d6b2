//! Round-trip times.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A histogram of round trips, exact to three digits.
#[derive(Debug)]
pub struct Latency(Histogram<u64>);

impl Latency {
    const LONGEST: Duration = Duration::from_mins(1);

    /// Nothing recorded so far.
    pub fn new() -> Self {
        let longest = u64::try_from(Self::LONGEST.as_nanos()).expect("a minute fits");
        Self(Histogram::new_with_bounds(1, longest, 3).expect("the bounds are in order"))
    }

    /// Adds one round trip.
    pub fn record(&mut self, round_trip: Duration) {
        self.0.saturating_record(u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The round trip that `percent` of all did not exceed, in microseconds.
    pub fn percentile(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1e3
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}
