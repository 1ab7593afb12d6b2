//! Who is where: the sockets of one namespace, by room and by identity.
//!
//! Nothing here knows what a socket is, beyond that it has an id.

mod index;
mod join_waiters;
mod presence;
mod target;

pub(crate) use index::{Member, Rooms, Snapshot};
pub(crate) use join_waiters::JoinWaiters;
pub(crate) use presence::{IdentityGuard, IdentityHolder, Presence};
pub use presence::{PresenceEvent, PresenceEvents};
pub(crate) use target::{RoomKey, Target};
