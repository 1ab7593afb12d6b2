//! Who the peer of a connection is: found out before its first socket joins, renewed by the peer, over at its expiry.
//!
//! While it is found out, the packet that began it waits here and all that follows it unread, so that nothing is kept for
//! a peer that nobody knows yet.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::Connection;
use super::backlog::Waiting;
use super::dispatch::Incoming;
use super::driver::Driver;
use super::exchange::Exchange;
use super::presence::Claim;
use super::report::Place;
use super::running::EventLabel;
use super::socket::{Phase, Socket, SocketInner};
use crate::error::Error;
use crate::failure::Failure;
use crate::handler::{self, Arguments, FromConnection, Reply, Side};
use crate::id::SessionId;
use crate::identity::Identity;
use crate::payload::{Payload, Value};
use crate::peer::{Handshake, Time};
use crate::reason::DisconnectReason;
use crate::room::RoomKey;
use crate::wire::Opening;

/// The event by which a client presents new credentials, and the request.
pub(super) const AUTHENTICATE: &str = "$/authenticate";

/// What a peer was found to be; at a client, what the server says of it.
#[derive(Debug)]
pub(super) struct Standing {
    /// `None` for somebody who may be nobody.
    identity: Option<Identity>,
    /// That the connection is somebody's, for as long as it is.
    claim: Option<Claim>,
    /// The peer was told that it is about to expire.
    is_told: bool,
}

impl Standing {
    fn expires(&self) -> Option<SystemTime> {
        self.identity.as_ref().and_then(Identity::expires)
    }
}

/// What a peer presents.
#[derive(Debug, Default)]
pub(super) struct Presented {
    pub(super) identity: Option<String>,
    pub(super) credentials: Option<Value>,
    /// The auth value of a Socket.IO client's connect.
    auth: Option<Value>,
}

impl Presented {
    /// What a native peer says of itself.
    ///
    /// # Errors
    ///
    /// When a name is no text.
    pub(super) fn new(identity: Value, credentials: Value) -> Result<Self, Failure> {
        let identity = match identity {
            Value::Nil => None,
            Value::String(name) => name.into_str(),
            _ => return Err(Failure::new("bad_arguments", "an identity is a text")),
        };
        let credentials = (!credentials.is_nil()).then_some(credentials);
        Ok(Self { identity, credentials, auth: None })
    }

    /// What a Socket.IO client sends as its auth value, later.
    ///
    /// # Errors
    ///
    /// When it sends none.
    pub(super) fn by_event(arguments: Arguments<'_>) -> Result<Self, Failure> {
        let auth = arguments.reader(&["auth"]).and_then(|mut reader| reader.take())?;
        Ok(Self { auth: Some(auth), ..Self::default() })
    }

    fn is_nothing(&self) -> bool {
        self.identity.is_none() && self.credentials.is_none()
    }
}

/// What goes on once the peer is known.
#[derive(Debug)]
pub(super) enum Held {
    Hello {
        id: u32,
        resume: Option<SessionId>,
    },
    Connect {
        id: u32,
        namespace: Box<str>,
        auth: Box<[u8]>,
    },
    /// The first message of a plain peer.
    Event(Waiting),
    /// New credentials: the socket they came by, where they came by one.
    Renewal {
        id: Option<u32>,
        socket: Option<Arc<SocketInner>>,
    },
}

