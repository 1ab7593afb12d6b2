//! How much a connection's task does before the other tasks of its worker thread have their turn.
//!
//! Tokio's own budget counts operations on streams and channels. A read of 64 kilobytes is one of them, and may hold
//! ten thousand messages that need no other: without a bound of ours, a peer that sends faster than they are answered
//! would keep all other connections waiting.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The most units of work in one turn: each message is one, and so is each kilobyte.
pub(crate) const MOST: u16 = 511;
/// Each time so many units are spent, the clock is read: that costs as much as a tenth of a message.
const STRIDE: u16 = 16;
/// The longest turn. Tokio looks for new input at least every 61 turns, however busy a thread is: they take 15 ms.
const LONGEST: Duration = Duration::from_micros(250);

thread_local! {
    /// When the clock was first read in the turn that this thread runs. Turns do not nest.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What is left of one turn, which is one poll of the task.
#[derive(Debug)]
pub(crate) struct Turn {
    left: u16,
}

impl Turn {
    /// A whole turn.
    pub(crate) fn begin() -> Self {
        Self { left: MOST }
    }

    /// Whether the rest has to wait for the next turn.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Counts one message, or one other piece of work, of so many bytes.
    #[inline]
    pub(crate) fn spend(&mut self, bytes: usize) {
        let before = self.left;
        let units = u16::try_from(bytes >> 10).unwrap_or(MOST);
        self.left = before.saturating_sub(1).saturating_sub(units);
        if before / STRIDE != self.left / STRIDE {
            self.read_clock(before / STRIDE == MOST / STRIDE);
        }
    }

    #[cold]
    fn read_clock(&mut self, is_first: bool) {
        let now = Instant::now();
        match BEGAN.get() {
            Some(began) if !is_first => {
                if now.duration_since(began) >= LONGEST {
                    self.left = 0;
                }
            }
            // Most turns are short, and never read it.
            _ => BEGAN.set(Some(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_by_messages_or_by_bytes() {
        let mut turn = Turn::begin();
        let mut messages = 0;
        while !turn.is_over() {
            turn.spend(10);
            messages += 1;
        }
        // On a slow machine it is over sooner.
        assert!((1..=MOST).contains(&messages), "{messages}");
        let mut turn = Turn::begin();
        turn.spend(usize::from(MOST) << 10);
        assert!(turn.is_over());
    }

    #[test]
    fn a_turn_ends_by_time() {
        let mut turn = Turn::begin();
        let mut messages = 0;
        while !turn.is_over() {
            let began = Instant::now();
            while began.elapsed() < LONGEST / 8 {}
            turn.spend(0);
            messages += 1;
        }
        assert!(messages <= 2 * STRIDE, "{messages}");
    }

    #[test]
    fn the_time_of_one_turn_is_not_that_of_the_next() {
        let mut turn = Turn::begin();
        turn.spend(100 << 10);
        BEGAN.set(Instant::now().checked_sub(LONGEST));
        let mut turn = Turn::begin();
        turn.spend(100 << 10);
        assert!(!turn.is_over());
    }
}
