//! All connections of a server together: selections, broadcasts, presence, the timer wheel.

pub(crate) mod broadcast;
pub(crate) mod heartbeat;
pub(crate) mod join_waiters;
pub(crate) mod presence;
pub(crate) mod selection;
pub(crate) mod timer_wheel;

pub use broadcast::BroadcastEmit;
pub(crate) use heartbeat::Watch;
pub use heartbeat::{Activity, DefaultHeartbeat, HeartbeatPolicy, Liveness, TimeoutAction};
pub use presence::{PresenceEvent, PresenceEvents};
pub use selection::{BroadcastCall, Replies, Selection};
