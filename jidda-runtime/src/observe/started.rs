//! When something began, where that is measured.

#[cfg(feature = "metrics")]
use std::time::{Duration, Instant};

/// When something began. Without the feature `metrics` it is nothing, and costs nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started(#[cfg(feature = "metrics")] Instant);

impl Started {
    #[inline]
    pub(crate) fn now() -> Self {
        Self(
            #[cfg(feature = "metrics")]
            Instant::now(),
        )
    }

    #[cfg(feature = "metrics")]
    #[inline]
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
