//! Events that are sent again until they are acknowledged.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::handle::Client;
use crate::error::{CallError, SendError};
use crate::objects::Socket;

impl Client {
    /// A queue for events of a namespace that have to arrive at least once, however often the connection is lost.
    pub fn retry_queue(&self, namespace: &str) -> RetryQueue {
        let socket = self.of(namespace);
        RetryQueue {
            client: self.clone(),
            socket,
            retries: 3,
            ack_timeout: Duration::from_secs(10),
            turn: Mutex::new(()),
        }
    }
}

/// Sends events one after the other, each again until it is acknowledged: at least once, so that a server may see an event
/// twice. They stay in order. Like `retries` and `ackTimeout` of the client for JavaScript; [`Client::retry_queue`] makes it.
///
/// ```
/// # use std::time::Duration;
/// # async fn example(client: &jidda::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let orders = client.retry_queue("/").retries(5).ack_timeout(Duration::from_secs(2));
/// let number: u64 = orders.send("order", &("tea", 2)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a queue sends what it is given with `send`"]
pub struct RetryQueue {
    client: Client,
    socket: Socket,
    retries: u32,
    ack_timeout: Duration,
    turn: Mutex<()>,
}

impl RetryQueue {
    /// How often an event is sent again at most. Default: 3.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How long an acknowledgement may take before the event is sent again. Default: 10 s.
    pub fn ack_timeout(mut self, limit: Duration) -> Self {
        self.ack_timeout = limit;
        self
    }

    /// Sends an event when those before it are done, and waits for its acknowledgement. While there is no connection, it waits
    /// for one, which counts for nothing.
    ///
    /// # Errors
    ///
    /// [`CallError::Timeout`] or [`CallError::Disconnected`] when no retry is left or the client has ended; others, such as what the
    /// handler raised, at once.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the event up; it may have been received. Those behind it go on.
    pub async fn send<R: DeserializeOwned>(
        &self,
        event: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<R, CallError> {
        let _turn = self.turn.lock().await;
        let mut sent = 0;
        loop {
            self.connected().await?;
            let call = self.socket.call::<R>(event, arguments).timeout(self.ack_timeout);
            let error = match call.await {
                Err(error @ (CallError::Timeout | CallError::Disconnected { .. })) => error,
                Err(CallError::Send(SendError::NotConnected)) => {
                    // It is lost, and its socket is about to know.
                    tokio::task::yield_now().await;
                    continue;
                }
                other => return other,
            };
            if sent == self.retries {
                return Err(error);
            }
            sent += 1;
        }
    }

    /// Waits for the namespace to be joined.
    async fn connected(&self) -> Result<(), CallError> {
        let mut events = self.client.events();
        while !self.socket.is_connected() {
            if events.next().await.is_none() {
                return Err(CallError::Disconnected { maybe_executed: false });
            }
        }
        Ok(())
    }
}
