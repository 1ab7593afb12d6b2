//! A queue whose entries can be taken out of its middle, by the places they were given.

use std::collections::BTreeMap;

/// Entries in the order in which they were added. What is taken out leaves nothing behind, so that whoever queues and takes out in turns
/// does not make it grow.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    entries: BTreeMap<u64, T>,
    next: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), next: 0 }
    }
}

impl<T> Queue<T> {
    /// Appends an entry; its place.
    pub(crate) fn push(&mut self, entry: T) -> u64 {
        let place = self.next;
        self.next += 1;
        self.entries.insert(place, entry);
        place
    }

    /// The oldest entry.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.entries.pop_first().map(|(_, entry)| entry)
    }

    pub(crate) fn at(&mut self, place: u64) -> Option<&mut T> {
        self.entries.get_mut(&place)
    }

    pub(crate) fn remove(&mut self, place: u64) -> Option<T> {
        self.entries.remove(&place)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = T> {
        self.entries.into_values()
    }
}
