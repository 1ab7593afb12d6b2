//! Waiting for those who are not there yet.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::error::WaitError;
use crate::hub::selection::Selection;
use crate::room::RoomKey;
use crate::socket::handle::Socket;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// Those who wait, by group, `None` for whole namespaces, and then by number: each leaves without a look at the others.
type Waits = HashMap<Option<RoomKey>, BTreeMap<u64, Arc<Notify>>>;

/// Who is waited for: nobody, usually.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    waiting: AtomicUsize,
    /// The number of the next one who waits.
    next: AtomicU64,
    waits: Mutex<Waits>,
}

impl Arrivals {
    /// Whether anybody waits. To be asked after the one who came can be found.
    #[inline]
    pub(crate) fn are_awaited(&self) -> bool {
        // Whoever begins to wait first counts itself and then looks: one of the two sees the other.
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Somebody came into a group.
    pub(crate) fn group(&self, key: &RoomKey) {
        self.wake(Some(key));
    }

    /// Somebody came into a namespace.
    pub(crate) fn everyone(&self) {
        self.wake(None);
    }

    fn wake(&self, key: Option<&RoomKey>) {
        let waits = self.waits.lock().get(&key.cloned()).cloned().unwrap_or_default();
        for waiting in waits.into_values() {
            waiting.notify_waiters();
        }
    }

    /// For how many groups somebody waits.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.waits.lock().len()
    }

    /// Begins to wait for any of these groups, or for anyone without one.
    fn wait_for(&self, groups: &[RoomKey]) -> Wait<'_> {
        let mut keys: Vec<_> = groups.iter().cloned().map(Some).collect();
        if keys.is_empty() {
            keys.push(None);
        }
        let (came, number) = (Arc::new(Notify::new()), self.next.fetch_add(1, Ordering::Relaxed));
        let mut waits = self.waits.lock();
        for key in &keys {
            waits.entry(key.clone()).or_default().insert(number, Arc::clone(&came));
        }
        drop(waits);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        Wait { arrivals: self, keys, number, came }
    }
}

/// One who waits; no longer, once this is dropped.
struct Wait<'a> {
    arrivals: &'a Arrivals,
    keys: Vec<Option<RoomKey>>,
    number: u64,
    came: Arc<Notify>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.arrivals.waiting.fetch_sub(1, Ordering::SeqCst);
        let mut waits = self.arrivals.waits.lock();
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

impl Selection {
    /// Waits until at least one socket of the selection is connected, and returns the same selection, to go on with.
    ///
    /// ```no_run
    /// # async fn example(server: jidda::Server) -> jidda::Result<()> {
    /// use std::time::Duration;
    ///
    /// let alice = server.user("alice").wait_online(Duration::from_secs(30)).await?;
    /// let drawings = alice.call::<String>("draw.me.a.sheep", &()).timeout(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`WaitError::NotOnline`]: none connected within `limit`. A handler can pass it on to its caller by `?`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the waiting.
    pub async fn wait_online(&self, limit: Duration) -> Result<Self, WaitError> {
        let wait = self.hub.arrivals.wait_for(&self.target.groups);
        let present = async {
            loop {
                let came = wait.came.notified();
                tokio::pin!(came);
                // From here on no arrival is missed.
                came.as_mut().enable();
                if self.sockets().iter().any(Socket::is_connected) {
                    return;
                }
                came.await;
            }
        };
        if tokio::time::timeout(limit, present).await.is_ok() {
            return Ok(self.clone());
        }
        let identity = match &*self.target.groups {
            [RoomKey::Identity(name)] => Some(Arc::clone(name)),
            _ => None,
        };
        Err(WaitError::NotOnline { identity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_no_longer_leaves_nothing_behind() {
        let arrivals = Arrivals::default();
        assert!(!arrivals.are_awaited());
        let (lobby, kitchen) = (RoomKey::room("lobby"), RoomKey::room("kitchen"));
        let both = arrivals.wait_for(&[lobby.clone(), kitchen.clone(), lobby.clone()]);
        let one = arrivals.wait_for(std::slice::from_ref(&kitchen));
        let anyone = arrivals.wait_for(&[]);
        assert_eq!(arrivals.waits.lock().len(), 3);
        drop((both, anyone));
        assert!(arrivals.are_awaited());
        assert_eq!(arrivals.waits.lock().keys().collect::<Vec<_>>(), [&Some(kitchen)]);
        drop(one);
        assert!(!arrivals.are_awaited() && arrivals.waits.lock().is_empty());
    }
}
