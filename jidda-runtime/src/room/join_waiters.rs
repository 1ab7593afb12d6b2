//! Waiting for sockets that have not joined yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;

use super::target::RoomKey;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// The waiters by group, `None` for whole namespaces, and then by number, so that each is removed in constant time.
type Waits = HashMap<Option<RoomKey>, BTreeMap<u64, Arc<Notify>>>;

/// The groups that are waited for; usually none.
#[derive(Debug, Default)]
pub(crate) struct JoinWaiters {
    waiting: AtomicUsize,
    /// The number of the next waiter.
    next: AtomicU64,
    waits: Mutex<Waits>,
}

impl JoinWaiters {
    /// Whether there are waiters. Must be read after the new socket can be found, or its waiters are missed.
    #[inline]
    pub(crate) fn are_awaited(&self) -> bool {
        // Whoever begins to wait first counts itself and then looks: one of the two sees the other.
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// A socket joined a group.
    pub(crate) fn group(&self, key: &RoomKey) {
        self.wake(Some(key));
    }

    /// A socket joined a namespace.
    pub(crate) fn everyone(&self) {
        self.wake(None);
    }

    fn wake(&self, key: Option<&RoomKey>) {
        let waits = self.waits.lock().get(&key.cloned()).cloned().unwrap_or_default();
        for waiting in waits.into_values() {
            waiting.notify_waiters();
        }
    }

    /// How many groups have waiters.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.waits.lock().len()
    }

    /// Begins to wait for any of these groups, or for anyone without one.
    pub(crate) fn wait_for(&self, groups: &[RoomKey]) -> Wait<'_> {
        let mut keys: Vec<_> = groups.iter().cloned().map(Some).collect();
        if keys.is_empty() {
            keys.push(None);
        }
        let (joined, number) = (Arc::new(Notify::new()), self.next.fetch_add(1, Ordering::Relaxed));
        let mut waits = self.waits.lock();
        for key in &keys {
            waits.entry(key.clone()).or_default().insert(number, Arc::clone(&joined));
        }
        drop(waits);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Wait { waiters: self, keys, number, joined }
    }
}

/// A waiter. Dropping it ends the waiting.
pub(crate) struct Wait<'a> {
    waiters: &'a JoinWaiters,
    keys: Vec<Option<RoomKey>>,
    number: u64,
    pub(crate) joined: Arc<Notify>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waiters.waiting.fetch_sub(1, Ordering::SeqCst);
        let mut waits = self.waiters.waits.lock();
        for key in &self.keys {
            if let Some(list) = waits.get_mut(key) {
                list.remove(&self.number);
                if list.is_empty() {
                    waits.remove(key);
                }
            }
        }
        if waits.is_empty() {
            *waits = Waits::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_wait_leaves_nothing_behind() {
        let waiters = JoinWaiters::default();
        assert!(!waiters.are_awaited());
        let (lobby, kitchen) = (RoomKey::room("lobby"), RoomKey::room("kitchen"));
        let both = waiters.wait_for(&[lobby.clone(), kitchen.clone(), lobby.clone()]);
        let one = waiters.wait_for(std::slice::from_ref(&kitchen));
        let anyone = waiters.wait_for(&[]);
        assert_eq!(waiters.waits.lock().len(), 3);
        drop((both, anyone));
        assert!(waiters.are_awaited());
        assert_eq!(waiters.waits.lock().keys().collect::<Vec<_>>(), [&Some(kitchen)]);
        drop(one);
        assert!(!waiters.are_awaited() && waiters.waits.lock().is_empty());
    }
}
