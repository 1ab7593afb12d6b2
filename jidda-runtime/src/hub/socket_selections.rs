//! Selections that begin at a socket, and what a selection does to each of its sockets.

use crate::hub::selection::Selection;
use crate::objects::Socket;
use crate::room::Target;

impl Socket {
    fn others(&self) -> Selection {
        let target = Target { without: Some(self.inner.key), ..Target::default() };
        Selection::in_namespace(&self.inner.connection.hub, self.namespace(), target)
    }

    /// Everyone in a room but this socket.
    pub fn to(&self, room: impl AsRef<str>) -> Selection {
        self.others().to(room)
    }

    /// Everyone in any of the rooms but this socket, each once.
    pub fn to_all<R: AsRef<str>>(&self, rooms: impl IntoIterator<Item = R>) -> Selection {
        self.others().to_all(rooms)
    }

    /// Everyone in the namespace but this socket and those in a room.
    pub fn except(&self, room: impl AsRef<str>) -> Selection {
        self.others().except(room)
    }

    /// Everyone in the namespace but this socket.
    pub fn broadcast(&self) -> Selection {
        self.others()
    }

    /// Everyone in the namespace, this socket too.
    pub fn everyone(&self) -> Selection {
        Selection::in_namespace(&self.inner.connection.hub, self.namespace(), Target::default())
    }
}

impl Selection {
    /// Gives each socket a permission. How many there were.
    pub fn grant(&self, permission: &str) -> usize {
        self.sockets().iter().map(|socket| socket.grant(permission)).count()
    }

    /// Takes a permission away from each socket. How many had it.
    pub fn revoke(&self, permission: &str) -> usize {
        self.sockets().iter().filter(|socket| socket.revoke(permission)).count()
    }

    /// Has each socket go back to the permissions it had from the start. How many there were.
    pub fn reset_permissions(&self) -> usize {
        self.sockets().iter().map(Socket::reset_permissions).count()
    }
}
