//! Waiting for sockets that are not connected yet.

use std::sync::Arc;
use std::time::Duration;

use crate::error::WaitError;
use crate::hub::selection::Selection;
use crate::objects::Socket;
use crate::room::RoomKey;

impl Selection {
    /// Waits until at least one socket of the selection is connected, and returns the same selection, to go on with.
    ///
    /// ```no_run
    /// # async fn example(server: jidda::Server) -> jidda::Result<()> {
    /// use std::time::Duration;
    ///
    /// let alice = server.user("alice").wait_online(Duration::from_secs(30)).await?;
    /// let drawings = alice.call::<String>("draw.me.a.sheep", &()).timeout(Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`WaitError::NotOnline`]: none connected within `limit`. A handler can pass it on to its caller by `?`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the waiting.
    pub async fn wait_online(&self, limit: Duration) -> Result<Self, WaitError> {
        let wait = self.hub.join_waiters.wait_for(&self.target.groups);
        let present = async {
            loop {
                let joined = wait.joined.notified();
                tokio::pin!(joined);
                // From here on no arrival is missed.
                joined.as_mut().enable();
                if self.sockets().iter().any(Socket::is_connected) {
                    return;
                }
                joined.await;
            }
        };
        if tokio::time::timeout(limit, present).await.is_ok() {
            return Ok(self.clone());
        }
        let identity = match &*self.target.groups {
            [RoomKey::Identity(name)] => Some(Arc::clone(name)),
            _ => None,
        };
        Err(WaitError::NotOnline { identity })
    }
}
