//! A handle of a client.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use super::credentials;
use super::event::ClientEvents;
use crate::error::{CallError, Error, RecvError, SendError};
use crate::handler::{CallTarget, CallerError, JoinTarget, StreamTarget, Table};
use crate::objects::Connection;
use crate::objects::Socket;
use crate::payload::{Encoding, Payload};
use crate::reason::DisconnectReason;
use crate::reconnect::ClientEvent;
use crate::socket::{Emit, Listener, OutgoingCall, Streaming};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::transport::Address;

/// One or several connections to a server. Cheap to clone; the connections end when the last clone is dropped.
///
/// A connection that is lost is made again, after waits that grow until one has lasted: see [`Backoff`](crate::Backoff). It ends for good
/// when the program says so with [`disconnect`](Self::disconnect), when the server sends it away or refuses it, when no
/// attempt is left, or when the runtime that it was made in is shut down. In each case [`closed`](Self::closed) says why,
/// the [`events`](Self::events) end, and whatever is sent from then on fails at once.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) address: Address,
    pub(super) connections: Vec<Arc<Connection>>,
    /// The root namespace of each; kept here, since a connection that ended forgets its sockets.
    pub(super) roots: Vec<Socket>,
    pub(super) next: AtomicUsize,
    /// Held by the keepers alone, so that the events end with them.
    pub(super) events: broadcast::WeakSender<ClientEvent>,
    pub(super) identity: Option<Arc<str>>,
    /// The tasks that keep the connections.
    pub(super) keepers: TaskTracker,
}

/// Two handles are equal when they are handles of the same client.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Client {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connections", &self.inner.connections).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for connection in &self.connections {
            connection.ask_to_end(DisconnectReason::ForcedClose);
        }
    }
}

impl Client {
    /// The connection whose turn it is.
    fn turn(&self) -> usize {
        self.inner.next.fetch_add(1, Ordering::Relaxed) % self.inner.connections.len()
    }

    /// The socket of a namespace, joined or not: handlers can be put in place with [`Socket::on`] before
    /// [`join`](Self::join). With several connections it is the next one's in turn.
    pub fn of(&self, namespace: &str) -> Socket {
        let turn = self.turn();
        if namespace == "/" {
            self.inner.roots[turn].clone()
        } else {
            self.inner.connections[turn].client_socket(namespace)
        }
    }

    /// The socket of a namespace that was joined, of a connection that is up if there is one. The same `number` gives the
    /// same connection, as long as that is up.
    pub(crate) fn joined(&self, namespace: &str, number: u64) -> Option<Socket> {
        let Inner { connections, roots, .. } = &*self.inner;
        let count = connections.len();
        let first = share(number, count);
        let mut away = None;
        for place in (first..count).chain(0..first) {
            let socket = if namespace == "/" {
                Some(roots[place].clone())
            } else {
                connections[place].existing_socket(namespace)
            };
            match socket {
                Some(socket) if socket.is_connected() => return Some(socket),
                Some(socket) if away.is_none() && socket.is_wanted() => away = Some(socket),
                _ => {}
            }
        }
        away
    }

    /// The sockets of a namespace on all connections, joined or not.
    pub(crate) fn on_each(&self, namespace: &str) -> Vec<Socket> {
        if namespace == "/" {
            return self.inner.roots.clone();
        }
        self.inner.connections.iter().map(|connection| connection.client_socket(namespace)).collect()
    }

    /// The root namespace of the first connection.
    pub fn root(&self) -> Socket {
        self.inner.roots[0].clone()
    }

    /// Joins a namespace on every connection, with `auth` as its auth value.
    ///
    /// # Errors
    ///
    /// [`CallError::Refused`] with code, message and data of what the server's `connect` handler raised.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, some connections may have joined.
    pub async fn join<A: Serialize + Sync>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> Result<Socket, CallError<Error>> {
        self.join_as(namespace, auth).await
    }

    /// Joins a namespace as [`join`](Self::join) does, and reads the error that its `connect` handler raised as an
    /// `E`. A stub's `connect` does this with the handler's own type.
    ///
    /// # Errors
    ///
    /// [`CallError::App`] with the handler's error, or [`CallError::Refused`].
    ///
    /// # Panics
    ///
    /// Never: a client has at least one connection.
    ///
    /// # Cancel safety
    ///
    /// As for [`join`](Self::join).
    pub async fn join_as<A: Serialize + Sync, E: CallerError + Send>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> Result<Socket, CallError<E>> {
        let mut first = None;
        for connection in &self.inner.connections {
            let socket = connection.client_socket(namespace);
            socket.join_namespace(auth).await?;
            first.get_or_insert(socket);
        }
        Ok(first.expect("a client has at least one connection"))
    }