/// Credentials that are being checked.
pub(super) struct Check {
    future: BoxFuture<'static, Result<Option<Identity>, Error>>,
    claimed: Option<String>,
    held: Held,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl Check {
    /// Whether nothing of the connection is run before this has ended.
    pub(super) fn is_first(&self) -> bool {
        !matches!(self.held, Held::Renewal { .. })
    }
}

/// What the clock says of an identity.
pub(super) enum Expiry {
    Rest,
    /// The peer is to be told.
    Near,
    Over,
}

impl Exchange {
    /// Looks whether the peer's identity expires.
    pub(super) fn expiry(&mut self, notice: Duration) -> Expiry {
        let Some(standing) = &mut self.standing else { return Expiry::Rest };
        let Some(expires) = standing.expires() else { return Expiry::Rest };
        match expires.duration_since(SystemTime::now()) {
            Err(_past) => Expiry::Over,
            Ok(left) if left <= notice && !standing.is_told => {
                standing.is_told = true;
                Expiry::Near
            }
            Ok(_) => Expiry::Rest,
        }
    }
}

impl Connection {
    /// Who the peer is.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.hub.gate.as_ref()?;
        self.exchange.lock().standing.as_ref()?.identity.clone()
    }

    /// What the connection is of somebody, to be dropped where nothing is locked.
    pub(super) fn let_go_of_claim(&self) -> Option<Claim> {
        self.exchange.lock().standing.as_mut()?.claim.take()
    }

    /// What the peer said when it came, and what it says when it joins.
    pub(super) fn handshake(&self, auth: Value) -> Handshake {
        let handshake = Handshake {
            headers: Vec::new(),
            query: Vec::new(),
            time: Time(self.opened),
            auth,
            credentials: Value::Nil,
            claimed_identity: None,
            transport: self.transport(),
            protocol: self.wire.name(),
            peer: self.peer.clone(),
            security: self.security.as_deref().cloned(),
        };
        handshake.with_request(self.session.as_ref().and_then(|session| session.request.as_ref()))
    }

    /// The server says that this client's credentials are about to expire.
    fn told_expiring(&self) {
        self.exchange.lock().standing =
            Some(Box::new(Standing { identity: None, claim: None, is_told: true }));
        self.hub.expiring.notify_waiters();
    }

    /// Waits until the server says that this client's credentials are about to expire; each time it says so is told once.
    pub(crate) async fn expiring(&self) {
        loop {
            let told = self.hub.expiring.notified();
            if self.exchange.lock().standing.take().is_some() {
                return;
            }
            told.await;
        }
    }
}

impl Driver {
    /// Whether the peer has to be known before it can do anything.
    pub(super) fn is_unknown(&self) -> bool {
        self.connection.hub.gate.is_some() && self.connection.exchange.lock().standing.is_none()
    }

    /// Whether what the peer sends waits until it is known who it is.
    pub(super) fn is_checking(&self) -> bool {
        let check = self.running.as_ref().and_then(|running| running.check.as_ref());
        check.is_some_and(|check| check.is_first())
    }

    /// A peer's first words.
    pub(super) fn hello(
        &mut self,
        (id, resume): (u32, Option<SessionId>),
        version: u64,
        identity: Value,
        credentials: Value,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let presented = if version == 0 {
            Err(Failure::new("bad_arguments", "the wire's version is 1 or more"))
        } else {
            Presented::new(identity, credentials)
        };
        let refusal = match presented {
            Ok(presented) if self.is_unknown() => {
                return self.authenticate(presented, Held::Hello { id, resume }, cx);
            }
            Ok(presented) if self.connection.hub.gate.is_none() || presented.is_nothing() => {
                self.welcome(id, resume);
                return ControlFlow::Continue(());
            }
            Ok(_) => Failure::new("already_authenticated", "new credentials are for `$/authenticate`"),
            Err(failure) => failure,
        };
        let wire = self.connection.wire;
        self.connection.exchange.lock().outbox.append(true, |out| wire.failure(out, "/", id, &refusal));
        ControlFlow::Continue(())
    }

    fn welcome(&mut self, id: u32, resume: Option<SessionId>) {
        let connection = &self.connection;
        let wire = connection.wire;
        let identity = connection.identity();
        let config = &connection.hub.config;
        let session = connection.begin_session(resume);
        let welcome = Opening {
            upgrades: false,
            session: session.as_str(),
            heartbeat: config.heartbeat,
            timeout: config.heartbeat_timeout,
            max_message: config.max_message,
            identity: identity.as_ref().map(Identity::name),
            expires: identity.as_ref().and_then(left),
        };
        let mut exchange = connection.exchange.lock();
        exchange.is_acquainted = true;
        exchange.outbox.append(true, |out| wire.welcome(out, id, welcome));
    }

