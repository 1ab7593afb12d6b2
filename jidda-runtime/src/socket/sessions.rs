//! Values that outlive a socket: those of its connection, and those of a session, which a peer that reconnects gets
//! again.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::handler::{Context, FromConnection, Side};
use crate::id::SessionId;
use crate::link::connection_store::{ConnectionStore, SessionInner};
use crate::link::session_store::Keeper;
use crate::link::values::{Value, typed};
use crate::objects::Connection;
use crate::objects::Hub;
use crate::objects::Socket;
use crate::observe::report::{FailureOrigin, Place};
use crate::source::Source;

/// A peer's session: what belongs to it while it is connected, on all its namespaces, and when it reconnects in time.
///
/// A native client that lost its connection and makes another one within
/// [`session_linger`](crate::ServerBuilder::session_linger) gets its previous session, provided that the server saw the
/// old connection end and that the client has the same identity; otherwise it gets a new one. The session of any other
/// kind of peer ends with its connection. On a client, the session lasts as long as the client reconnects.
///
/// ```
/// # async fn handler(socket: &jidda::Socket) {
/// #[derive(Clone)]
/// struct Basket(Vec<u32>);
///
/// let session = socket.session();
/// if session.get::<Basket>().is_none() {
///     session.insert(Basket(Vec::new()));
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    id: SessionId,
    inner: Arc<SessionInner>,
}

impl Session {
    /// Its name, which is a secret between the two sides.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Keeps a value with the session, one of each type; a value of the same type is replaced and returned.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let old = self.inner.values.lock().insert(Arc::new(value));
        typed(old)
    }

    /// The value of type `T` kept with the session.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        typed(self.inner.values.lock().get(TypeId::of::<T>()))
    }

    /// Takes the value of type `T` away from the session.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let old = self.inner.values.lock().remove(TypeId::of::<T>());
        typed(old)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl FromConnection for Session {
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        Ok(Socket::from_connection(context).await?.session())
    }
}

/// The values of a connection, which all its namespaces share; see [`Socket::connection_values`].
#[derive(Clone, Copy, Debug)]
pub struct ConnectionValues<'a> {
    connection: &'a Connection,
}

impl ConnectionValues<'_> {
    /// Keeps a value with the connection, one of each type; a value of the same type is replaced and returned.
    ///
    /// A connection that is over keeps nothing.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let value = Arc::new(value);
        // What is not kept is dropped after the lock: its destructor may use the connection.
        let (old, _unkept) = self.connection.kept(|kept| match kept {
            Some(kept) => (kept.values.get_or_insert_default().insert(value), None),
            None => (None, Some(value)),
        });
        typed(old)
    }

    /// The value of type `T` kept with the connection.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        typed(self.connection.value(TypeId::of::<T>()))
    }

    /// Takes the value of type `T` away from the connection.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let mut shared = self.connection.link.change();
        shared.kept()?;
        let old = shared.kept_mut()?.values.as_mut()?.remove(TypeId::of::<T>());
        drop(shared);
        typed(old)
    }
}

impl Socket {
    /// What is kept with the connection rather than with one of its sockets: one value a type, shared by all its
    /// namespaces, until it ends. A client's connection goes on when it reconnects.
    ///
    /// `#[derive(FromConnection)]` types are looked for in the socket's values, then here, then in the
    /// [session](Self::session).
    pub fn connection_values(&self) -> ConnectionValues<'_> {
        ConnectionValues { connection: &self.inner.connection }
    }

    /// The peer's session: see [`Session`].
    ///
    /// Once the connection is over, it is an empty one without a connection.
    pub fn session(&self) -> Session {
        self.inner.connection.kept(|kept| match kept {
            Some(kept) => Session {
                id: *kept.session_id.get_or_insert_with(SessionId::random),
                inner: Arc::clone(kept.session.get_or_insert_default()),
            },
            None => Session { id: SessionId::random(), inner: Arc::default() },
        })
    }
}

