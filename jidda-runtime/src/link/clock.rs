//! Points of time that fit into an idle connection.

use std::num::NonZeroU32;

/// A tick of the hub's clock, which costs no more where there may be none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick(NonZeroU32);

impl Tick {
    /// The first tick of the clock passes for the one before it: a tick later, what was answered within it would pass
    /// for unanswered.
    pub(crate) fn at(clock: u32) -> Self {
        Self(NonZeroU32::new(clock).unwrap_or(NonZeroU32::MAX))
    }

    pub(crate) fn clock(self) -> u32 {
        self.0.get()
    }
}