    /// Calls a handler of the root namespace; with several connections, over the next one in turn.
    pub fn call<'a, R: DeserializeOwned>(
        &self,
        event: &'a str,
        arguments: &(impl Serialize + ?Sized),
    ) -> OutgoingCall<'a, R> {
        self.of("/").call(event, arguments)
    }

    /// Calls a handler of the root namespace whose reply is a stream; with several connections, over the next one in
    /// turn. See [`Socket::stream`].
    pub fn stream<T>(&self, event: &str, arguments: &(impl Serialize + ?Sized)) -> Streaming<T> {
        self.of("/").stream(event, arguments)
    }

    /// Sends an event to the root namespace; with several connections, over the next one in turn.
    ///
    /// # Errors
    ///
    /// As for [`Socket::emit`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Socket::emit`].
    pub async fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<(), SendError> {
        self.of("/").emit(event, arguments).await
    }

    /// Sends a bare value to the root namespace: the event `message`.
    ///
    /// # Errors
    ///
    /// As for [`Socket::send`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Socket::send`].
    pub async fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        self.of("/").send(value).await
    }

    /// The next bare message of the first connection's root namespace that no handler takes.
    ///
    /// # Errors
    ///
    /// As for [`Socket::recv`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Socket::recv`].
    pub async fn recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        self.root().recv().await
    }

    /// Handles an event of the root namespace with a closure, on every connection; see [`Socket::on`].
    ///
    /// # Panics
    ///
    /// When the event's name is reserved.
    pub fn on<A, L: Listener<A> + Clone>(&self, event: &str, listener: L) {
        for root in &self.inner.roots {
            root.on(event, listener.clone());
        }
    }

    /// Presents new credentials on every connection, before the ones of before expire. Connections that are made
    /// later present what the builder was given.
    ///
    /// # Errors
    ///
    /// [`CallError::Refused`]: `identity_changed` when they are of another identity, `unauthenticated` when they are
    /// not valid, `not_found` when the server has no authentication. The earlier credentials hold until they expire.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, some connections may have presented them.
    pub async fn authenticate<A: Serialize + ?Sized + Sync>(
        &self,
        credentials: &A,
    ) -> Result<(), CallError<Error>> {
        let credentials = Payload::encode(credentials, Encoding::MessagePack);
        let credentials = credentials.map_err(|error| SendError::Encode(error.0))?;
        for connection in &self.inner.connections {
            credentials::authenticate(connection, self.inner.identity.as_deref(), &credentials).await?;
        }
        Ok(())
    }

    /// What happens to the connections, from now on.
    pub fn events(&self) -> ClientEvents {
        let closed = || broadcast::channel(1).1;
        ClientEvents::new(self.inner.events.upgrade().map_or_else(closed, |events| events.subscribe()))
    }

    /// The handlers that the server can call.
    pub fn handlers(&self) -> &Table {
        self.inner.connections[0].table()
    }

    /// Closes every connection, after what is queued is written, and waits for that. A connection that is being made is
    /// given up at once. It may be called any number of times, and all calls wait for the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the closing.
    pub async fn disconnect(&self) {
        for connection in &self.inner.connections {
            connection.ask_to_end(DisconnectReason::ClientDisconnect);
        }
        self.inner.keepers.wait().await;
    }

    /// What is left to do when the client's last handle is dropped.
    pub(crate) fn ending(&self) -> Ending {
        Ending { connections: self.inner.connections.clone(), keepers: self.inner.keepers.clone() }
    }

    /// Waits until the first connection is over for good, and says why: it was closed, refused or given up.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn closed(&self) -> DisconnectReason {
        self.root().closed().await
    }
}

/// The end of a client, for tasks that may outlive its handles.
#[derive(Debug)]
pub(crate) struct Ending {
    connections: Vec<Arc<Connection>>,
    keepers: TaskTracker,
}

impl Ending {
    /// Asks for it, and waits for it.
    pub(crate) async fn ended(self) {
        for connection in &self.connections {
            connection.ask_to_end(DisconnectReason::ForcedClose);
        }
        self.keepers.wait().await;
    }
}

impl CallTarget for Client {
    type Call<R, E> = OutgoingCall<'static, R, E>;
    type Notify<E> = OutgoingCall<'static, (), E>;
    type Emit = Emit;

    fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Call<R, E> {
        CallTarget::call(&self.of("/"), namespace, event, arguments)
    }

    fn notify<A: Serialize, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Notify<E> {
        CallTarget::notify(&self.of("/"), namespace, event, arguments)
    }

    fn emit<A: Serialize>(&self, namespace: &'static str, event: &'static str, arguments: &A) -> Emit {
        CallTarget::emit(&self.of("/"), namespace, event, arguments)
    }
}

impl StreamTarget for Client {
    type Stream<T, E> = Streaming<T, E>;

    fn stream<A: Serialize, T: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Streaming<T, E> {
        StreamTarget::stream(&self.of("/"), namespace, event, arguments)
    }
}

impl JoinTarget for Client {
    type CallTarget = Socket;

    async fn join<A: Serialize + Sync, E: CallerError + Send>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> Result<Socket, CallError<E>> {
        self.join_as(namespace, auth).await
    }
}

/// Which of so many connections a number falls to. Numbers of one process can go up in steps, as where each caller takes two
/// of them: what is left of a division would send all of those to the same connections.
fn share(number: u64, count: usize) -> usize {
    // The golden ratio spreads multiples of any step.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let share = (u128::from(spread) * count as u128) >> 64;
    usize::try_from(share).expect("it is less than the count")
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn callers_are_divided_among_all_connections() {
        for count in 1..=6 {
            for step in 1..=12u64 {
                let mut shares = vec![0; count];
                for number in (7..).step_by(usize::try_from(step).unwrap()).take(120) {
                    shares[share(number, count)] += 1;
                }
                let fair = 120 / count;
                assert!(shares.iter().all(|&share| share * 2 > fair), "{shares:?} in steps of {step}");
            }
        }
    }
}
