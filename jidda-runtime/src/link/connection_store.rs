//! What is kept with a connection for the program, and with the session of its peer.

use std::fmt;
use std::sync::Arc;

use tracing::Span;

use super::values::Values;
use crate::id::SessionId;
use crate::sync::Mutex;

/// What a connection keeps for the program.
#[derive(Default)]
pub(crate) struct ConnectionStore {
    pub(crate) values: Option<Box<Values>>,
    pub(crate) session: Option<Arc<SessionInner>>,
    /// The session's name; the peer may know it before the program asks for the session.
    pub(crate) session_id: Option<SessionId>,
    /// Whether the peer knows it, so that it can resume it.
    pub(crate) is_told: bool,
    /// The connection's span, where there is a subscriber.
    pub(crate) span: Option<Box<Span>>,
}

impl fmt::Debug for ConnectionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionStore").finish_non_exhaustive()
    }
}

#[derive(Default)]
pub(crate) struct SessionInner {
    pub(crate) values: Mutex<Values>,
}