    /// A peer asks to join a namespace, or is in the root namespace by being there.
    pub(super) fn ask_to_join(
        &mut self,
        id: u32,
        namespace: &str,
        auth: &[u8],
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        if !self.is_unknown() {
            self.connect(id, namespace, auth, cx);
            return ControlFlow::Continue(());
        }
        let presented = if self.connection.wire.is_strict() && !auth.is_empty() {
            let auth = Payload::from_bytes(auth, self.connection.wire.encoding()).to_value().ok();
            Presented { auth, ..Presented::default() }
        } else {
            Presented::default()
        };
        self.authenticate(presented, Held::Connect { id, namespace: namespace.into(), auth: auth.into() }, cx)
    }

    /// The first message of a peer that said neither hello nor connect: what it presents is its transport.
    pub(super) fn speak_first(&mut self, incoming: Incoming<'_>, cx: &mut Context<'_>) -> ControlFlow<()> {
        self.authenticate(Presented::default(), Held::Event(incoming.into()), cx)
    }

    /// Asks the server's authenticator. `Break` while the answer is waited for, and with it all that the peer sends.
    fn authenticate(&mut self, presented: Presented, held: Held, cx: &mut Context<'_>) -> ControlFlow<()> {
        let Some(gate) = &self.connection.hub.gate else { return ControlFlow::Continue(()) };
        let Presented { identity: claimed, credentials, auth } = presented;
        let auth = auth.unwrap_or(Value::Nil);
        let handshake = Handshake {
            credentials: credentials.unwrap_or_else(|| auth.clone()),
            claimed_identity: claimed.clone(),
            ..self.connection.handshake(auth)
        };
        let mut future = gate.check(handshake);
        if !matches!(held, Held::Renewal { .. }) {
            if let Poll::Ready(found) = future.poll_unpin(cx) {
                return self.checked(held, claimed, found, cx);
            }
            self.running().check = Some(Box::new(Check { future, claimed, held }));
            return ControlFlow::Break(());
        }
        // The first one is watched with the handshake; nobody else watches this one.
        let limit = self.connection.hub.config.handshake_timeout;
        let late = || Err(Error::new("timeout", "the credentials could not be checked in time"));
        let mut future =
            tokio::time::timeout(limit, future).map(move |found| found.unwrap_or_else(|_| late())).boxed();
        if let Poll::Ready(found) = future.poll_unpin(cx) {
            return self.checked(held, claimed, found, cx);
        }
        self.running().check = Some(Box::new(Check { future, claimed, held }));
        ControlFlow::Continue(())
    }

    /// Goes on with what waited for the authenticator, if that has answered. Whether it has.
    pub(super) fn run_check(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(slot) = self.running.as_mut().map(|running| &mut running.check) else { return false };
        let Some(check) = slot else { return false };
        let Poll::Ready(found) = check.future.poll_unpin(cx) else { return false };
        if let Some(check) = slot.take() {
            let Check { held, claimed, .. } = *check;
            self.is_full |= self.checked(held, claimed, found, cx).is_break();
        }
        true
    }

    fn checked(
        &mut self,
        held: Held,
        claimed: Option<String>,
        found: Result<Option<Identity>, Error>,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let Some(gate) = &self.connection.hub.gate else { return ControlFlow::Continue(()) };
        let admitted = found.and_then(|found| gate.admit(found, claimed.as_deref()));
        if let Held::Renewal { id, socket } = held {
            let renewed = admitted.and_then(|identity| self.connection.renew(identity));
            self.renewed(id, socket.as_ref(), renewed);
            return ControlFlow::Continue(());
        }
        let claimed = |identity: Option<Identity>| {
            let claim = identity.as_ref().map(|identity| self.connection.claim(&identity.shared_name()));
            Ok(Standing { identity, claim: claim.transpose()?, is_told: false })
        };
        match admitted.and_then(claimed) {
            Ok(standing) => {
                self.connection.exchange.lock().standing = Some(Box::new(standing));
                self.connection.record_standing();
                if !self.connection.wire.is_strict() {
                    self.connection.is_established.store(true, Ordering::Relaxed);
                }
                self.go_on(held, cx)
            }
            Err(error) => {
                self.turn_away(&held, error);
                ControlFlow::Continue(())
            }
        }
    }

