//! The hub, its connections and their sockets: what each of them holds, and what it is in itself.

pub(crate) mod connection;
pub(crate) mod direct_write;
pub(crate) mod graph;
pub(crate) mod heartbeat;
pub(crate) mod held_frames;
pub(crate) mod hub;
pub(crate) mod jobs;
pub(crate) mod listeners;
pub(crate) mod permissions;
pub(crate) mod socket;
pub(crate) mod socket_state;
pub(crate) mod waiters;

pub(crate) use connection::Arrival;
pub use graph::Socket;
pub(crate) use graph::{Connection, Extras, Hub, SocketInner};
pub(crate) use heartbeat::Watch;
pub use heartbeat::{Activity, DefaultHeartbeat, HeartbeatPolicy, Liveness, TimeoutAction};
pub(crate) use hub::Policies;
pub use listeners::ObserverId;
