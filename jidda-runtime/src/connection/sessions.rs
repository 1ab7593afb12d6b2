//! What is kept for longer than a socket: with its connection, and with a session, which a peer that comes back has
//! again.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::Span;

use super::Connection;
use super::hub::Hub;
use super::report::{FailureOrigin, Place};
use super::socket::Socket;
use super::values::{Value, Values, typed};
use crate::config::Config;
use crate::error::Error;
use crate::handler::{Context, FromConnection, Side};
use crate::id::SessionId;
use crate::sync::Mutex;

/// What a connection keeps for the program.
#[derive(Default)]
pub(super) struct Kept {
    values: Option<Box<Values>>,
    session: Option<Arc<SessionInner>>,
    /// The session's name; the peer may know it before the program asks for the session.
    session_id: Option<SessionId>,
    /// Whether the peer knows it, so that it can come back to it.
    is_told: bool,
    /// The connection's span, where somebody listens.
    pub(super) span: Option<Box<Span>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

#[derive(Default)]
pub(super) struct SessionInner {
    values: Mutex<Values>,
}

/// A peer's session: what belongs to it while it is connected, on all its namespaces, and when it comes back soon.
///
/// A native client that lost its connection and makes another one within
/// [`session_linger`](crate::ServerBuilder::session_linger) has the session of before, provided that the server saw the
/// old connection end and that the client is who it was; else it has a new one. A peer of any other kind has a session
/// that ends with its connection. On a client, the session lasts as long as the client comes back.
///
/// ```
/// # async fn handler(socket: &jidda_runtime::Socket) {
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
        let mut exchange = self.connection.exchange.lock();
        exchange.kept()?;
        let old = exchange.kept_mut()?.values.as_mut()?.remove(TypeId::of::<T>());
        drop(exchange);
        typed(old)
    }
}

impl Socket {
    /// What is kept with the connection rather than with one of its sockets: one value a type, shared by all its
    /// namespaces, until it ends. A client's connection goes on when it comes back.
    ///
    /// `#[derive(FromConnection)]` types are looked for in the socket's values, then here, then in the
    /// [session](Self::session).
    pub fn connection_values(&self) -> ConnectionValues<'_> {
        ConnectionValues { connection: &self.inner.connection }
    }

    /// The peer's session: see [`Session`].
    ///
    /// Once the connection is over, it is an empty one that belongs to nobody.
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
    pub(super) fn kept<R>(&self, look: impl FnOnce(Option<&mut Kept>) -> R) -> R {
        look(self.exchange.lock().kept_mut())
    }

    /// A value of the connection or of its session.
    pub(super) fn value(&self, key: TypeId) -> Option<Value> {
        self.exchange.lock().kept()?.values.as_ref()?.get(key)
    }

    /// A value of the session, which is not made for being asked.
    pub(super) fn session_value(&self, key: TypeId) -> Option<Value> {
        let session = self.exchange.lock().kept()?.session.clone()?;
        let values = session.values.lock();
        values.get(key)
    }

    /// The session of a peer that says hello: the one it names, if it may have that again, else a new one.
    pub(super) fn begin_session(&self, resume: Option<SessionId>) -> SessionId {
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
            hub.discard_session(hub.sessions.linger(id, session, identity, hub.clock()));
        }
        id
    }

    /// The session that a client's server named; it is asked for at the next hello.
    pub(super) fn name_session(&self, id: SessionId) {
        self.kept(|kept| {
            if let Some(kept) = kept {
                kept.session_id = Some(id);
                kept.is_told = true;
            }
        });
    }

    /// The session to ask for again.
    pub(super) fn former_session(&self) -> Option<SessionId> {
        self.exchange.lock().kept().and_then(|kept| kept.session_id.filter(|_| kept.is_told))
    }

    /// The connection is over: its values go, its session waits for the peer to come back.
    pub(super) fn release_kept(&self) {
        let Some(mut kept) = self.exchange.lock().take_kept() else { return };
        if let Some(values) = kept.values.take() {
            values.discard(&self.hub, Place::apart(FailureOrigin::Destructor, "connection"));
        }
        if self.hub.side == Side::Server
            && kept.is_told
            && let (Some(id), Some(session)) = (kept.session_id, kept.session.take())
        {
            let identity = self.identity().map(|identity| identity.shared_name());
            let evicted = self.hub.sessions.linger(id, session, identity, self.hub.clock());
            self.hub.discard_session(evicted);
        } else {
            self.hub.discard_session(kept.session);
        }
    }
}

impl Hub {
    /// Drops a session, unless somebody else holds it: each of its values by itself. Not while anything is locked.
    fn discard_session(&self, session: Option<Arc<SessionInner>>) {
        if let Some(mut session) = session.and_then(Arc::into_inner) {
            std::mem::take(session.values.get_mut())
                .discard(self, Place::apart(FailureOrigin::Destructor, "session"));
        }
    }

    /// Lets the sessions go whose time is over.
    pub(super) fn expire_sessions(&self, now: u32) {
        self.sessions.expired(now).into_iter().for_each(|gone| self.discard_session(Some(gone.session)));
    }

    /// Lets all of them go: there is nobody any more for them to come back to.
    pub(super) fn discard_sessions(&self) {
        let away = std::mem::take(&mut *self.sessions.away.lock());
        away.by_age.into_values().for_each(|gone| self.discard_session(Some(gone.session)));
    }
}

/// The sessions of peers that are away. No session has a timer: the hub's wheel lets them go.
pub(super) struct Sessions {
    limit: usize,
    linger: u32,
    away: Mutex<Away>,
}

