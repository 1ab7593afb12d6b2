//! A handle of a socket: its names, its peer, its end.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::handler::{Call, Context, FromConnection, Origin, RESERVED_EVENTS, Side};
use crate::id::{ConnectionId, SocketId};
use crate::link::shared_state::Control;
use crate::objects::Socket;
use crate::objects::socket_state::Phase;
use crate::peer::{Handshake, PeerAddress};
use crate::reason::DisconnectReason;

/// Whether a program may not send an event of this name.
pub(crate) fn is_reserved(event: &str) -> bool {
    RESERVED_EVENTS.contains(&event) || event.starts_with("$/")
}

impl Socket {
    /// The socket's name, which is also a room that only it is in. A client's changes when it reconnects.
    pub fn id(&self) -> SocketId {
        self.inner.id(&self.inner.state.lock())
    }

    /// The number of its connection, for logs.
    pub fn connection_id(&self) -> ConnectionId {
        self.inner.connection.id
    }

    /// The namespace it joined, such as `/` or `/orders/7`.
    pub fn namespace(&self) -> &str {
        self.inner.namespace()
    }

    /// The address of the other end.
    pub fn peer(&self) -> PeerAddress {
        self.inner.connection.peer.to_address()
    }

    /// What the peer said when it joined.
    pub fn handshake(&self) -> Handshake {
        self.inner.handshake()
    }

    /// Whether events can be sent and received.
    pub fn is_connected(&self) -> bool {
        matches!(self.inner.phase(), Phase::Active | Phase::Replaying)
    }

    /// Whether the server took a client's socket up again where its lost connection left it: with its rooms and its data, and
    /// the events that were sent meanwhile. Servers of Socket.IO with `connectionStateRecovery` do.
    pub fn recovered(&self) -> bool {
        let state = self.inner.state.lock();
        let recovery = state.extra.as_ref().and_then(|extra| extra.recovery.as_ref());
        recovery.is_some_and(|recovery| recovery.is_recovered)
    }

    /// The socket of the same connection in another namespace, if it joined that.
    pub fn of(&self, namespace: &str) -> Option<Socket> {
        self.inner.connection.socket(namespace).map(|inner| Socket { inner })
    }

    /// Leaves the namespace; the peer is notified, and the connection goes on for the others.
    pub fn disconnect(&self) {
        let reason = match self.inner.connection.hub.side {
            Side::Server => DisconnectReason::ServerDisconnect,
            Side::Client => DisconnectReason::ClientDisconnect,
        };
        if self.inner.phase() == Phase::Away {
            // There is no peer to notify, and no task to do it.
            return self.finish(&reason);
        }
        self.inner.connection.control(Control::Leave(Arc::clone(&self.inner), reason));
    }

    /// Closes the connection, after what is queued is written, with all its namespaces.
    pub fn close(&self) {
        match self.inner.connection.hub.side {
            Side::Server => self.inner.connection.close(DisconnectReason::ForcedClose),
            Side::Client => self.inner.connection.ask_to_end(DisconnectReason::ForcedClose),
        }
    }

    /// Waits until the socket is closed, and says why. A client's socket is not closed while it reconnects.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    pub async fn closed(&self) -> DisconnectReason {
        self.inner.wait(|extra| &mut extra.closed, |state| state.reason.as_deref().cloned()).await
    }
}

impl Socket {
    pub(crate) fn hub(&self) -> &Arc<crate::objects::Hub> {
        &self.inner.connection.hub
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Two handles are equal when they are handles of the same socket.
impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Socket {}

impl std::hash::Hash for Socket {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.inner).hash(state);
    }
}

impl Context {
    /// The socket that the event was received on; `None` in a context without a connection, such as a test's.
    pub fn socket(&self) -> Option<Socket> {
        let origin: Arc<dyn Any + Send + Sync> = self.origin().clone();
        origin.downcast().ok().map(|inner| Socket { inner })
    }
}

impl Call {
    /// The socket that the event was received on; `None` in a context without a connection, such as a test's.
    ///
    /// ```
    /// use jidda::middleware::{Call, Next, Reply};
    ///
    /// async fn count(call: Call, next: Next) -> Reply {
    ///     if let Some(socket) = call.socket() {
    ///         println!("{} asks for {}", socket.id(), call.event());
    ///     }
    ///     next.run(call).await
    /// }
    /// ```
    pub fn socket(&self) -> Option<Socket> {
        self.context().socket()
    }
}

impl FromConnection for Socket {
    async fn from_connection(context: &Context) -> Result<Self, crate::Error> {
        context.socket().ok_or_else(|| crate::Error::new("not_connected", "there is no socket here"))
    }
}
