//! The rooms of a socket: joining, leaving, and selecting their members.

use crate::error::RoomError;
use crate::objects::Connection;
use crate::objects::socket_state::Phase;
use crate::objects::{Socket, SocketInner};
use crate::room::RoomKey;
use crate::wire::Protocol;

impl Connection {
    /// How many rooms the connection's other sockets are in.
    fn rooms_beside(&self, socket: &SocketInner) -> usize {
        let sockets = self.sockets.lock();
        let others = sockets.iter().filter(|other| other.key != socket.key);
        others.map(|other| other.rooms.count_rooms(other.key)).sum()
    }
}

impl SocketInner {
    /// Adds the socket to the group of an identity, unless it has ended: nothing would remove it again.
    pub(crate) fn enter_identity(&self, socket: &Socket, key: &RoomKey) {
        if self.phase() == Phase::Closed {
            return;
        }
        self.rooms.join(socket.clone(), key.clone());
        self.entered(key);
    }

    /// Adds the socket to a room.
    fn enter_room(&self, socket: &Socket, room: &str) -> Result<(), RoomError> {
        let config = &self.connection.hub.config;
        let (size, limit) = (room.len(), config.max_name);
        if size > limit {
            return Err(RoomError::NameTooLong { size, limit });
        }
        if self.phase() == Phase::Closed {
            return Err(RoomError::NotConnected);
        }
        let key = RoomKey::room(room);
        let most = config.max_rooms.saturating_sub(self.connection.rooms_beside(self));
        if !self.rooms.join_within(socket.clone(), key.clone(), most) {
            return Err(RoomError::TooManyRooms { limit: config.max_rooms });
        }
        if self.entered(&key) { Ok(()) } else { Err(RoomError::NotConnected) }
    }

    /// Reports that the socket is in a group. `false` when it has ended: it may have done so, and left its groups,
    /// before it was added to this one.
    fn entered(&self, key: &RoomKey) -> bool {
        let waiters = &self.connection.hub.join_waiters;
        if waiters.are_awaited() {
            waiters.group(key);
        }
        let is_over = self.phase() == Phase::Closed;
        if is_over {
            self.rooms.leave(self.key, key);
        }
        !is_over
    }
}

impl Socket {
    /// Adds the socket to a room of its namespace. It may be in it already.
    ///
    /// # Errors
    ///
    /// [`RoomError`]: the room's name is too long, the connection is in too many rooms, or the socket is closed. A handler
    /// can pass it on to its caller by `?`.
    ///
    /// # Cancel safety
    ///
    /// It is done at the first poll.
    pub async fn join(&self, room: &str) -> Result<(), RoomError> {
        self.inner.enter_room(self, room)
    }

    /// Takes the socket out of a room. Whether it was there.
    ///
    /// # Cancel safety
    ///
    /// It is done at the first poll.
    pub async fn leave(&self, room: &str) -> bool {
        self.inner.rooms.leave(self.inner.key, &RoomKey::room(room))
    }

    /// The rooms the socket is in: its own id, then those it joined, in order.
    pub fn rooms(&self) -> Vec<String> {
        let joined = self.inner.rooms.joined(self.inner.key).into_iter();
        let names = joined.filter_map(|key| match key {
            RoomKey::Room(name) => Some(name.to_string()),
            RoomKey::Identity(_) => None,
        });
        std::iter::once(self.own_room()).chain(names).collect()
    }

    /// The room of its own, by the name that the peer has for it.
    fn own_room(&self) -> String {
        let (id, path) = (self.id(), self.namespace());
        if self.inner.wire().socket_id_is_session_id() && path != "/" {
            return format!("{path}#{id}");
        }
        id.to_string()
    }
}
