//! The place of a call that is passed on, on the connection that all callers share.

use std::sync::Arc;

use crate::failure::Failure;
use crate::id::ConnectionId;
use crate::objects::Connection;

/// The place of one call; free again once this is dropped.
pub(crate) struct Share {
    connection: Arc<Connection>,
    caller: ConnectionId,
}

impl Connection {
    /// Takes a place for a call that is passed on for `caller`.
    ///
    /// # Errors
    ///
    /// The refusal for a caller that has as many calls under way as it may have.
    pub(crate) fn share(self: &Arc<Self>, caller: ConnectionId) -> Result<Share, Failure> {
        let limit = self.hub.config.max_in_flight;
        if self.link.change().shares(limit).enter(caller) {
            return Ok(Share { connection: Arc::clone(self), caller });
        }
        Err(Failure::new(
            "busy",
            "as many calls of this connection are passed on as there is room left for others",
        ))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let limit = self.connection.hub.config.max_in_flight;
        self.connection.link.change().shares(limit).leave(self.caller);
    }
}
