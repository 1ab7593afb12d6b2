//! What a peer presented, and what it was found to be.

use std::time::{Duration, UNIX_EPOCH};

use crate::error::Error;
use crate::failure::Failure;
use crate::foreign::{printable, shown};
use crate::handler::{self, Arguments, FromConnection};
use crate::identity::Identity;
use crate::link::auth_state::AuthState;
use crate::objects::Connection;
use crate::payload::Value;
use crate::peer::{Handshake, Time};
use crate::wall_clock::WallClock;
use crate::wire::Protocol;

/// What a peer presents.
#[derive(Debug, Default)]
pub(crate) struct Presented {
    pub(crate) identity: Option<String>,
    pub(crate) credentials: Option<Value>,
    /// The auth value of a Socket.IO client's connect.
    pub(crate) auth: Option<Value>,
}

impl Presented {
    /// What a native peer says of itself.
    ///
    /// # Errors
    ///
    /// When a name is no text.
    pub(crate) fn new(identity: Value, credentials: Value) -> Result<Self, Failure> {
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
    pub(crate) fn by_event(arguments: Arguments<'_>) -> Result<Self, Failure> {
        let auth = arguments.reader(&["auth"]).and_then(|mut reader| reader.take())?;
        Ok(Self { auth: Some(auth), ..Self::default() })
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.identity.is_none() && self.credentials.is_none()
    }
}

impl Connection {
    /// Who the peer is.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.hub.gate.as_ref()?;
        self.link.change().standing()?.identity.clone()
    }

    /// What the peer sent with its handshake, and the auth value of its join.
    pub(crate) fn handshake(&self, auth: Value) -> Handshake {
        let handshake = Handshake {
            headers: http::HeaderMap::new(),
            query: Vec::new(),
            time: Time(UNIX_EPOCH + Duration::from_millis(self.opened)),
            auth,
            credentials: Value::Nil,
            claimed_identity: None,
            transport: self.transport(),
            protocol: self.wire.name(),
            peer: self.peer.to_address(),
            security: self
                .particulars
                .as_ref()
                .and_then(|particulars| particulars.security.as_deref().cloned()),
        };
        let requested = self.requested().and_then(|session| session.request.as_ref());
        if let Some(clients) = &self.hub.test_clients
            && let Some(chosen) = clients.find(&handshake.peer)
        {
            return handshake.with_request(Some(&chosen.request));
        }
        handshake.with_request(requested)
    }

    /// The server announced that this client's credentials are about to expire.
    pub(crate) fn told_expiring(&self) {
        let told = AuthState { is_told: true, ..AuthState::default() };
        let _before = self.link.change().note_standing(Some(told));
        self.hub.expiring.notify_waiters();
    }

    /// Waits until the server announces that this client's credentials are about to expire. Each announcement is
    /// returned once.
    pub(crate) async fn expiring(&self) {
        loop {
            let told = self.hub.expiring.notified();
            let before = self.link.change().note_standing(None);
            if before.is_some() {
                return;
            }
            told.await;
        }
    }

    pub(crate) fn log_refusal(&self, failure: &Failure) {
        let (connection, peer, wire) = (self.id, &self.peer, self.wire.name());
        let (code, message) = (&*shown(&failure.code), printable(&failure.message));
        tracing::info!(%connection, %peer, wire, code, "refused a peer's credentials: {message}");
    }
}

pub(crate) fn left(identity: &Identity, clock: WallClock) -> Option<Duration> {
    identity.expires().map(|expires| expires.duration_since(clock.now()).unwrap_or_default())
}

impl FromConnection for Identity {
    async fn from_connection(context: &handler::Context) -> Result<Self, Error> {
        let identity = match context.scope().and_then(|scope| scope.asker()) {
            Some(asker) => asker.0.clone(),
            None => context.socket().and_then(|socket| socket.identity()),
        };
        identity.ok_or_else(|| Error::new("denied", "this connection has no identity"))
    }
}
