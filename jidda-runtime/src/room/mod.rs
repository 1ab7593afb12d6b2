//! Who is where: the sockets of one namespace, by room and by identity.
//!
//! Nothing here knows what a socket is, beyond that it has an id.

mod index;
mod target;

pub(crate) use index::{Member, Rooms, Snapshot};
pub(crate) use target::{RoomKey, Target};
