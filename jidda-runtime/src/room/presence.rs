//! The identities of a hub's connections, each counted once however many sockets it has.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use smallvec::SmallVec;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::config::DuplicateIdentity;
use crate::error::IdentifyError;
use crate::id::ConnectionId;
use crate::sync::Mutex;

/// How many changes are kept for a slow observer.
const BEHIND: usize = 256;

/// A change of presence, see [`PresenceEvents`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// The first socket of this identity was accepted.
    Joined(Arc<str>),
    /// The last connection of this identity has ended, for any reason.
    Left(Arc<str>),
    /// This many changes were lost because the observer was too slow: read the list of names again.
    Missed(u64),
}

/// The identities that connect and disconnect, from the moment at which this was created.
#[derive(Debug)]
pub struct PresenceEvents(BroadcastStream<PresenceEvent>);

impl PresenceEvents {
    /// The next change; `None` when the server and its connections have ended. An observer that is more than
    /// 256 changes behind gets [`Missed`](PresenceEvent::Missed).
    ///
    /// # Cancel safety
    ///
    /// No change is lost by dropping the future.
    pub async fn next(&mut self) -> Option<PresenceEvent> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for PresenceEvents {
    type Item = PresenceEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PresenceEvent>> {
        let next = ready!(Pin::new(&mut self.0).poll_next(cx));
        Poll::Ready(next.map(|event| {
            event.unwrap_or_else(|BroadcastStreamRecvError::Lagged(missed)| PresenceEvent::Missed(missed))
        }))
    }
}

/// The identities of one hub. Locked when a socket is identified, accepted or ends, never for a message.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    identities: Mutex<IdentityTable>,
    /// Created for the first observer.
    changes: OnceLock<broadcast::Sender<PresenceEvent>>,
}

#[derive(Debug, Default)]
struct IdentityTable {
    by_name: HashMap<Arc<str>, IdentityEntry, foldhash::fast::RandomState>,
    /// How many of them were announced.
    here: usize,
}

#[derive(Debug, Default)]
struct IdentityEntry {
    connections: SmallVec<[ConnectionEntry; 1]>,
    /// Whether it was reported as present.
    is_published: bool,
}

/// A connection with an identity.
#[derive(Debug)]
struct ConnectionEntry {
    id: ConnectionId,
    connection: Weak<dyn IdentityHolder>,
    /// How many guards it has: each of its sockets may identify itself.
    guards: usize,
}

