//! What a connection's task and everyone else share. It knows no socket.

pub(crate) mod awaited;
pub(crate) mod backlog;
pub(crate) mod direct_write;
pub(crate) mod line;
pub(crate) mod outbox;
pub(crate) mod pending_requests;
pub(crate) mod queue;
pub(crate) mod share;
pub(crate) mod shared_state;
