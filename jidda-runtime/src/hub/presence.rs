//! Who is here: the identities of a hub's connections, each counted once however many sockets it has.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use smallvec::SmallVec;
use tokio::sync::broadcast;

use crate::config::DuplicateIdentity;
use crate::error::IdentifyError;
use crate::id::ConnectionId;
use crate::objects::{Connection, Hub};
use crate::reason::DisconnectReason;
use crate::socket::handle::SocketInner;
use crate::sync::Mutex;

/// How many changes one who watches may be behind.
const BEHIND: usize = 256;

/// Somebody came or went, see [`PresenceEvents`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// The first socket of this identity was accepted.
    Joined(Arc<str>),
    /// The last connection of this identity is gone, in whatever way.
    Left(Arc<str>),
    /// So many changes were missed, since too many were waiting: ask who is here now.
    Missed(u64),
}

/// Who comes and goes, from the moment this was asked for.
#[derive(Debug)]
pub struct PresenceEvents(broadcast::Receiver<PresenceEvent>);

impl PresenceEvents {
    /// The next change; `None` when the server and its connections are gone. One who falls 256 changes behind is told
    /// how many were missed.
    ///
    /// # Cancel safety
    ///
    /// No change is lost by dropping the future.
    pub async fn next(&mut self) -> Option<PresenceEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(PresenceEvent::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The identities of one hub. Locked when a socket is identified, accepted or ends, never for a message.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    people: Mutex<People>,
    /// Made when somebody wants to watch.
    changes: OnceLock<broadcast::Sender<PresenceEvent>>,
}

#[derive(Debug, Default)]
struct People {
    by_name: HashMap<Arc<str>, Person, foldhash::fast::RandomState>,
    /// How many of them were announced.
    here: usize,
}

#[derive(Debug, Default)]
struct Person {
    connections: SmallVec<[Admitted; 1]>,
    /// Whether it was told that this one is here.
    is_announced: bool,
}

/// A connection that is somebody.
#[derive(Debug)]
struct Admitted {
    id: ConnectionId,
    connection: Weak<Connection>,
    /// How often it is: each of its sockets may say so.
    claims: usize,
}

impl Presence {
    /// The names of those who are here, in alphabetical order.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let people = self.people.lock();
        let here = people.by_name.iter().filter(|(_, person)| person.is_announced);
        let mut names: Vec<_> = here.map(|(name, _)| Arc::clone(name)).collect();
        drop(people);
        names.sort_unstable();
        names
    }

    pub(crate) fn is_here(&self, name: &str) -> bool {
        self.people.lock().by_name.get(name).is_some_and(|person| person.is_announced)
    }

    pub(crate) fn count(&self) -> usize {
        self.people.lock().here
    }

    pub(crate) fn events(&self) -> PresenceEvents {
        PresenceEvents(self.changes.get_or_init(|| broadcast::Sender::new(BEHIND)).subscribe())
    }

    /// Told while the people are locked, so that everyone hears it in the order in which it happened.
    fn tell(&self, event: PresenceEvent) {
        if let Some(changes) = self.changes.get() {
            // Nobody may be listening any more.
            let _ = changes.send(event);
        }
    }

    /// A socket of this name was accepted.
    fn announce(&self, name: &str) {
        let mut people = self.people.lock();
        let people = &mut *people;
        let Some((name, _)) = people.by_name.get_key_value(name) else { return };
        let name = Arc::clone(name);
        let Some(person) = people.by_name.get_mut(&name) else { return };
        if !person.is_announced {
            person.is_announced = true;
            people.here += 1;
            self.tell(PresenceEvent::Joined(name));
        }
    }

