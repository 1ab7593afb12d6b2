//! A server's hub, its connections and their sockets: what each of them holds.

pub(crate) mod connection;
pub(crate) mod hub;
pub(crate) mod socket_state;
pub(crate) mod values;
pub(crate) mod waiters;

pub(crate) use connection::{Arrival, Connection};
pub(crate) use hub::{Extras, Hub, Policies};
