//! The authentication of a peer, before its first socket joins.
//!
//! While that is under way, the packet that began it waits here and all that follows it unread, so that nothing is
//! kept for a peer that is not authenticated yet.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;

use crate::authentication::Found;
use crate::driver::credential_check::{CredentialCheck, Deferred};
use crate::driver::incoming::Incoming;
use crate::driver::task::Driver;
use crate::error::Error;
use crate::failure::Failure;
use crate::id::SessionId;
use crate::identity::Identity;
use crate::link::auth_state::AuthState;
use crate::link::backlog::Waiting;
use crate::observe::report::Place;
use crate::payload::{Payload, Value};
use crate::peer::Handshake;
use crate::reason::DisconnectReason;
use crate::socket::credentials::{Presented, left};
use crate::sync::atomic::Ordering;
use crate::wire::{Opening, Protocol};

/// No answer fits a peer whose limit is lower than this.
const LEAST: usize = 4096;

impl Driver {
    /// Whether the peer has to be known before it can do anything.
    pub(crate) fn is_unknown(&self) -> bool {
        self.connection.hub.gate.is_some() && self.connection.link.change().standing().is_none()
    }

    /// Whether what the peer sends waits for its authentication.
    pub(crate) fn is_checking(&self) -> bool {
        let check = self.running.as_ref().and_then(|running| running.check.as_ref());
        check.is_some_and(|check| check.is_first())
    }

    /// A peer's first words.
    pub(crate) fn hello(
        &mut self,
        (id, resume, max_message): (u32, Option<SessionId>, Option<u64>),
        version: u64,
        identity: Value,
        credentials: Value,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        if let Some(limit) = max_message.and_then(|limit| usize::try_from(limit).ok()) {
            let own = self.connection.hub.config.max_message;
            self.connection.link.change().outbox.limit(own.min(limit.max(LEAST)));
        }
        let presented = if version == 0 {
            Err(Failure::new("bad_arguments", "the wire's version is 1 or more"))
        } else {
            Presented::new(identity, credentials)
        };
        let refusal = match presented {
            Ok(presented) if self.is_unknown() => {
                return self.authenticate(presented, Deferred::Hello { id, resume }, cx);
            }
            Ok(presented) if self.connection.hub.gate.is_none() || presented.is_nothing() => {
                self.welcome(id, resume);
                return ControlFlow::Continue(());
            }
            Ok(_) => Failure::new("already_authenticated", "new credentials are for `$/authenticate`"),
            Err(failure) => failure,
        };
        let wire = self.connection.wire();
        self.connection.link.append_failure(&refusal, |out, refusal| wire.failure(out, "/", id, refusal));
        ControlFlow::Continue(())
    }

    fn welcome(&mut self, id: u32, resume: Option<SessionId>) {
        let connection = &self.connection;
        let wire = connection.wire();
        let identity = connection.identity();
        let config = &connection.hub.config;
        let session = connection.begin_session(resume);
        let welcome = Opening {
            upgrades: false,
            session: session.as_str(),
            heartbeat: config.heartbeat,
            timeout: config.heartbeat_timeout,
            max_message: config.max_message,
            max_in_flight: config.max_in_flight,
            identity: identity.as_ref().map(Identity::name),
            expires: identity.as_ref().and_then(|identity| left(identity, connection.hub.wall_clock)),
        };
        let mut shared = connection.link.change();
        shared.speaks_native = true;
        shared.outbox.append(|out| wire.hello_reply(out, id, welcome));
    }

    /// A peer asks to join a namespace, or is in the root namespace by being there.
    pub(crate) fn ask_to_join(
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
        let presented = if self.connection.wire.closes_on_misplaced_packet() && !auth.is_empty() {
            let auth = Payload::from_bytes(auth, self.connection.wire.encoding()).to_value().ok();
            Presented { auth, ..Presented::default() }
        } else {
            Presented::default()
        };
        self.authenticate(
            presented,
            Deferred::Connect { id, namespace: namespace.into(), auth: auth.into() },
            cx,
        )
    }

    /// The first message of a peer that said neither hello nor connect: what it presents is its transport.
    pub(crate) fn first_message(&mut self, incoming: Incoming<'_>, cx: &mut Context<'_>) -> ControlFlow<()> {
        self.authenticate(Presented::default(), Deferred::Event(incoming.into()), cx)
    }

