//! What a connection's task and everyone else share. It knows no socket.
//!
//! # Locks
//!
//! These are all locks of a connection and its sockets, in the order in which they may be taken. Nothing of the
//! program runs under any of them: no handler, hook, closure, destructor or waker.
//!
//! 1. `Connection::sockets`: which namespaces the connection is in.
//! 2. `SocketInner::state`: the part of a socket that changes. Its phase is changed under it, and read without.
//! 3. [`Link`](lock::Link): the shared state of a connection. Its [`Change`](lock::Change) unlocks it before it
//!    wakes anything.
//! 4. The position of a frame in the [line](line) for the outbox.
//!
//! The rooms of a namespace may be looked at under the first. All others are taken alone: the identities of a hub, the
//! tasks that wait for sockets to join, the slots of the timer wheel, the namespaces of a hub, the values of a
//! session, the sessions of peers that are away.

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
