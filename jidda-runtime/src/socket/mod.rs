//! What can be done with a socket: emits, calls, streams, listeners, jobs, rooms, values.

pub(crate) mod activation;
pub(crate) mod credentials;
pub(crate) mod emit;
pub(crate) mod encoded;
pub(crate) mod handle;
pub(crate) mod held;
pub(crate) mod identity;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod listeners;
pub(crate) mod origin;
pub(crate) mod outgoing_call;
pub(crate) mod permissions;
pub(crate) mod push;
pub(crate) mod refused;
pub(crate) mod rooms;
pub(crate) mod sessions;
pub(crate) mod sites;
pub(crate) mod spans;
pub(crate) mod streaming;
pub(crate) mod stub_target;
pub(crate) mod values;
pub(crate) mod waiting;

pub use emit::{Emit, Volatile};
pub use jobs::{Job, JobOutput};
pub use listeners::Listener;
pub use outgoing_call::{CallFuture, OutgoingCall};
pub use sessions::{ConnectionValues, Session};
pub use streaming::Streaming;