    /// Asks the server's authenticator. `Break` while the answer is waited for, and with it all that the peer sends.
    pub(crate) fn authenticate(
        &mut self,
        presented: Presented,
        deferred: Deferred,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let Some(gate) = &self.connection.hub.gate else { return ControlFlow::Continue(()) };
        let Presented { identity: claimed, credentials, auth } = presented;
        let auth = auth.unwrap_or(Value::Nil);
        let handshake = Handshake {
            credentials: credentials.unwrap_or_else(|| auth.clone()),
            claimed_identity: claimed.clone(),
            ..self.connection.handshake(auth)
        };
        let hub = Arc::clone(&self.connection.hub);
        let report = move |failure: Box<Failure>| {
            hub.disclose(Place::authentication("/").destructor(), *failure);
        };
        let mut future = gate.check(handshake, self.connection.hub.wall_clock, report);
        if !matches!(deferred, Deferred::Renewal { .. }) {
            if let Poll::Ready(found) = future.poll_unpin(cx) {
                return self.checked(deferred, claimed, found, cx);
            }
            self.running().check = Some(Box::new(CredentialCheck { future, claimed, deferred }));
            return ControlFlow::Break(());
        }
        // The first one has the time-out of the handshake; this one needs its own.
        let limit = self.connection.hub.config.handshake_timeout;
        let late = || Err(Box::new(Failure::new("timeout", "the credentials could not be checked in time")));
        let mut future =
            tokio::time::timeout(limit, future).map(move |found| found.unwrap_or_else(|_| late())).boxed();
        if let Poll::Ready(found) = future.poll_unpin(cx) {
            return self.checked(deferred, claimed, found, cx);
        }
        self.running().check = Some(Box::new(CredentialCheck { future, claimed, deferred }));
        ControlFlow::Continue(())
    }

    /// Goes on with what waited for the authenticator, if that has answered. Whether it has.
    pub(crate) fn run_check(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(slot) = self.running.as_mut().map(|running| &mut running.check) else { return false };
        let Some(check) = slot else { return false };
        let Poll::Ready(found) = check.future.poll_unpin(cx) else { return false };
        if let Some(check) = slot.take() {
            let CredentialCheck { deferred, claimed, .. } = *check;
            self.is_full |= self.checked(deferred, claimed, found, cx).is_break();
        }
        true
    }

    fn checked(
        &mut self,
        deferred: Deferred,
        claimed: Option<String>,
        found: Found,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let Some(gate) = &self.connection.hub.gate else { return ControlFlow::Continue(()) };
        let config = &self.connection.hub.config;
        let failed = |error: Error| Box::new(Failure::from(error));
        let now = self.connection.hub.wall_clock.now();
        let admit = |found| gate.admit(found, claimed.as_deref(), now).map_err(failed);
        let admitted = found.and_then(admit).and_then(|identity| {
            let name = identity.as_ref().map_or("", Identity::name);
            let problem = config.name_problem("identity", name);
            problem.map_or(Ok(identity), |problem| Err(Box::new(Failure::new("too_large", problem))))
        });
        if let Deferred::Renewal { id, socket } = deferred {
            let renewed = admitted.and_then(|identity| self.connection.renew(identity).map_err(failed));
            self.renewed(id, socket.as_ref(), renewed);
            return ControlFlow::Continue(());
        }
        let claimed = admitted.and_then(|identity| {
            let claim = identity.as_ref().map(|identity| self.connection.claim(&identity.shared_name()));
            Ok(AuthState {
                identity,
                is_told: false,
                claim: claim.transpose().map_err(|error| failed(error.into()))?,
            })
        });
        match claimed {
            Ok(standing) => {
                self.connection.link.change().note_standing(Some(standing));
                self.connection.record_standing();
                if !self.connection.wire.closes_on_misplaced_packet() {
                    self.connection.is_established.store(true, Ordering::Relaxed);
                }
                self.resume(deferred, cx)
            }
            Err(failure) => {
                self.reject(&deferred, *failure);
                ControlFlow::Continue(())
            }
        }
    }

    fn resume(&mut self, deferred: Deferred, cx: &mut Context<'_>) -> ControlFlow<()> {
        match deferred {
            Deferred::Hello { id, resume } => self.welcome(id, resume),
            Deferred::Connect { id, namespace, auth } => self.connect(id, &namespace, &auth, cx),
            Deferred::Event(waiting) => return self.event("/", (&waiting).into(), cx),
            Deferred::Renewal { .. } => {}
        }
        ControlFlow::Continue(())
    }

    /// Refuses a peer whose credentials are not valid. A native one's connection ends; a Socket.IO client may try again
    /// with another auth value until its time to connect is over.
    fn reject(&mut self, deferred: &Deferred, failure: Failure) {
        let mut failure = self.connection.hub.disclose(Place::authentication("/"), failure);
        // As the answer to a hello these two mean that the server does not know the method.
        if matches!(deferred, Deferred::Hello { .. }) && ["not_found", "error"].contains(&&*failure.code) {
            failure.code = "unauthenticated".into();
        }
        self.connection.log_refusal(&failure);
        let wire = self.connection.wire();
        self.connection.link.append_failure(&failure, |out, failure| match deferred {
            Deferred::Hello { id, .. } | Deferred::Event(Waiting { id: Some(id), .. }) => {
                wire.failure(out, "/", *id, failure);
            }
            Deferred::Connect { id, namespace, .. } => wire.connect_refused(out, namespace, *id, failure),
            Deferred::Event(_) | Deferred::Renewal { .. } => {}
        });
        if let Deferred::Connect { namespace, .. } = deferred {
            self.note_left(namespace);
        }
        if !wire.closes_on_misplaced_packet() || !wire.has_namespaces() {
            // A peer that may reconnect must not take the refusal as final.
            let reason = if Failure::is_passing(&failure.code) {
                DisconnectReason::Other(failure.to_string().into())
            } else {
                DisconnectReason::AuthenticationFailed
            };
            self.begin_closing(reason, None);
        }
    }
}
