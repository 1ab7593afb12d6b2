//! What a connection's task and everyone else share. It knows no socket.

pub(crate) mod auth_state;
pub(crate) mod awaited;
pub(crate) mod backlog;
pub(crate) mod call_shares;
pub(crate) mod clock;
pub(crate) mod connection_store;
pub(crate) mod expectations;
pub(crate) mod expiry;
pub(crate) mod line;
pub(crate) mod lock;
pub(crate) mod outbox;
pub(crate) mod pending_requests;
pub(crate) mod queue;
pub(crate) mod recently_left;
pub(crate) mod session_store;
pub(crate) mod shared_state;
pub(crate) mod stream_slot;
pub(crate) mod timer_wheel;
pub(crate) mod values;