impl Connection {
    /// Looks at what is kept with the connection; `None` when it is over and keeps nothing more.
    pub(crate) fn kept<R>(&self, look: impl FnOnce(Option<&mut ConnectionStore>) -> R) -> R {
        look(self.link.change().kept_mut())
    }

    /// A value of the connection or of its session.
    pub(crate) fn value(&self, key: TypeId) -> Option<Value> {
        self.link.change().kept()?.values.as_ref()?.get(key)
    }

    /// A value of the session, which is not made for being asked.
    pub(crate) fn session_value(&self, key: TypeId) -> Option<Value> {
        let session = self.link.change().kept()?.session.clone()?;
        let values = session.values.lock();
        values.get(key)
    }

    /// The session of a peer that says hello: the one it names, if it may have that again, else a new one.
    pub(crate) fn begin_session(&self, resume: Option<SessionId>) -> SessionId {
        let hub = &self.hub;
        let identity = self.identity().map(|identity| identity.shared_name());
        let resumed =
            resume.and_then(|id| Some((id, hub.sessions.resume(id, identity.as_deref(), hub.clock())?)));
        let (id, unused) = self.kept(|kept| {
            let Some(kept) = kept else { return (SessionId::random(), resumed) };
            kept.is_told = true;
            match (kept.session_id, resumed) {
                // It has one by now, as one that says hello twice: then that one it is.
                (Some(id), unused) => (id, unused),
                (None, Some((id, session))) => {
                    kept.session_id = Some(id);
                    kept.session = Some(session);
                    (id, None)
                }
                (None, None) => (*kept.session_id.insert(SessionId::random()), None),
            }
        });
        if let Some((id, session)) = unused {
            hub.discard_session(hub.sessions.linger(id, session, self.keeper(identity), hub.clock()));
        }
        id
    }

    /// The session that a client's server named; it is asked for at the next hello.
    pub(crate) fn name_session(&self, id: SessionId) {
        self.kept(|kept| {
            if let Some(kept) = kept {
                kept.session_id = Some(id);
                kept.is_told = true;
            }
        });
    }

    /// The session to ask for again.
    pub(crate) fn former_session(&self) -> Option<SessionId> {
        self.link.change().kept().and_then(|kept| kept.session_id.filter(|_| kept.is_told))
    }

    /// Whose its session is while it waits.
    fn keeper(&self, identity: Option<Arc<str>>) -> Keeper {
        identity.map_or_else(|| Keeper::Anonymous(Source::of(&self.peer.to_address())), Keeper::Identity)
    }

    /// The connection is over: its values are dropped, its session is kept for the peer's reconnect.
    pub(crate) fn release_kept(&self) {
        let Some(mut kept) = self.link.change().take_kept() else { return };
        if let Some(values) = kept.values.take() {
            self.hub.discard_values(Place::apart(FailureOrigin::Destructor, "connection"), *values);
        }
        if self.hub.side == Side::Server
            && kept.is_told
            && let (Some(id), Some(session)) = (kept.session_id, kept.session.take())
        {
            let identity = self.identity().map(|identity| identity.shared_name());
            let evicted = self.hub.sessions.linger(id, session, self.keeper(identity), self.hub.clock());
            self.hub.discard_session(evicted);
        } else {
            self.hub.discard_session(kept.session);
        }
    }
}

impl Hub {
    /// Drops a session, unless it is held elsewhere: each of its values by itself. Not while anything is locked.
    fn discard_session(&self, session: Option<Arc<SessionInner>>) {
        if let Some(mut session) = session.and_then(Arc::into_inner) {
            let values = std::mem::take(session.values.get_mut());
            self.discard_values(Place::apart(FailureOrigin::Destructor, "session"), values);
        }
    }

    /// Lets the sessions go whose time is over.
    pub(crate) fn expire_sessions(&self, now: u32) {
        self.sessions.expired(now).into_iter().for_each(|gone| self.discard_session(Some(gone)));
    }

    /// Drops all of them: no server is left to resume them.
    pub(crate) fn discard_sessions(&self) {
        self.sessions.take_all().into_iter().for_each(|gone| self.discard_session(Some(gone)));
    }
}
