//! What belongs to one socket: values, permissions, identity, jobs, and what waits for it.

use std::any::TypeId;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, IdentifyError};
use crate::hub::presence::Claim;
use crate::id::SocketId;
use crate::identity::Identity;
use crate::link::backlog::Backlog;
use crate::objects::values::{Values, typed};
use crate::objects::waiters::Waiters;
use crate::payload::Payload;
use crate::reason::DisconnectReason;
use crate::room::RoomKey;
use crate::socket::handle::{Phase, Socket};
use crate::socket::held::HeldFrames;
use crate::socket::jobs::Jobs;
use crate::socket::listeners::Listeners;
use crate::socket::permissions::Permissions;

/// The part of a socket that changes. What few sockets need is boxed, so that an idle one is small.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Why it is over. Boxed, like all that an idle socket does not have.
    pub(crate) reason: Option<Box<DisconnectReason>>,
    /// The peer's number of the request that asked to join.
    pub(crate) connect_id: Option<u32>,
    pub(crate) extra: Option<Box<Extra>>,
}

type RefusedHook = Arc<dyn Fn(&str, &Error) + Send + Sync>;

#[derive(Default)]
pub(crate) struct Extra {
    /// The name that the server gave it, on a client.
    pub(crate) given_id: Option<SocketId>,
    /// The encoded auth value of the handshake.
    pub(crate) auth: Option<Payload>,
    /// Whether a client joins the namespace whenever it has a connection.
    pub(crate) is_wanted: bool,
    pub(crate) values: Values,
    pub(crate) permissions: Permissions,
    pub(crate) identity: Option<Identity>,
    /// That the connection is of that identity, until the socket is over.
    pub(crate) claim: Option<Claim>,
    pub(crate) listeners: Listeners,
    pub(crate) refused: Option<RefusedHook>,
    /// The socket is over and has let go of everything: what it is given now may hold it, and is not kept.
    pub(crate) is_released: bool,
    /// Events that came before the socket was accepted.
    pub(crate) early: Backlog<()>,
    /// Frames to send once the socket is active.
    pub(crate) held: HeldFrames,
    /// Messages that wait to be received, and who waits for them.
    pub(crate) inbox: VecDeque<Bytes>,
    pub(crate) inbox_bytes: usize,
    pub(crate) receivers: Waiters,
    pub(crate) closed: Waiters,
    pub(crate) jobs: Option<Arc<Jobs>>,
}

impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extra").field("permissions", &self.permissions).finish_non_exhaustive()
    }
}

impl Extra {
    fn is_vacant(&self) -> bool {
        self.given_id.is_none()
            && self.auth.is_none()
            && !self.is_wanted
            && self.values.is_empty()
            && self.permissions.are_initial()
            && self.identity.is_none()
            && self.claim.is_none()
            && self.listeners.is_empty()
            && self.refused.is_none()
            && self.early.is_empty()
            && self.held.is_empty()
            && self.inbox.is_empty()
            && self.receivers.is_empty()
            && self.closed.is_empty()
            && self.jobs.is_none()
            && !self.is_released
    }
}

impl State {
    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Gives back the memory of what was needed for a while and holds nothing any more.
    pub(crate) fn tidy(&mut self) {
        if self.extra.as_ref().is_some_and(|extra| extra.is_vacant()) {
            self.extra = None;
        }
    }
}

impl Socket {
    /// Keeps a value with the socket, one of each type; a value of the same type is replaced and returned.
    ///
    /// A socket that is over, its `disconnect` handler included, keeps nothing.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let value = Arc::new(value);
        // Dropped outside of the lock, if it is not kept: its destructor may use the socket.
        let (old, _unkept) = self.inner.extra(|extra| {
            if extra.is_released {
                return (None, Some(value));
            }
            (extra.values.insert(value), None)
        });
        typed(old)
    }

    /// The value of type `T` kept with the socket.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        typed(self.inner.state.lock().extra.as_ref()?.values.get(TypeId::of::<T>()))
    }

    /// Takes the value of type `T` away from the socket.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let old = self.inner.state.lock().extra.as_mut()?.values.remove(TypeId::of::<T>());
        typed(old)
    }

    /// Says who the peer is, once the program has found that out: `server.user(name)` reaches the socket
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
        // Dropped outside of the lock, and after the new one was made: who is here all the time does not leave.
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
