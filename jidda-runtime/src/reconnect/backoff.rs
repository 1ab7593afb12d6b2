//! How long to wait before the next attempt.

use std::time::Duration;

use crate::config::too_short;
use crate::error::StartProblem;

/// Exponential waiting times with jitter, so that a thousand clients do not reconnect at once.
///
/// ```
/// use std::time::Duration;
/// use jidda::client::Backoff;
///
/// let patient = Backoff::default().first(Duration::from_secs(1)).limit(Duration::from_secs(30));
/// let a_few_times = Backoff::default().attempts(5);
/// # let _ = (patient, a_few_times);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    factor: f64,
    jitter: f64,
    attempts: Option<u32>,
}

/// From 200 ms, doubling, to at most 10 s, each shortened by up to a half at random, without end.
impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            limit: Duration::from_secs(10),
            factor: 2.0,
            jitter: 0.5,
            attempts: None,
        }
    }
}

impl Backoff {
    /// The wait before the first attempt: at least a millisecond.
    #[must_use]
    pub fn first(mut self, wait: Duration) -> Self {
        self.first = wait;
        self
    }

    /// The longest wait: at least a millisecond.
    ///
    /// It is also how long a connection has to last, and a second at least, for the waits to begin anew: one that is lost
    /// sooner counts as one more attempt, so that a server which lets its clients in only to lose them is not run down by
    /// their returns.
    #[must_use]
    pub fn limit(mut self, wait: Duration) -> Self {
        self.limit = wait;
        self
    }

    /// By how much each wait is longer than the one before; at least 1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        // Not `max`, which would make 1 of what is no number.
        self.factor = if factor < 1.0 { 1.0 } else { factor };
        self
    }

    /// The share of a wait, from 0 to 1, that is up to chance.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share.clamp(0.0, 1.0);
        self
    }

    /// How many attempts to make before giving up, counted from the last connection that lasted as long as the longest
    /// wait: see [`limit`](Self::limit).
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// What cannot work, if anything.
    pub(crate) fn problem(&self) -> Option<StartProblem> {
        let not_finite = |name, number: f64| {
            (!number.is_finite()).then(|| StartProblem::setting(name, number, "it is a finite number"))
        };
        too_short("Backoff::first", self.first)
            .or_else(|| too_short("Backoff::limit", self.limit))
            .or_else(|| not_finite("Backoff::factor", self.factor))
            .or_else(|| not_finite("Backoff::jitter", self.jitter))
    }

    /// How long a connection has to last before the attempts are counted anew.
    pub(crate) fn steady(&self) -> Duration {
        self.limit.max(Duration::from_secs(1))
    }

    /// The wait before an attempt, counted from 0; `chance` is from 0 to 1. `None` when that is one too many.
    pub(crate) fn wait(&self, attempt: u32, chance: f64) -> Option<Duration> {
        if self.attempts.is_some_and(|attempts| attempt >= attempts) {
            return None;
        }
        let exponent = i32::try_from(attempt.min(1000)).expect("small");
        let seconds = self.first.as_secs_f64() * self.factor.powi(exponent);
        let seconds = seconds.min(self.limit.as_secs_f64());
        let shortened = Duration::try_from_secs_f64(seconds * (1.0 - self.jitter * chance));
        // As a float, `Duration::MAX` is a little more than that.
        Some(shortened.unwrap_or(self.limit))
    }
}

/// A number from 0 to 1.
pub(crate) fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let backoff = Backoff::default().jitter(0.0);
        let waits: Vec<_> = (0..8).map(|attempt| backoff.wait(attempt, 1.0).unwrap().as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff.wait(u32::MAX, 1.0), Some(Duration::from_secs(10)));
    }

    #[test]
    fn jitter_shortens_and_attempts_end() {
        let backoff = Backoff::default().attempts(2);
        assert_eq!(backoff.wait(0, 1.0), Some(Duration::from_millis(100)));
        assert_eq!(backoff.wait(1, 0.0), Some(Duration::from_millis(400)));
        assert_eq!(backoff.wait(2, 0.0), None);
    }

    #[test]
    fn no_wait_is_too_long() {
        let far = Backoff::default().first(Duration::MAX).limit(Duration::MAX);
        for backoff in [far.clone(), far.factor(f64::MAX), Backoff::default().factor(f64::MAX)] {
            assert!(backoff.problem().is_none(), "{backoff:?}");
            for (attempt, chance) in [(0, 0.0), (1, 1.0), (u32::MAX, 0.5)] {
                assert!(backoff.wait(attempt, chance).unwrap() <= backoff.limit);
            }
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        let backoff = Backoff::default;
        for (name, wrong) in [
            ("jitter", backoff().jitter(f64::NAN)),
            ("factor", backoff().factor(f64::NAN)),
            ("factor", backoff().factor(f64::INFINITY)),
            ("first", backoff().first(Duration::ZERO)),
            ("limit", backoff().limit(Duration::from_nanos(1))),
        ] {
            assert!(
                wrong.problem().unwrap().to_string().starts_with(&format!("`Backoff::{name}` is ")),
                "{wrong:?}"
            );
            assert!(wrong.wait(3, 0.5).unwrap() <= Duration::from_secs(10));
        }
        // Outside of their range, they are the end of it.
        assert_eq!(backoff().jitter(f64::INFINITY), backoff().jitter(1.0));
        assert_eq!(backoff().factor(-1.0), backoff().factor(1.0));
    }
}