    /// Lets a connection be somebody, if the others of that name allow it. `known_over` are those that are over
    /// already, though not yet forgotten. Gives the others otherwise, and also if they have to go.
    fn admit(
        &self,
        name: &Arc<str>,
        connection: &Arc<Connection>,
        policy: DuplicateIdentity,
        known_over: &[ConnectionId],
    ) -> (bool, Vec<Arc<Connection>>) {
        let mut people = self.people.lock();
        let mut others = Vec::new();
        if policy != DuplicateIdentity::Allow
            && let Some(person) = people.by_name.get(name)
        {
            let others_of = person
                .connections
                .iter()
                .filter(|admitted| admitted.id != connection.id && !known_over.contains(&admitted.id));
            others.extend(others_of.filter_map(|admitted| admitted.connection.upgrade()));
        }
        if policy == DuplicateIdentity::RefuseNew && !others.is_empty() {
            return (false, others);
        }
        let person = people.by_name.entry(Arc::clone(name)).or_default();
        match person.connections.iter_mut().find(|admitted| admitted.id == connection.id) {
            Some(admitted) => admitted.claims += 1,
            None => {
                let (id, connection) = (connection.id, Arc::downgrade(connection));
                person.connections.push(Admitted { id, connection, claims: 1 });
            }
        }
        (true, others)
    }

    fn release(&self, name: &Arc<str>, connection: ConnectionId) {
        let mut people = self.people.lock();
        let people = &mut *people;
        let Some(person) = people.by_name.get_mut(name) else { return };
        let Some(place) = person.connections.iter().position(|admitted| admitted.id == connection) else {
            return;
        };
        person.connections[place].claims -= 1;
        if person.connections[place].claims > 0 {
            return;
        }
        person.connections.swap_remove(place);
        if !person.connections.is_empty() {
            return;
        }
        if people.by_name.remove(name).is_some_and(|person| person.is_announced) {
            people.here -= 1;
            self.tell(PresenceEvent::Left(Arc::clone(name)));
        }
        // A server that emptied must not keep the room of its busiest hour.
        if people.by_name.capacity() > 64 && people.by_name.len() < people.by_name.capacity() / 4 {
            people.by_name.shrink_to(people.by_name.len() * 2);
        }
    }
}

/// That a connection is somebody, for as long as this is kept.
pub(crate) struct Claim {
    hub: Arc<Hub>,
    name: Arc<str>,
    connection: ConnectionId,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.name).finish()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.hub.presence.release(&self.name, self.connection);
    }
}

impl Connection {
    /// Says that the connection is somebody, for as long as the claim is kept. Others of that name are dealt with as the
    /// server was told. Of two that come at once, one is the first.
    ///
    /// Not to be called, nor a claim dropped, while anything of a connection is locked.
    ///
    /// # Errors
    ///
    /// [`IdentifyError::AlreadyConnected`]: there is another one, and it is to stay.
    pub(crate) fn claim(self: &Arc<Self>, name: &Arc<str>) -> Result<Claim, IdentifyError> {
        let policy = self.hub.config.duplicate_identity;
        let mut over = Vec::new();
        loop {
            let (is_admitted, others) = self.hub.presence.admit(name, self, policy, &over);
            if is_admitted {
                let claim = Claim { hub: Arc::clone(&self.hub), name: Arc::clone(name), connection: self.id };
                for other in others {
                    tracing::debug!(connection = %other.id, by = %self.id, "a newer connection replaces it");
                    other.close(DisconnectReason::Replaced);
                }
                return Ok(claim);
            }
            // Asked without the lock on the people. Who is over stays so: the next look is final for these.
            let before = over.len();
            over.extend(others.iter().filter(|other| other.is_closed()).map(|other| other.id));
            if over.len() - before < others.len() {
                tracing::debug!(connection = %self.id, "its identity is connected already");
                return Err(IdentifyError::AlreadyConnected);
            }
        }
    }
}

impl SocketInner {
    /// The socket can be reached from now on: who waits for it, or watches who comes, is told.
    pub(crate) fn announce(&self) {
        let hub = &self.connection.hub;
        let claim = |extra: &crate::objects::socket_state::Extra| {
            extra.claim.as_ref().map(|claim| Arc::clone(&claim.name))
        };
        let own = self.state.lock().extra.as_deref().and_then(claim);
        let name = own.or_else(|| self.connection.identity().map(|identity| identity.shared_name()));
        if let Some(name) = name {
            hub.presence.announce(&name);
        }
        if hub.arrivals.are_awaited() {
            hub.arrivals.everyone();
            self.rooms.joined(self.key).iter().for_each(|key| hub.arrivals.group(key));
        }
    }
}
