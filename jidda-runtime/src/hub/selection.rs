//! Many sockets at once: rooms, identities, whole namespaces.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use smallvec::SmallVec;

use crate::error::{RoomError, SendError};
use crate::objects::Hub;
use crate::objects::Socket;
use crate::room::{RoomKey, Rooms, Target};
use crate::socket::encoded::Encoded;

#[derive(Clone, Debug)]
enum Scope {
    Namespace(Box<str>),
    /// Every namespace: for identities, which are people and not places.
    All,
}

/// Some of a server's sockets: a union of rooms, less others. Each socket is meant once.
///
/// It describes them: the members of the rooms are looked up when something is done with it.
#[derive(Clone)]
#[must_use = "a selection does nothing by itself"]
pub struct Selection {
    pub(crate) hub: Arc<Hub>,
    scope: Scope,
    pub(crate) target: Target,
    pub(crate) is_volatile: bool,
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("scope", &self.scope)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Selection {
    pub(crate) fn in_namespace(hub: &Arc<Hub>, namespace: &str, target: Target) -> Self {
        Self { hub: Arc::clone(hub), scope: Scope::Namespace(namespace.into()), target, is_volatile: false }
    }

    /// Every socket of an identity, in every namespace.
    pub(crate) fn of_identity(hub: &Arc<Hub>, identity: &str) -> Self {
        let groups = vec![RoomKey::Identity(identity.into())];
        Self {
            hub: Arc::clone(hub),
            scope: Scope::All,
            target: Target { groups, ..Target::default() },
            is_volatile: false,
        }
    }

    /// And everyone in this room. Without any room the whole namespace is meant.
    pub fn to(mut self, room: impl AsRef<str>) -> Self {
        self.target.groups.push(RoomKey::room(room.as_ref()));
        self
    }

    /// And everyone in any of these rooms.
    pub fn to_all<R: AsRef<str>>(mut self, rooms: impl IntoIterator<Item = R>) -> Self {
        self.target.groups.extend(rooms.into_iter().map(|room| RoomKey::room(room.as_ref())));
        self
    }

    /// And every socket of this identity.
    pub fn user(mut self, identity: &str) -> Self {
        self.target.groups.push(RoomKey::Identity(identity.into()));
        self
    }

    /// Excludes the sockets in this room, whatever other rooms they are in.
    pub fn except(mut self, room: impl AsRef<str>) -> Self {
        self.target.except.push(RoomKey::room(room.as_ref()));
        self
    }

    /// Events are dropped for sockets that cannot take them right now.
    pub fn volatile(mut self) -> Self {
        self.is_volatile = true;
        self
    }

    pub(crate) fn places(&self) -> Vec<Arc<Rooms<Socket>>> {
        match &self.scope {
            Scope::Namespace(namespace) => self.hub.existing_rooms(namespace).into_iter().collect(),
            Scope::All => self.hub.all_rooms(),
        }
    }

    /// Runs `act` while no other broadcast takes its places among the sockets. It runs no code of the program's, a
    /// subscriber of traces included.
    pub(crate) fn in_order<R>(&self, act: impl FnOnce(&[Arc<Rooms<Socket>>]) -> R) -> R {
        let mut places = self.places();
        if places.len() > 1 {
            places.retain(|rooms| !rooms.select(&self.target).is_empty());
            places.sort_unstable_by(|a, b| a.namespace().cmp(b.namespace()));
        }
        let _order: SmallVec<[_; 1]> = places.iter().map(|rooms| rooms.order().lock()).collect();
        act(&places)
    }

    /// The sockets as they are now.
    pub fn sockets(&self) -> Vec<Socket> {
        self.places()
            .iter()
            .flat_map(|rooms| rooms.select(&self.target).iter().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// The socket with the newest connection, of those that are accepted; of several of one connection, the one that
    /// joined last.
    pub fn newest(&self) -> Option<Socket> {
        let connected = self.sockets().into_iter().filter(Socket::is_connected);
        connected.max_by_key(|socket| (socket.connection_id(), socket.inner.place()))
    }

    /// How many sockets there are now.
    pub fn count(&self) -> usize {
        self.places().iter().map(|rooms| rooms.select(&self.target).iter().count()).sum()
    }

    /// Sends an event to each. It is encoded once, and written at once to those whose connections rest, over
    /// TCP or a Unix socket in clear text; a runtime with several worker threads divides many sockets among them. Gives
    /// how many sockets it was handed to.
    ///
    /// # Order
    ///
    /// The event has its place with every socket when the future is first polled. What one task emits, and what the events
    /// of one socket make their handlers emit at once, arrives at each recipient in that order, whatever the size of the
    /// room, also among broadcasts, events for one socket and calls. Two broadcasts arrive in the same order at all
    /// sockets that get both.
    ///
    /// # Slow recipients
    ///
    /// A socket takes the event beyond `max_outbox`, up to twice; past that the future waits for it, as long as its peer
    /// takes 256 KiB a second. One that does not is disconnected as a slow consumer.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, is too large, or the name is reserved. Peers of different kinds may differ in
    /// that: those that can be sent it are, and it is an error only if there are none.
    ///
    /// # Cancel safety
    ///
    /// Dropped after its first poll, the event still arrives, except at sockets that had no room for it yet.
    pub async fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<usize, SendError> {
        let arguments = Encoded::all(arguments, &self.hub)?;
        self.emit_encoded(event, arguments).await
    }

    /// Sends a bare value to each: the event `message`.
    ///
    /// # Errors
    ///
    /// As for [`emit`](Self::emit).
    ///
    /// # Cancel safety
    ///
    /// As for [`emit`](Self::emit).
    pub async fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<usize, SendError> {
        self.emit("message", &(value,)).await
    }

    /// Adds each to a room. Gives how many of them are in it now: those that ended meanwhile are not.
    ///
    /// # Errors
    ///
    /// That of the first socket that could not [join](Socket::join) for a limit. The others have joined.
    ///
    /// # Cancel safety
    ///
    /// It is done at the first poll.
    pub async fn join(&self, room: &str) -> Result<usize, RoomError> {
        let mut joined = 0;
        let mut refused = None;
        for socket in self.sockets() {
            match socket.join(room).await {
                Ok(()) => joined += 1,
                Err(RoomError::NotConnected) => {}
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        refused.map_or(Ok(joined), Err)
    }

    /// Takes each out of a room.
    ///
    /// # Cancel safety
    ///
    /// It is done at the first poll.
    pub async fn leave(&self, room: &str) {
        for socket in self.sockets() {
            socket.leave(room).await;
        }
    }

    /// Makes each leave its namespace.
    pub fn disconnect(&self) {
        self.sockets().iter().for_each(Socket::disconnect);
    }

    /// Closes the connection of each, with all its namespaces.
    pub fn close(&self) {
        self.sockets().iter().for_each(Socket::close);
    }

    /// The same rooms, or the same person, in the namespace of a stub: there it is known what is called.
    pub(crate) fn for_stub(&self, namespace: &'static str) -> Self {
        let mut selection = self.clone();
        if !namespace.contains('{') {
            selection.scope = Scope::Namespace(namespace.into());
        }
        selection
    }
}