    fn go_on(&mut self, held: Held, cx: &mut Context<'_>) -> ControlFlow<()> {
        match held {
            Held::Hello { id, resume } => self.welcome(id, resume),
            Held::Connect { id, namespace, auth } => self.connect(id, &namespace, &auth, cx),
            Held::Event(waiting) => return self.event("/", (&waiting).into(), cx),
            Held::Renewal { .. } => {}
        }
        ControlFlow::Continue(())
    }

    /// Refuses a peer that did not prove who it is. A native one's connection ends; a Socket.IO client may try again
    /// with another auth value until its time to connect is over.
    fn turn_away(&mut self, held: &Held, error: Error) {
        let failure = self.connection.hub.disclose(Place::authentication("/"), error.into());
        self.connection.log_refusal(&failure);
        let wire = self.connection.wire;
        self.connection.exchange.lock().outbox.append(true, |out| match held {
            Held::Hello { id, .. } | Held::Event(Waiting { id: Some(id), .. }) => {
                wire.failure(out, "/", *id, &failure);
            }
            Held::Connect { id, namespace, .. } => wire.connect_refused(out, namespace, *id, &failure),
            Held::Event(_) | Held::Renewal { .. } => {}
        });
        if !wire.is_strict() || !wire.has_namespaces() {
            self.begin_closing(DisconnectReason::AuthenticationFailed, None);
        }
    }

    /// The peer presents new credentials, by the request or, on Socket.IO, by an event of one of its sockets.
    pub(super) fn reauthenticate(
        &mut self,
        id: Option<u32>,
        socket: Option<&Arc<SocketInner>>,
        presented: Result<Presented, Failure>,
        cx: &mut Context<'_>,
    ) {
        let failure = if self.connection.hub.gate.is_none() {
            Failure::new("not_found", "this server does not ask who its peers are")
        } else if self.is_unknown() {
            Failure::new("unauthenticated", "the first credentials are for `$/hello`")
        } else if self.running.as_ref().is_some_and(|running| running.check.is_some()) {
            Failure::new("busy", "other credentials are being checked")
        } else {
            match presented {
                Ok(presented) => {
                    // The next message need not wait: the peer is known already.
                    let _ = self.authenticate(presented, Held::Renewal { id, socket: socket.cloned() }, cx);
                    return;
                }
                Err(failure) => failure,
            }
        };
        let namespace = socket.map_or("/", |socket| socket.namespace());
        self.refuse_event(namespace, AUTHENTICATE, id, failure);
    }

