//! Credentials that are about to expire, and newer ones.

use std::sync::Arc;
use std::task::Context;

use serde::Serialize;

use crate::deadline::milliseconds;
use crate::driver::credential_check::Deferred;
use crate::driver::task::Driver;
use crate::error::Error;
use crate::failure::Failure;
use crate::handler::{Reply, Side};
use crate::identity::Identity;
use crate::objects::Connection;
use crate::objects::socket_state::Phase;
use crate::objects::{Socket, SocketInner};
use crate::observe::handled_by::EventLabel;
use crate::observe::report::Place;
use crate::room::RoomKey;
use crate::socket::credentials::{Presented, left};
use crate::wire::Protocol;

/// The event by which a client presents new credentials, and the request.
pub(crate) const AUTHENTICATE: &str = "$/authenticate";

impl Driver {
    /// The peer presents new credentials, by the request or, on Socket.IO, by an event of one of its sockets.
    pub(crate) fn reauthenticate(
        &mut self,
        id: Option<u32>,
        socket: Option<&Arc<SocketInner>>,
        presented: Result<Presented, Failure>,
        cx: &mut Context<'_>,
    ) {
        let failure = if self.connection.hub.gate.is_none() {
            Failure::new("not_found", "this server has no authentication")
        } else if self.is_unknown() {
            Failure::new("unauthenticated", "the first credentials are for `$/hello`")
        } else if self.running.as_ref().is_some_and(|running| running.check.is_some()) {
            Failure::new("busy", "other credentials are being checked")
        } else {
            match presented {
                Ok(presented) => {
                    // The next message need not wait: the peer is known already.
                    let _ =
                        self.authenticate(presented, Deferred::Renewal { id, socket: socket.cloned() }, cx);
                    return;
                }
                Err(failure) => failure,
            }
        };
        let namespace = socket.map_or("/", |socket| socket.namespace());
        self.refuse_event(namespace, AUTHENTICATE, id, failure);
    }

    pub(crate) fn renewed(
        &mut self,
        id: Option<u32>,
        socket: Option<&Arc<SocketInner>>,
        renewed: Result<Identity, Box<Failure>>,
    ) {
        #[derive(Serialize)]
        struct Renewed<'a> {
            identity: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            expires: Option<u64>,
        }
        let wire = self.connection.wire();
        let identity = match renewed {
            Ok(identity) => identity,
            Err(failure) => {
                let namespace = socket.map_or("/", |socket| socket.namespace());
                let failure = self.connection.hub.disclose(Place::authentication(namespace), *failure);
                self.connection.log_refusal(&failure);
                return self.refuse_event(namespace, AUTHENTICATE, id, failure);
            }
        };
        let renewed = Renewed {
            identity: identity.name(),
            expires: left(&identity, self.connection.hub.wall_clock).map(milliseconds),
        };
        let reply = Reply::value(&renewed, wire.encoding());
        if let Some(socket) = socket {
            let label = EventLabel::caught(socket.routes().fallback(), AUTHENTICATE);
            self.respond(socket, id, &label, reply);
        } else if let (Some(id), Ok(value)) = (id, reply.into_result()) {
            self.connection.link.append(|out| wire.reply(out, "/", id, &value));
        }
    }

    /// Tells the peer that its credentials are about to expire, where it has a word for that.
    pub(crate) fn tell_expiring(&mut self) {
        let connection = &self.connection;
        let clock = connection.hub.wall_clock;
        let Some(identity) = connection.identity() else { return };
        let Some(left) = left(&identity, clock).map(milliseconds) else { return };
        let wire = connection.wire();
        if !wire.closes_on_misplaced_packet() {
            let mut shared = connection.link.change();
            if shared.speaks_native {
                shared.outbox.append(|out| wire.expiring(out, "/", left));
            }
            return;
        }
        for socket in connection.sockets() {
            if matches!(socket.phase(), Phase::Active | Phase::Replaying) {
                connection.link.append(|out| wire.expiring(out, socket.namespace(), left));
            }
        }
    }

    /// The other side says that the credentials it was shown are about to expire.
    pub(crate) fn told_expiring(&mut self) {
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
    /// Puts a newer identity in the place of the one before, which it must have the name of.
    pub(crate) fn renew(self: &Arc<Self>, identity: Option<Identity>) -> Result<Identity, Error> {
        let Some(identity) = identity else {
            return Err(Error::new("unauthenticated", "credentials are needed"));
        };
        let old = self.identity();
        if old.as_ref().is_some_and(|old| old.name() != identity.name()) {
            return Err(Error::new("identity_changed", "a connection's identity cannot become another one"));
        }
        // A peer that had no identity is admitted by the same rules as a new one.
        let claim = if old.is_none() { Some(self.claim(&identity.shared_name())?) } else { None };
        {
            let mut shared = self.link.change();
            let mut standing = shared.note_standing(None).unwrap_or_default();
            // If its new credentials expire no later, the peer is not notified at once again: it would only do the same.
            standing.is_told &= old.as_ref().map(Identity::expires) == Some(identity.expires());
            standing.identity = Some(identity.clone());
            if claim.is_some() {
                standing.claim = claim;
            }
            shared.note_standing(Some(standing));
        }
        self.record_standing();
        if old.is_none() {
            for socket in self.sockets() {
                if !socket.extra(|extra| extra.identity.is_some()) {
                    let key = RoomKey::Identity(identity.shared_name());
                    socket.enter_identity(&Socket { inner: Arc::clone(&socket) }, &key);
                }
                if matches!(socket.phase(), Phase::Active | Phase::Replaying) {
                    socket.announce();
                }
            }
        }
        Ok(identity)
    }
}
