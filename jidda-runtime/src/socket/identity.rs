//! The identity of a connection and of its sockets, and where it is published.

use std::sync::Arc;

use crate::error::IdentifyError;
use crate::id::ConnectionId;
use crate::identity::Identity;
use crate::objects::socket_state::{Extra, Phase};
use crate::objects::{Connection, Socket, SocketInner};
use crate::reason::DisconnectReason;
use crate::room::{IdentityGuard, IdentityHolder, RoomKey};

impl IdentityHolder for Connection {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn is_closed(&self) -> bool {
        Connection::is_closed(self)
    }

    fn replace(&self) {
        self.close(DisconnectReason::Replaced);
    }
}

impl Connection {
    /// Gives the connection an identity, for as long as the guard is kept: see [`Presence::claim`].
    ///
    /// [`Presence::claim`]: crate::room::Presence::claim
    pub(crate) fn claim(self: &Arc<Self>, name: &Arc<str>) -> Result<IdentityGuard, IdentifyError> {
        let holder: Arc<dyn IdentityHolder> = Arc::clone(self) as _;
        self.hub.presence.claim(name, &holder, self.hub.config.duplicate_identity)
    }
}

impl SocketInner {
    /// Publishes that the socket can be reached from now on, to its waiters and to the observers of presence.
    pub(crate) fn announce(&self) {
        let hub = &self.connection.hub;
        let name_of = |extra: &Extra| extra.claim.as_ref().map(|guard| Arc::clone(guard.name()));
        let own = self.state.lock().extra.as_deref().and_then(name_of);
        let name = own.or_else(|| self.connection.identity().map(|identity| identity.shared_name()));
        if let Some(name) = name {
            hub.presence.publish(&name);
        }
        if hub.join_waiters.are_awaited() {
            hub.join_waiters.everyone();
            self.rooms.joined(self.key).iter().for_each(|key| hub.join_waiters.group(key));
        }
    }
}

impl Socket {
    /// Sets the peer's identity, once the program has authenticated it: `server.user(name)` reaches the socket
    /// from now on, and it has the identity's permissions. The peer itself cannot set or change it.
    ///
    /// It takes the place of what an [`Authenticator`](crate::Authenticator) found, for this socket, and holds as long as
    /// the socket: its expiry is not looked after.
    ///
    /// # Errors
    ///
    /// [`IdentifyError`]: the name is too long, the socket is closed, or another connection has this identity and the
    /// server [refuses the second](crate::DuplicateIdentity::RefuseNew). The socket keeps the identity it had. A handler
    /// can pass the error on to its caller by `?`.
    pub fn identify(&self, identity: impl Into<Identity>) -> Result<(), IdentifyError> {
        if self.inner.phase() == Phase::Closed {
            return Err(IdentifyError::NotConnected);
        }
        let identity = identity.into();
        let name = identity.shared_name();
        let (size, limit) = (name.len(), self.inner.connection.hub.config.max_name);
        if size > limit {
            return Err(IdentifyError::NameTooLong { size, limit });
        }
        let claim = self.inner.connection.claim(&name)?;
        let connections = self.inner.connection.identity();
        // Dropped outside of the lock, and after the new one was made: an identity that stays present does not leave in between.
        let (old, old_claim) = {
            let mut state = self.inner.state.lock();
            let extra = state.extra();
            if extra.is_released {
                drop(state);
                return Err(IdentifyError::NotConnected);
            }
            (extra.identity.replace(identity).or(connections), extra.claim.replace(claim))
        };
        let key = RoomKey::Identity(Arc::clone(&name));
        if let Some(old) = old.filter(|old| old.name() != &*name) {
            self.inner.rooms.leave(self.inner.key, &RoomKey::Identity(old.shared_name()));
        }
        self.inner.connection.record_identity(&name);
        self.inner.enter_identity(self, &key);
        if self.identity().is_none_or(|now| now.name() != &*name) {
            // Another thread said something else meanwhile, and may have done so before this one entered the group.
            self.inner.rooms.leave(self.inner.key, &key);
        }
        drop(old_claim);
        if self.is_connected() {
            self.inner.announce();
        }
        Ok(())
    }

    /// Who the peer is, as the server's [`Authenticator`](crate::Authenticator) found or [`identify`](Self::identify)
    /// said.
    pub fn identity(&self) -> Option<Identity> {
        let own = self.inner.state.lock().extra.as_ref().and_then(|extra| extra.identity.clone());
        own.or_else(|| self.inner.connection.identity())
    }
}
