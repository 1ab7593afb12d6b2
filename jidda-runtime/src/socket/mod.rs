//! One peer in one namespace: what a handler borrows on a server, and what a client talks through.

pub(crate) mod credentials;
pub(crate) mod emit;
pub(crate) mod encoded;
pub(crate) mod handle;
pub(crate) mod held;
pub(crate) mod inbox;
pub(crate) mod jobs;
pub(crate) mod listeners;
pub(crate) mod outgoing_call;
pub(crate) mod permissions;
pub(crate) mod push;
pub(crate) mod rooms;
pub(crate) mod session_store;
pub(crate) mod sessions;
pub(crate) mod streaming;

pub use emit::{Emit, Volatile};
pub use handle::Socket;
pub(crate) use handle::SocketInner;
pub use jobs::{Job, JobOutput};
pub use listeners::{Listener, ObserverId};
pub use outgoing_call::{CallFuture, OutgoingCall};
pub use sessions::{ConnectionValues, Session};
pub use streaming::Streaming;
