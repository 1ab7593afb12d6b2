//! A client's first words: hello, and joining namespaces.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::{Deserialize, Serialize};

use crate::error::{CallError, Error, SendError};
use crate::failure::Failure;
use crate::foreign::printable;
use crate::handler::{CallerError, Table, call_error};
use crate::id::SessionId;
use crate::link::pending_requests::{Answer, PendingRequests};
use crate::link::shared_state::{LinkStatus, SharedState};
use crate::objects::Connection;
use crate::objects::Hub;
use crate::objects::socket_state::{Phase, Recovery};
use crate::objects::{Socket, SocketInner};
use crate::payload::{Encoding, Payload, Value, encode_into};
use crate::reason::DisconnectReason;
use crate::transport::Address;
use crate::wire::{Introduction, Protocol, Wire};

/// A request of the protocol itself, sent and waiting.
pub(crate) struct Asked {
    connection: Arc<Connection>,
    id: u32,
    /// The socket that wants to join, if that is what was asked.
    joins: Option<Arc<SocketInner>>,
}

impl Future for Asked {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.connection.link.poll_request(self.id, false, PendingRequests::answer, cx)
    }
}

impl Asked {
    /// Waits for the answer to a request to join.
    pub(crate) async fn joined<E: CallerError>(self) -> Result<(), CallError<E>> {
        match self.await {
            Answer::Value(_) => Ok(()),
            other => Err(refused(other)),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let forgotten = self.connection.link.change().calls.forget(self.id);
        if forgotten.was_waiting()
            && let Some(socket) = &self.joins
        {
            socket.give_up_joining();
        }
    }
}

/// Whether the server speaks jidda's wire or plain MessagePack-RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquaintance {
    Jidda,
    Plain,
}

impl Connection {
    /// Says hello. A server that does not know the word speaks plain MessagePack-RPC; another one may refuse the client
    /// for who it is.
    pub(crate) async fn hello(
        self: &Arc<Self>,
        introduction: Introduction<'_>,
    ) -> Result<Acquaintance, CallError<Error>> {
        #[derive(Deserialize)]
        struct Welcome {
            max_message: usize,
            max_in_flight: Option<usize>,
            session: Option<String>,
        }
        let resume = self.former_session();
        let max_message = Some(self.hub.config.max_message);
        let introduction = Introduction { resume: resume.as_ref(), max_message, ..introduction };
        // What this server takes is known from its answer; what the one before took says nothing.
        match self
            .ask(Some(self.hub.config.max_message), |out, id| self.wire().hello(out, id, introduction))
            .await
        {
            Answer::Value(payload) => {
                let mut shared = self.link.change();
                shared.speaks_native = true;
                let own = self.hub.config.max_message;
                shared.outbox.limit(own);
                if let Ok(welcome) = payload.decode::<Welcome>() {
                    shared.outbox.limit(own.min(welcome.max_message));
                    if let Some(limit) = welcome.max_in_flight {
                        shared.shares(limit).limit(limit);
                    }
                    drop(shared);
                    if let Some(session) = welcome.session.and_then(|session| SessionId::parse(&session)) {
                        self.name_session(session);
                    }
                }
                Ok(Acquaintance::Jidda)
            }
            Answer::Failed(failure) if ["error", "not_found"].contains(&&*failure.code) => {
                if introduction.credentials.is_some() || introduction.identity.is_some() {
                    let peer = &self.peer;
                    tracing::warn!(%peer, "the server speaks plain MessagePack-RPC: it was shown no credentials");
                }
                Ok(Acquaintance::Plain)
            }
            other => Err(refused(other)),
        }
    }

    /// Presents new credentials.
    pub(crate) async fn authenticate(
        self: &Arc<Self>,
        introduction: Introduction<'_>,
    ) -> Result<(), CallError<Error>> {
        match self.ask(None, |out, id| self.wire().authenticate(out, id, introduction)).await {
            Answer::Value(_) => Ok(()),
            other => Err(refused(other)),
        }
    }

    /// Sends a request of the protocol itself and waits for its answer. Without a `limit` it may be as large as any
    /// message.
    async fn ask(self: &Arc<Self>, limit: Option<usize>, write: impl FnOnce(&mut Vec<u8>, u32)) -> Answer {
        let id = {
            let mut shared = self.link.change();
            if shared.status != LinkStatus::Up {
                return Answer::Disconnected { maybe_executed: false };
            }
            let place = shared.outbox.place();
            let id = shared.calls.begin(place);
            let limit = limit.unwrap_or(shared.outbox.max_message());
            if let Err(too_large) = shared.append_request(id, limit, |out| write(out, id)) {
                return Answer::Failed(too_large);
            }
            shared.send_queued();
            drop(shared);
            id
        };
        (Asked { connection: Arc::clone(self), id, joins: None }).await
    }
}

