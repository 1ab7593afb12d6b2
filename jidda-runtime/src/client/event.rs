//! What happens to a client's connections.

use tokio::sync::broadcast;

use crate::reconnect::ClientEvent;

/// The events of one client from the moment they were asked for.
#[derive(Debug)]
pub struct ClientEvents(pub(super) broadcast::Receiver<ClientEvent>);

impl ClientEvents {
    /// The next event; `None` when the client is over. One who falls 64 events behind misses the oldest.
    ///
    /// # Cancel safety
    ///
    /// No event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "client events were missed");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}
