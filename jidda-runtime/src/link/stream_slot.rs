//! Where the stream of a connection is, and when the last broadcast was made that its peer gets.

use tokio::time::Instant;

use crate::transport::Stream;

/// Where a connection's stream is.
#[derive(Debug, Default)]
pub(crate) enum StreamSlot {
    /// There is none.
    #[default]
    Detached,
    /// The connection's task has it: it runs, and will look at its shared again before it sleeps.
    WithDriver,
    /// Here: the task sleeps.
    Parked(Stream),
    /// A frame of a broadcast is being written to it.
    Borrowed,
    /// The same, and the task waits for it.
    BorrowedWaited,
}

/// When a broadcast is made: the last digits of a count of milliseconds, which repeat after a quarter of a second. What is
/// mistaken for another moment by that is queued instead of written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BroadcastTime(pub(super) u8);

impl BroadcastTime {
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn since(start: Instant) -> Self {
        Self(start.elapsed().as_millis() as u8)
    }

    /// Whether it is less than two milliseconds after another one. Then its frames are queued: a task writes all that
    /// has arrived by the time it runs at once, which is less work when much arrives.
    pub(super) fn is_within_coalescing_window(self, other: u8) -> bool {
        self.0.wrapping_sub(other) < 2
    }
}