/// What a server that recovers sockets is shown.
struct Known {
    private: String,
    offset: String,
}

impl Known {
    /// Nothing before the first event: there is nothing to go on from.
    fn of(recovery: &Recovery) -> Option<Self> {
        let offset = recovery.offset.as_deref()?.to_owned();
        Some(Self { private: recovery.private.to_string(), offset })
    }

    /// An auth value that says it, too.
    fn with(self, auth: Option<&Payload>) -> Payload {
        let mut entries = vec![("pid".into(), self.private.into()), ("offset".into(), self.offset.into())];
        match auth.and_then(|auth| auth.to_value().ok()) {
            Some(Value::Map(own)) => entries.extend(own),
            Some(other) if !other.is_nil() => entries.push(("token".into(), other)),
            _ => {}
        }
        let encoded = Payload::encode(&Value::Map(entries), Encoding::MessagePack);
        encoded.unwrap_or_else(|_| Payload::from_bytes(&[0xc0], Encoding::MessagePack))
    }
}

impl<S> SharedState<S> {
    /// Queues a request of the protocol itself, unless it is larger than `limit`: an auth value that the server does not
    /// take would end the connection, and each one that is made in its place.
    fn append_request(
        &mut self,
        id: u32,
        limit: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Failure> {
        let mut request = Vec::new();
        write(&mut request);
        let size = request.len();
        if size > limit {
            // Nobody waits for it yet.
            drop(self.calls.forget(id));
            return Err(Failure::new("too_large", SendError::TooLarge { size, limit }.to_string()));
        }
        self.outbox.append(|out| out.extend_from_slice(&request));
        Ok(())
    }
}

/// An answer that is not the one that was asked for.
fn refused<E: CallerError>(answer: Answer) -> CallError<E> {
    match answer {
        Answer::Failed(failure) => call_error(failure),
        Answer::Disconnected { maybe_executed } => CallError::Disconnected { maybe_executed },
        Answer::Value(_) => CallError::Disconnected { maybe_executed: false },
    }
}

impl SocketInner {
    fn keep_auth(&self, auth: Option<Payload>) {
        self.extra(|extra| extra.auth = auth);
    }

    /// Takes the wish to join back, so that it can be wished again.
    fn give_up_joining(&self) {
        {
            let _state = self.state.lock();
            if self.phase() != Phase::Joining {
                return;
            }
            self.enter(Phase::Away);
        }
        let mut shared = self.connection.link.change();
        if shared.status != LinkStatus::Up {
            return;
        }
        let reason = DisconnectReason::ClientDisconnect;
        shared.outbox.append(|out| self.wire().disconnect(out, self.namespace(), reason.as_str()));
        shared.send_queued();
        drop(shared);
    }

    /// Asks to join the namespace with the auth value that is kept with the socket, or with `otherwise` if there is none.
    fn ask_to_join(self: &Arc<Self>, otherwise: Option<&Payload>) -> Result<Asked, Answer> {
        let (auth, recovered_by) = {
            let mut state = self.state.lock();
            if self.phase() != Phase::Away {
                let failure = Failure::new("already_connected", "the namespace was joined before");
                return Err(Answer::Failed(failure));
            }
            self.enter(Phase::Joining);
            let extra = state.extra();
            (extra.auth.clone(), extra.recovery.as_ref().and_then(|recovery| Known::of(recovery)))
        };
        let id = {
            let mut shared = self.connection.link.change();
            if shared.status != LinkStatus::Up {
                drop(shared);
                self.go_away();
                return Err(Answer::Disconnected { maybe_executed: false });
            }
            let place = shared.outbox.place();
            let id = shared.calls.begin_join(place, Arc::clone(self));
            let auth = auth.as_ref().or(otherwise);
            let auth = recovered_by.map_or_else(|| auth.cloned(), |recovery| Some(recovery.with(auth)));
            let auth = auth.as_ref().map_or(&[0xc0][..], Payload::bytes);
            let limit = shared.outbox.max_message();
            let connect = |out: &mut Vec<u8>| self.wire().connect(out, id, self.namespace(), auth);
            let written = shared.append_request(id, limit, connect);
            if let Err(too_large) = written {
                drop(shared);
                self.go_away();
                return Err(Answer::Failed(too_large));
            }
            shared.send_queued();
            drop(shared);
            id
        };
        let joins = Some(Arc::clone(self));
        Ok(Asked { connection: Arc::clone(&self.connection), id, joins })
    }
}

impl Socket {
    /// Joins the namespace on a client's connection, with `auth` as its auth value.
    pub(crate) async fn join_namespace<A: Serialize, E: CallerError>(
        &self,
        auth: &A,
    ) -> Result<(), CallError<E>> {
        let mut bytes = Vec::new();
        encode_into(&mut bytes, auth, Encoding::MessagePack).map_err(|error| SendError::Encode(error.0))?;
        let auth = (bytes != [0xc0]).then(|| Payload::from_bytes(&bytes, Encoding::MessagePack));
        self.inner.keep_auth(auth);
        self.rejoin(None).await?;
        // Only now: one that was given up, or refused, is not to be joined at the next connection.
        self.inner.extra(|extra| extra.is_wanted = true);
        Ok(())
    }

