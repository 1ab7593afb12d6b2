//! Events that came and have to wait, bounded in memory.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::config::Config;
use crate::wire::Meta;

/// What an event takes beside its arguments, about.
const OVERHEAD: usize = 100;

/// One event that waits; its bytes are its own.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: Option<u32>,
    pub(super) event: Box<str>,
    pub(super) arguments: Bytes,
    pub(super) meta: Option<Box<Meta>>,
}

impl Waiting {
    /// How much memory it takes, about.
    fn size(&self) -> usize {
        // Of each text in it, the head is larger here than on the wire.
        let meta = self.meta.as_ref().map_or(0, |meta| size_of::<Meta>() + 4 * meta.size());
        self.arguments.len() + self.event.len() + meta + OVERHEAD
    }
}

/// Events in the order they came, each with what is needed to run it later.
#[derive(Debug)]
pub(super) struct Backlog<T> {
    events: VecDeque<(T, Waiting)>,
    bytes: usize,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self { events: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Backlog<T> {
    /// Whether one more may wait: together they take no more memory than one message may. One that
    /// is alone always may.
    pub(super) fn has_room(&self, waiting: &Waiting, config: &Config) -> bool {
        self.events.is_empty() || self.bytes + waiting.size() <= config.max_message
    }

    /// How many bytes wait, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn push(&mut self, with: T, waiting: Waiting) {
        self.bytes += waiting.size();
        self.events.push_back((with, waiting));
    }

    pub(super) fn pop(&mut self) -> Option<(T, Waiting)> {
        let (with, waiting) = self.events.pop_front()?;
        self.bytes -= waiting.size();
        Some((with, waiting))
    }

    /// Drops the request of this number: its sender no longer waits for it.
    pub(super) fn forget(&mut self, id: u32) {
        if let Some(place) = self.events.iter().position(|(_, waiting)| waiting.id == Some(id))
            && let Some((_, waiting)) = self.events.remove(place)
        {
            self.bytes -= waiting.size();
        }
    }

    /// The sender of the request of this number takes more items of its streaming reply.
    pub(super) fn grant(&mut self, id: u32, count: u32) {
        let meta = self.events.iter_mut().find_map(|(_, waiting)| {
            let is_it = waiting.id == Some(id);
            if is_it { waiting.meta.as_mut() } else { None }
        });
        if let Some(credit) = meta.and_then(|meta| meta.credit.as_mut()) {
            // As for one that runs: nothing, or too much, is no credit.
            *credit = if count == 0 { u32::MAX } else { credit.saturating_add(count) };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What waits, when it is not going to be run.
    pub(super) fn into_events(self) -> impl Iterator<Item = Waiting> {
        self.events.into_iter().map(|(_, waiting)| waiting)
    }
}
