//! Which sockets of a namespace are meant.

use std::sync::Arc;

use crate::id::SocketId;

/// A group of sockets with a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum RoomKey {
    /// Those that joined a room. A socket's own id names a room of that one socket.
    Room(Arc<str>),
    /// Those of one identity.
    Identity(Arc<str>),
}

impl RoomKey {
    /// The room of this name.
    pub(crate) fn room(name: &str) -> Self {
        Self::Room(name.into())
    }
}

/// A union of groups, less others. Without any group it is the whole namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// The groups; a socket in several of them is meant once.
    pub groups: Vec<RoomKey>,
    /// The groups whose sockets are left out, even when they are in one that is meant.
    pub except: Vec<RoomKey>,
    /// One socket that is left out: the sender.
    pub without: Option<SocketId>,
}
