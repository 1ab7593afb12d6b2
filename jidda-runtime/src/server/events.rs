//! Events from server to server.

use std::collections::HashMap;

use futures_util::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Server;
use crate::connection::{FailureOrigin, Hub, Listener, Place};
use crate::error::{CallError, SendError};
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::handler::{Arguments, Callback, RESERVED_EVENTS, Reply, call_error};
use crate::payload::{CodecError, Encoding, Payload, encode_arguments_into};
use crate::sync::Mutex;

/// The closures that hear servers' events, several an event.
#[derive(Default)]
pub(super) struct ServerListeners(Mutex<HashMap<Box<str>, Vec<Callback>>>);

impl ServerListeners {
    /// Drops all of them, each by itself.
    pub(super) fn discard(&mut self, hub: &Hub) {
        for (event, callbacks) in std::mem::take(self.0.get_mut()) {
            for callback in callbacks {
                hub.discard(Place::apart(FailureOrigin::Destructor, &event), callback);
            }
        }
    }

    fn of(&self, event: &str) -> Vec<Callback> {
        self.0.lock().get(event).cloned().unwrap_or_default()
    }
}

impl Server {
    /// Runs a closure for an event that a server sends to all servers with [`server_emit`](Self::server_emit).
    /// It is for programs that are several servers: to reload something, to count together.
    ///
    /// # Panics
    ///
    /// When the event's name is reserved.
    pub fn on<A, L: Listener<A>>(&self, event: &str, listener: L) {
        assert!(!is_reserved(event), "the event name `{event}` is reserved");
        let callback: Callback =
            std::sync::Arc::new(move |arguments, encoding| listener.run(arguments, encoding));
        self.inner.listeners.0.lock().entry(event.into()).or_default().push(callback);
    }

    /// Takes all closures of an event away. Whether there were any.
    pub fn off(&self, event: &str) -> bool {
        // Dropped after the lock: a closure's destructor may use the server.
        let removed = self.inner.listeners.0.lock().remove(event);
        removed.is_some()
    }

    /// Sends an event to every server, this one included, and waits until its closures have run. Gives how many
    /// there were. No client hears of it.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, or the name is reserved.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the closures where they stand.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> jidda_runtime::Result<()> {
    /// use jidda_runtime::Server;
    ///
    /// let server = Server::builder().start().await?;
    /// server.on("reload", |name: String| async move { println!("reloading {name}") });
    /// assert_eq!(server.server_emit("reload", "prices").await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn server_emit<A: Serialize + ?Sized>(
        &self,
        event: &str,
        arguments: &A,
    ) -> Result<usize, SendError> {
        self.run_listeners(event, arguments).await.map(|replies| replies.len())
    }

    /// Sends an event to every server, this one included, and gives what its closures gave.
    ///
    /// # Errors
    ///
    /// As for [`server_emit`](Self::server_emit).
    ///
    /// # Cancel safety
    ///
    /// As for [`server_emit`](Self::server_emit).
    pub async fn server_call<R: DeserializeOwned>(
        &self,
        event: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<Vec<Result<R, CallError>>, SendError> {
        let replies = self.run_listeners(event, arguments).await?;
        let read = |reply: Result<Payload, Failure>| match reply {
            Ok(payload) => payload.decode().map_err(|error| CallError::Decode(error.to_string())),
            Err(failure) => Err(call_error(failure)),
        };
        Ok(replies.into_iter().map(read).collect())
    }

    async fn run_listeners<A: Serialize + ?Sized>(
        &self,
        event: &str,
        arguments: &A,
    ) -> Result<Vec<Result<Payload, Failure>>, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved(event.to_owned()));
        }
        let mut list = Vec::new();
        encode_arguments_into(&mut list, arguments, Encoding::MessagePack)
            .map_err(|error: CodecError| SendError::from(error))?;
        let runs = self.inner.listeners.of(event).into_iter().map(|callback| {
            let list = &list;
            let run = async move {
                callback(Arguments::new(list, Encoding::MessagePack), Encoding::MessagePack).reply().await
            };
            let place = Place::apart(FailureOrigin::Listener, event);
            let report = move |failure: Box<Failure>| drop(self.hub().disclose(place.destructor(), *failure));
            Guarded::new(run, report).map(move |ended| {
                // Nobody but the sender of a call asks for it: what fails is reported here.
                let ended = ended.and_then(Reply::into_result);
                ended.map_err(|failure| self.hub().disclose(place, *failure))
            })
        });
        Ok(futures_util::future::join_all(runs).await)
    }
}

fn is_reserved(event: &str) -> bool {
    RESERVED_EVENTS.contains(&event) || ["connection", "new_namespace"].contains(&event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_closure_hears_it_and_may_answer() {
        let server = Server::builder().start().await.unwrap();
        server.on("add", |a: u8, b: u8| async move { a + b });
        server.on("add", |a: u8, _b: u8| async move { assert_ne!(a, 1, "no") });
        assert_eq!(server.server_emit("add", &(2, 3)).await, Ok(2));
        let replies = server.server_call::<u8>("add", &(1, 2)).await.unwrap();
        assert_eq!(replies[0], Ok(3));
        assert!(matches!(replies[1], Err(CallError::Internal { .. })), "{replies:?}");
        assert!(server.off("add"));
        assert_eq!(server.server_emit("add", &(2, 3)).await, Ok(0));
        assert!(matches!(server.server_emit("connection", &()).await, Err(SendError::Reserved(_))));
    }
}
