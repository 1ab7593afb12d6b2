//! What happens to a client's connections.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::reconnect::ClientEvent;

/// The events of one client, from the moment it was made: a [`Stream`].
#[derive(Debug)]
pub struct ClientEvents(BroadcastStream<ClientEvent>);

impl ClientEvents {
    pub(super) fn new(events: broadcast::Receiver<ClientEvent>) -> Self {
        Self(BroadcastStream::new(events))
    }

    /// The next event; `None` when the client has ended. A receiver that falls 64 events behind misses the oldest.
    ///
    /// # Cancel safety
    ///
    /// No event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for ClientEvents {
    type Item = ClientEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ClientEvent>> {
        loop {
            match ready!(Pin::new(&mut self.0).poll_next(cx)) {
                Some(Ok(event)) => return Poll::Ready(Some(event)),
                Some(Err(BroadcastStreamRecvError::Lagged(missed))) => {
                    tracing::warn!(missed, "client events were missed");
                }
                None => return Poll::Ready(None),
            }
        }
    }
}