#[derive(Default)]
struct Away {
    by_id: HashMap<SessionId, u64>,
    /// In the order they came, which is the order they go.
    by_age: BTreeMap<u64, Lingering>,
    next: u64,
}

struct Lingering {
    id: SessionId,
    session: Arc<SessionInner>,
    /// Who it belonged to: nobody else may have it.
    identity: Option<Arc<str>>,
    since: u32,
}

impl Away {
    fn remove(&mut self, number: u64) -> Option<Lingering> {
        let lingering = self.by_age.remove(&number)?;
        self.by_id.remove(&lingering.id);
        Some(lingering)
    }
}

impl Sessions {
    pub(super) fn new(config: &Config) -> Self {
        // Half a round of the clock is as far as it can be read.
        let longest = Duration::from_millis(u64::from(u32::MAX / 2));
        let linger = config.session_linger.min(longest).as_millis();
        Self {
            limit: config.max_lingering_sessions,
            linger: u32::try_from(linger).expect("the longest fits"),
            away: Mutex::default(),
        }
    }

    /// Keeps a session for a while. What has to go for it is given back, to be dropped outside of every lock.
    #[must_use]
    fn linger(
        &self,
        id: SessionId,
        session: Arc<SessionInner>,
        identity: Option<Arc<str>>,
        now: u32,
    ) -> Option<Arc<SessionInner>> {
        if self.limit == 0 || self.linger == 0 {
            return Some(session);
        }
        let mut away = self.away.lock();
        let oldest = away.by_age.keys().next().copied();
        let evicted =
            oldest.filter(|_| away.by_age.len() >= self.limit).and_then(|oldest| away.remove(oldest));
        let number = away.next;
        away.next += 1;
        away.by_id.insert(id, number);
        away.by_age.insert(number, Lingering { id, session, identity, since: now });
        evicted.map(|evicted| evicted.session)
    }

    /// Takes a session back, if it is there and belongs to `identity`. Another one's is left as it is.
    fn resume(&self, id: SessionId, identity: Option<&str>, now: u32) -> Option<Arc<SessionInner>> {
        let mut away = self.away.lock();
        let number = *away.by_id.get(&id)?;
        let lingering = away.by_age.get(&number)?;
        if lingering.identity.as_deref() != identity || self.is_over(lingering, now) {
            return None;
        }
        away.remove(number).map(|lingering| lingering.session)
    }

    fn is_over(&self, lingering: &Lingering, now: u32) -> bool {
        now.wrapping_sub(lingering.since) >= self.linger
    }

    /// Takes those whose time is over.
    #[must_use]
    fn expired(&self, now: u32) -> Vec<Lingering> {
        let mut gone = Vec::new();
        let mut away = self.away.lock();
        while let Some((&number, lingering)) = away.by_age.first_key_value()
            && self.is_over(lingering, now)
        {
            gone.extend(away.remove(number));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(limit: usize) -> Sessions {
        let linger = Duration::from_millis(100);
        Sessions::new(&Config { session_linger: linger, max_lingering_sessions: limit, ..Config::default() })
    }

    fn away(sessions: &Sessions) -> usize {
        let away = sessions.away.lock();
        assert_eq!(away.by_id.len(), away.by_age.len());
        away.by_age.len()
    }

    #[test]
    fn a_session_is_resumed_once_in_time_and_by_its_owner() {
        let sessions = sessions(10);
        let id = SessionId::random();
        let ada: Option<Arc<str>> = Some("ada".into());
        assert!(sessions.linger(id, Arc::default(), ada.clone(), 1000).is_none());
        assert!(sessions.resume(id, None, 1010).is_none());
        assert!(sessions.resume(id, Some("bob"), 1010).is_none());
        assert!(sessions.resume(SessionId::random(), Some("ada"), 1010).is_none());
        assert!(sessions.resume(id, Some("ada"), 1099).is_some());
        assert!(sessions.resume(id, Some("ada"), 1099).is_none());
        drop(sessions.linger(id, Arc::default(), ada, 1000));
        assert!(sessions.resume(id, Some("ada"), 1100).is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let sessions = sessions(3);
        let ids: Vec<_> = (0..5).map(|_| SessionId::random()).collect();
        for (evicts, id) in [false, false, false, true, true].into_iter().zip(&ids) {
            assert_eq!(sessions.linger(*id, Arc::default(), None, 0).is_some(), evicts);
        }
        assert_eq!(away(&sessions), 3);
        assert!(sessions.resume(ids[1], None, 1).is_none());
        assert!(sessions.resume(ids[2], None, 1).is_some());
    }

    #[test]
    fn those_whose_time_is_over_go_also_when_the_clock_wraps() {
        let sessions = sessions(10);
        let start = u32::MAX - 40;
        for since in [start, start.wrapping_add(30), start.wrapping_add(60)] {
            drop(sessions.linger(SessionId::random(), Arc::default(), None, since));
        }
        drop(sessions.expired(start.wrapping_add(99)));
        assert_eq!(away(&sessions), 3);
        drop(sessions.expired(start.wrapping_add(130)));
        assert_eq!(away(&sessions), 1);
        drop(sessions.expired(start.wrapping_add(160)));
        assert_eq!(away(&sessions), 0);
    }

    #[test]
    fn none_is_kept_where_none_is_wanted() {
        let sessions = sessions(0);
        assert!(sessions.linger(SessionId::random(), Arc::default(), None, 0).is_some());
        assert_eq!(away(&sessions), 0);
    }
}
