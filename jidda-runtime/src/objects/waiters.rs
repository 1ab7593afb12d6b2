//! Tasks that wait for something of a socket: each leaves when its future is dropped.
//!
//! A waker is code of the program. It is cloned, woken and dropped only while nothing is locked.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::guard::wake_all;

/// Tasks that wait for the same thing, in the order in which they began to.
///
/// By numbers that are given once: the list may be another one, of the same socket, when a task leaves it.
#[derive(Debug, Default)]
pub(crate) struct Waiters(BTreeMap<u64, Waker>);

impl Waiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn would_wake(&self, number: u64, waker: &Waker) -> bool {
        self.0.get(&number).is_some_and(|waiting| waiting.will_wake(waker))
    }

    /// Adds a task. Gives back what had the number before, to be dropped when nothing is locked.
    #[must_use]
    pub(crate) fn insert(&mut self, number: u64, waker: Waker) -> Option<Waker> {
        self.0.insert(number, waker)
    }

    /// Removes a task. Gives back its waker, to be dropped when nothing is locked.
    #[must_use]
    pub(crate) fn remove(&mut self, number: u64) -> Option<Waker> {
        self.0.remove(&number)
    }

    /// Wakes all of them. Not while anything is locked.
    pub(crate) fn wake(self) {
        wake_all(self.0.into_values());
    }
}
