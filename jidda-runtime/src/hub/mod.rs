//! All connections of a server together: selections, broadcasts, presence, heartbeats.

pub(crate) mod blocked;
pub(crate) mod broadcast;
pub(crate) mod broadcast_call;
pub(crate) mod clock_task;
pub(crate) mod heartbeat;
pub(crate) mod liveness;
pub(crate) mod punctual;
pub(crate) mod selection;
pub(crate) mod socket_selections;
pub(crate) mod start;
pub(crate) mod wait_online;

pub use broadcast::BroadcastEmit;
pub use broadcast_call::{BroadcastCall, Replies};
pub use selection::Selection;