    /// Joins the namespace as soon as the connection is back, with the auth value of the attempt before.
    pub(crate) async fn join_when_back(&self) {
        self.inner.extra(|extra| extra.is_wanted = true);
        // It may be back already, without having known of this. One that is not joins by the wish.
        if let Err(error) = self.rejoin::<Error>(None).await {
            tracing::debug!(namespace = self.namespace(), error = %printable(&error), "the namespace is not joined again yet");
        }
    }

    /// Joins it again, with the auth value of before, or with `otherwise` if it has none.
    pub(crate) async fn rejoin<E: CallerError>(
        &self,
        otherwise: Option<&Payload>,
    ) -> Result<(), CallError<E>> {
        self.begin_to_join(otherwise).map_err(refused)?.joined().await
    }

    /// Asks to join. What is given back waits for the answer.
    pub(crate) fn begin_to_join(&self, otherwise: Option<&Payload>) -> Result<Asked, Answer> {
        self.inner.ask_to_join(otherwise)
    }

    /// Takes the namespace for joined: a plain server has no word for it.
    pub(crate) fn take_for_joined(&self) {
        {
            let _state = self.inner.state.lock();
            if self.inner.phase() != Phase::Away {
                return;
            }
            self.inner.enter(Phase::Joining);
        }
        self.inner.activate(None);
    }
}

impl Connection {
    /// A client's connection, before it has a stream.
    pub(crate) fn for_client(hub: &Arc<Hub>, address: &Address, wire: Wire) -> Arc<Self> {
        let (peer, medium) = address.peer();
        Self::dialing(hub, peer, medium, wire)
    }

    /// A client's socket in a namespace, made if there is none yet.
    pub(crate) fn client_socket(self: &Arc<Self>, namespace: &str) -> Socket {
        let mut sockets = self.sockets.lock();
        // One that has just ended may still stand there for a moment; it is of no use to anyone.
        let is_usable = |socket: &&Arc<SocketInner>| socket.phase() != Phase::Closed;
        if let Some(inner) = sockets.iter().filter(is_usable).find(|socket| socket.namespace() == namespace) {
            return Socket { inner: Arc::clone(inner) };
        }
        let inner = SocketInner::new(self, namespace).expect("a client may join any namespace");
        if self.link.status() == LinkStatus::Closed {
            drop(sockets);
            inner.end(&DisconnectReason::ForcedClose);
            // What it is given from now on may hold it, and nothing would free either.
            inner.release();
        } else {
            sockets.push(Arc::clone(&inner));
        }
        Socket { inner }
    }

    /// The socket in a namespace, if there is one.
    pub(crate) fn existing_socket(&self, namespace: &str) -> Option<Socket> {
        self.socket(namespace).map(|inner| Socket { inner })
    }

    /// The sockets that are to be joined whenever there is a connection.
    pub(crate) fn wanted_sockets(&self) -> Vec<Socket> {
        let sockets = self.sockets().into_iter().filter(|socket| socket.extra(|extra| extra.is_wanted));
        sockets.map(|inner| Socket { inner }).collect()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.hub.table
    }
}

impl Socket {
    /// Marks the namespace as one to be joined, with its auth value.
    pub(crate) fn want(&self, auth: Option<Payload>) {
        self.inner.keep_auth(auth);
        self.inner.extra(|extra| extra.is_wanted = true);
    }

    /// Whether it is in no namespace at the moment, and asks for none.
    pub(crate) fn is_away(&self) -> bool {
        self.inner.phase() == Phase::Away
    }

    /// Whether the namespace is to be joined whenever there is a connection.
    pub(crate) fn is_wanted(&self) -> bool {
        self.inner.extra(|extra| extra.is_wanted)
    }

    /// Ends a client's socket that cannot join again.
    pub(crate) fn finish(&self, reason: &DisconnectReason) {
        self.inner.connection.forget_socket(&self.inner);
        self.inner.end(reason);
        self.inner.release();
    }
}
