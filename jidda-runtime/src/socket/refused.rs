//! Events of this side that the peer refused.

use std::sync::Arc;

use crate::error::Error;
use crate::objects::socket_state::RefusedHook;
use crate::objects::{Socket, SocketInner};
use crate::observe::report::{FailureOrigin, Place};

impl Socket {
    /// Calls `hook` with the name and the error of each event of this side that the peer refused. Without a hook it is a
    /// warning in the log.
    ///
    /// So are events that a client sent while it was away and that cannot be sent any more: `too_large` when the server
    /// takes smaller messages after the return than before, `not_connected` when the client ended before its return.
    pub fn on_refused(&self, hook: impl Fn(&str, &Error) + Send + Sync + 'static) {
        let hook: RefusedHook = Arc::new(hook);
        // Given back by the lock, and dropped after it: the old one's destructor may use the socket.
        let _old = self.inner.extra(
            |extra| {
                if extra.is_released { Some(hook) } else { extra.refused.replace(hook) }
            },
        );
    }
}

impl SocketInner {
    /// Shows the program's hook an event of ours that failed. `false` when there is no hook.
    pub(crate) fn show_refused(self: &Arc<Self>, event: &str, error: &Error) -> bool {
        let hook = self.state.lock().extra.as_ref().and_then(|extra| extra.refused.clone());
        let Some(hook) = hook else { return false };
        let (hub, place) = (&self.connection.hub, Place::closure(FailureOrigin::Hook, self, event));
        hub.run(place, || hook(event, error));
        hub.discard(place, hook);
        true
    }
}