impl Presence {
    /// The names of the connected identities, in alphabetical order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let identities = self.identities.lock();
        let here = identities.by_name.iter().filter(|(_, entry)| entry.is_published);
        let mut names: Vec<_> = here.map(|(name, _)| Arc::clone(name)).collect();
        drop(identities);
        names.sort_unstable();
        names
    }

    pub(crate) fn is_here(&self, name: &str) -> bool {
        self.identities.lock().by_name.get(name).is_some_and(|entry| entry.is_published)
    }

    pub(crate) fn count(&self) -> usize {
        self.identities.lock().here
    }

    pub(crate) fn events(&self) -> PresenceEvents {
        let changes = self.changes.get_or_init(|| broadcast::Sender::new(BEHIND));
        PresenceEvents(BroadcastStream::new(changes.subscribe()))
    }

    /// Publishes a change. The caller holds the lock of the identities, so that all receivers get changes in order.
    fn send(&self, event: PresenceEvent) {
        if let Some(changes) = self.changes.get() {
            // An error means that there is no receiver left.
            let _ = changes.send(event);
        }
    }

    /// A socket of this name was accepted.
    pub(crate) fn publish(&self, name: &str) {
        let mut identities = self.identities.lock();
        let identities = &mut *identities;
        let Some((name, _)) = identities.by_name.get_key_value(name) else { return };
        let name = Arc::clone(name);
        let Some(entry) = identities.by_name.get_mut(&name) else { return };
        if !entry.is_published {
            entry.is_published = true;
            identities.here += 1;
            self.send(PresenceEvent::Joined(name));
        }
    }

    /// Gives a connection an identity, if the other connections of that name allow it. `known_over` are those that have
    /// ended but are still in the table. Returns the other connections if they do not allow it or have to be replaced.
    fn admit(
        &self,
        name: &Arc<str>,
        connection: &Arc<dyn IdentityHolder>,
        policy: DuplicateIdentity,
        known_over: &[ConnectionId],
    ) -> (bool, Vec<Arc<dyn IdentityHolder>>) {
        let mut identities = self.identities.lock();
        let mut others = Vec::new();
        if policy != DuplicateIdentity::Allow
            && let Some(entry) = identities.by_name.get(name)
        {
            let others_of = entry
                .connections
                .iter()
                .filter(|admitted| admitted.id != connection.id() && !known_over.contains(&admitted.id));
            others.extend(others_of.filter_map(|admitted| admitted.connection.upgrade()));
        }
        if policy == DuplicateIdentity::RefuseNew && !others.is_empty() {
            return (false, others);
        }
        let entry = identities.by_name.entry(Arc::clone(name)).or_default();
        match entry.connections.iter_mut().find(|admitted| admitted.id == connection.id()) {
            Some(admitted) => admitted.guards += 1,
            None => {
                let (id, connection) = (connection.id(), Arc::downgrade(connection));
                entry.connections.push(ConnectionEntry { id, connection, guards: 1 });
            }
        }
        (true, others)
    }

    /// Gives a connection an identity, for as long as the guard is kept. Other connections of that identity are treated
    /// as `policy` says. Concurrent calls are ordered.
    ///
    /// No lock of a connection may be held when this is called or a guard is dropped.
    ///
    /// # Errors
    ///
    /// [`IdentifyError::AlreadyConnected`] if another connection has the identity and the policy keeps it.
    pub(crate) fn claim(
        self: &Arc<Self>,
        name: &Arc<str>,
        connection: &Arc<dyn IdentityHolder>,
        policy: DuplicateIdentity,
    ) -> Result<IdentityGuard, IdentifyError> {
        let id = connection.id();
        let mut over = Vec::new();
        loop {
            let (is_admitted, others) = self.admit(name, connection, policy, &over);
            if is_admitted {
                let guard =
                    IdentityGuard { presence: Arc::clone(self), name: Arc::clone(name), connection: id };
                for other in others {
                    tracing::debug!(connection = %other.id(), by = %id, "a newer connection replaces it");
                    other.replace();
                }
                return Ok(guard);
            }
            // Asked without the lock on the identities. A connection that has ended stays so: the next look is final
            // for these.
            let before = over.len();
            over.extend(others.iter().filter(|other| other.is_closed()).map(|other| other.id()));
            if over.len() - before < others.len() {
                tracing::debug!(connection = %id, "its identity is connected already");
                return Err(IdentifyError::AlreadyConnected);
            }
        }
    }

    fn release(&self, name: &Arc<str>, connection: ConnectionId) {
        let mut identities = self.identities.lock();
        let identities = &mut *identities;
        let Some(entry) = identities.by_name.get_mut(name) else { return };
        let Some(place) = entry.connections.iter().position(|admitted| admitted.id == connection) else {
            return;
        };
        entry.connections[place].guards -= 1;
        if entry.connections[place].guards > 0 {
            return;
        }
        entry.connections.swap_remove(place);
        if !entry.connections.is_empty() {
            return;
        }
        if identities.by_name.remove(name).is_some_and(|entry| entry.is_published) {
            identities.here -= 1;
            self.send(PresenceEvent::Left(Arc::clone(name)));
        }
        // A server that emptied must not keep the room of its busiest hour.
        if identities.by_name.capacity() > 64 && identities.by_name.len() < identities.by_name.capacity() / 4
        {
            identities.by_name.shrink_to(identities.by_name.len() * 2);
        }
    }
}

/// A connection that has an identity.
pub(crate) trait IdentityHolder: fmt::Debug + Send + Sync {
    fn id(&self) -> ConnectionId;

    /// Whether it has ended for good.
    fn is_closed(&self) -> bool;

    /// A newer connection of the same identity takes its place.
    fn replace(&self);
}

/// Holds that a connection has an identity, for as long as this is kept.
pub(crate) struct IdentityGuard {
    presence: Arc<Presence>,
    name: Arc<str>,
    connection: ConnectionId,
}

impl IdentityGuard {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl fmt::Debug for IdentityGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdentityGuard").field(&self.name).finish()
    }
}

impl Drop for IdentityGuard {
    fn drop(&mut self) {
        self.presence.release(&self.name, self.connection);
    }
}
