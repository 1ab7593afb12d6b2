//! The clock that the expiry of credentials is compared with.

use std::time::SystemTime;

#[cfg(feature = "server")]
use tokio::time::Instant;

/// The time of day of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum WallClock {
    /// The clock of the system, which may be adjusted, and goes on while the machine is suspended.
    #[default]
    System,
    /// The clock of a test: it starts at the time of the system and advances as tokio's does, which a test may pause.
    #[cfg(feature = "server")]
    Tokio { start: SystemTime, instant: Instant },
}

impl WallClock {
    /// Starts a clock that advances as tokio's does.
    #[cfg(feature = "server")]
    pub(crate) fn tokio() -> Self {
        Self::Tokio { start: SystemTime::now(), instant: Instant::now() }
    }

    pub(crate) fn now(self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            #[cfg(feature = "server")]
            Self::Tokio { start, instant } => start + instant.elapsed(),
        }
    }
}

tokio::task_local! {
    static CURRENT: WallClock;
}

/// Runs a future, within which [`now`] reads this clock.
pub(crate) fn scope<F: Future>(clock: WallClock, future: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(clock, future)
}

/// The time for an authenticator, which does not know its server: that of its [`scope`], else the system's.
pub(crate) fn now() -> SystemTime {
    CURRENT.try_with(|clock| clock.now()).unwrap_or_else(|_| SystemTime::now())
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_a_test_advances_with_the_paused_clock_of_tokio() {
        let clock = WallClock::tokio();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        tokio::time::advance(Duration::from_secs(1200)).await;
        assert_eq!(clock.now(), start + Duration::from_secs(1200));
        assert_eq!(scope(clock, async { now() }).await, clock.now());
        let before = SystemTime::now();
        assert!(WallClock::System.now() >= before);
    }
}