    fn renewed(
        &mut self,
        id: Option<u32>,
        socket: Option<&Arc<SocketInner>>,
        renewed: Result<Identity, Error>,
    ) {
        #[derive(Serialize)]
        struct Renewed<'a> {
            identity: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            expires: Option<u64>,
        }
        let wire = self.connection.wire;
        let identity = match renewed {
            Ok(identity) => identity,
            Err(error) => {
                let namespace = socket.map_or("/", |socket| socket.namespace());
                let failure = self.connection.hub.disclose(Place::authentication(namespace), error.into());
                self.connection.log_refusal(&failure);
                return self.refuse_event(namespace, AUTHENTICATE, id, failure);
            }
        };
        let renewed = Renewed { identity: identity.name(), expires: left(&identity).map(milliseconds) };
        let reply = Reply::value(&renewed, wire.encoding());
        if let Some(socket) = socket {
            let label = EventLabel::caught(socket.routes().fallback(), AUTHENTICATE);
            self.respond(socket, id, &label, reply);
        } else if let (Some(id), Ok(value)) = (id, reply.into_result()) {
            self.connection.exchange.lock().outbox.append(true, |out| wire.reply(out, "/", id, &value));
        }
    }

    /// Tells the peer that its credentials are about to expire, where it has a word for that.
    pub(super) fn tell_expiring(&mut self) {
        let connection = &self.connection;
        let Some(left) = connection.identity().as_ref().and_then(left).map(milliseconds) else { return };
        let wire = connection.wire;
        if !wire.is_strict() {
            let mut exchange = connection.exchange.lock();
            if exchange.is_acquainted {
                exchange.outbox.append(true, |out| wire.expiring(out, "/", left));
            }
            return;
        }
        for socket in connection.sockets() {
            if matches!(socket.phase(), Phase::Active | Phase::Replaying) {
                let mut exchange = connection.exchange.lock();
                exchange.outbox.append(true, |out| wire.expiring(out, socket.namespace(), left));
            }
        }
    }

    /// The other side says that the credentials it was shown are about to expire.
    pub(super) fn told_expiring(&mut self) {
        match self.connection.hub.side {
            Side::Client => self.connection.told_expiring(),
            Side::Server => {
                let failure = Failure::new("not_found", "a server presents no credentials");
                self.refuse_event("/", "$/expiring", None, failure);
            }
        }
    }
}

impl Connection {
    fn log_refusal(&self, failure: &Failure) {
        let (connection, peer, wire) = (self.id, &self.peer, self.wire.name());
        tracing::info!(%connection, %peer, wire, code = %failure.code, "refused a peer's credentials: {}", failure.message);
    }

    /// Puts a newer identity in the place of the one before, which it must have the name of.
    fn renew(self: &Arc<Self>, identity: Option<Identity>) -> Result<Identity, Error> {
        let Some(identity) = identity else {
            return Err(Error::new("unauthenticated", "credentials are needed"));
        };
        let old = self.identity();
        if old.as_ref().is_some_and(|old| old.name() != identity.name()) {
            return Err(Error::new("identity_changed", "a connection's identity cannot become another one"));
        }
        let claim = self.claim(&identity.shared_name())?;
        let until = |identity: Option<&Identity>| identity.map(Identity::expires);
        let gains_nothing = until(old.as_ref()) == until(Some(&identity));
        let before = {
            let mut exchange = self.exchange.lock();
            // Who gained nothing by it is not told at once again: it would only do the same.
            let is_told =
                gains_nothing && exchange.standing.as_ref().is_some_and(|standing| standing.is_told);
            let identity = Some(identity.clone());
            exchange.standing.replace(Box::new(Standing { identity, claim: Some(claim), is_told }))
        };
        // Its claim ends outside of the lock.
        drop(before);
        if old.is_none() {
            self.become_known(&identity);
        }
        Ok(identity)
    }

    /// Those of its sockets that were accepted as nobody's are found by their name from now on.
    fn become_known(self: &Arc<Self>, identity: &Identity) {
        for socket in self.sockets() {
            let is_own = socket.extra(|extra| extra.identity.is_some());
            if !is_own && socket.phase() != Phase::Joining {
                let key = RoomKey::Identity(identity.shared_name());
                socket.enter_group(&Socket { inner: Arc::clone(&socket) }, key);
                socket.announce();
            }
        }
    }
}

fn left(identity: &Identity) -> Option<Duration> {
    identity.expires().map(|expires| expires.duration_since(SystemTime::now()).unwrap_or_default())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl FromConnection for Identity {
    async fn from_connection(context: &handler::Context) -> Result<Self, Error> {
        let identity = Socket::of(context).and_then(|socket| socket.identity());
        identity.ok_or_else(|| Error::new("denied", "this connection has no identity"))
    }
}
