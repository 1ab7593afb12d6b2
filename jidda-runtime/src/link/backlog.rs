//! Received events that have to wait, bounded in memory.

use bytes::Bytes;

use crate::config::Config;
use crate::link::queue::Queue;
use crate::wire::Meta;

/// What an event takes beside its arguments, about.
const OVERHEAD: usize = 100;

/// One event that waits; its bytes are its own.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) id: Option<u32>,
    pub(crate) event: Box<str>,
    pub(crate) arguments: Bytes,
    pub(crate) meta: Option<Box<Meta>>,
}

impl Waiting {
    /// How much memory it takes, about.
    fn size(&self) -> usize {
        // Of each text in it, the head is larger here than on the wire.
        let meta = self.meta.as_ref().map_or(0, |meta| size_of::<Meta>() + 4 * meta.size());
        self.arguments.len() + self.event.len() + meta + OVERHEAD
    }
}

/// Events in the order in which they were received, each with what is needed to run it later.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    events: Queue<(T, Waiting)>,
    bytes: usize,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self { events: Queue::default(), bytes: 0 }
    }
}

impl<T> Backlog<T> {
    /// Whether one more may wait: together, and with so many bytes that wait elsewhere, they take no more memory than one
    /// message may. One that is alone always may.
    pub(crate) fn has_room(&self, waiting: &Waiting, beside: usize, config: &Config) -> bool {
        let is_alone = self.events.is_empty() && beside == 0;
        is_alone || self.bytes + beside + waiting.size() <= config.max_message
    }

    /// How many bytes wait, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Appends an event; its place.
    pub(crate) fn push(&mut self, with: T, waiting: Waiting) -> u64 {
        self.bytes += waiting.size();
        self.events.push((with, waiting))
    }

    pub(crate) fn pop(&mut self) -> Option<(T, Waiting)> {
        let (with, waiting) = self.events.pop()?;
        self.bytes -= waiting.size();
        Some((with, waiting))
    }

    /// Takes the request at a place out: its sender no longer waits for it.
    pub(crate) fn remove(&mut self, place: u64) -> Option<Waiting> {
        let (_, waiting) = self.events.remove(place)?;
        self.bytes -= waiting.size();
        Some(waiting)
    }

    /// The sender of the request at a place takes more items of its streaming reply.
    pub(crate) fn grant(&mut self, place: u64, count: u32) {
        let meta = self.events.at(place).and_then(|(_, waiting)| waiting.meta.as_mut());
        if let Some(credit) = meta.and_then(|meta| meta.credit.as_mut()) {
            // As for one that runs: nothing, or too much, is no credit.
            *credit = if count == 0 { u32::MAX } else { credit.saturating_add(count) };
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What waits, when it is not going to be run.
    pub(crate) fn into_events(self) -> impl Iterator<Item = Waiting> {
        self.events.into_entries().map(|(_, waiting)| waiting)
    }
}
