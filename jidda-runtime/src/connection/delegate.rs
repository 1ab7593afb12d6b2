//! Events that this side has no handler for, and that another server may have one for.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::BoxFuture;

use super::call::{Failed, Request};
use super::calls::Answer;
use super::driver::Driver;
use super::encoded::Encoded;
use super::hub::Hub;
use super::socket::{Socket, SocketInner};
use crate::error::SendError;
use crate::failure::Failure;
use crate::handler::{Args, Arguments, Callback, Dispatch, Reply, Scope};
use crate::identity::{Asker, Identity};
use crate::payload::{CodecError, Encoding, Payload, Value, encode_arguments_into};
use crate::wire::Meta;

/// How often an event may be passed on before it is taken for one that goes round.
const HOPS: usize = 16;

/// Gives the socket of a namespace at the other server, which it may have to join first.
pub(crate) type Upstream = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<Socket, Failure>> + Send + Sync>;

/// Which events are passed on, and to whom.
#[derive(Clone)]
pub(crate) struct Delegate {
    /// Only events of this namespace.
    pub(crate) namespace: Option<&'static str>,
    /// Only events whose names begin so.
    pub(crate) prefix: Box<str>,
    pub(crate) upstream: Upstream,
    /// Whether the other server is told who asks.
    pub(crate) passes_identity: bool,
}

impl fmt::Debug for Delegate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delegate")
            .field("namespace", &self.namespace)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Delegate {
    fn takes(&self, namespace: &str, event: &str) -> bool {
        self.namespace.is_none_or(|only| only == namespace) && event.starts_with(&*self.prefix)
    }

    /// The more it asks for, the sooner it is asked: one for a namespace, then the longer prefix.
    pub(crate) fn precision(&self) -> (bool, usize) {
        (self.namespace.is_some(), self.prefix.len())
    }
}

impl Hub {
    /// Who gets an event that has no handler here.
    pub(super) fn delegate(&self, namespace: &str, event: &str) -> Option<&Delegate> {
        self.delegates.iter().find(|delegate| delegate.takes(namespace, event))
    }
}

/// What runs in the place of a handler.
pub(super) fn forwarder(delegate: &Delegate, socket: &Arc<SocketInner>, event: &str) -> Callback {
    let (upstream, passes_identity) = (Arc::clone(&delegate.upstream), delegate.passes_identity);
    let (socket, event): (_, Arc<str>) = (Arc::clone(socket), event.into());
    Arc::new(move |arguments, encoding| {
        let list = match to_messagepack(arguments, encoding) {
            Ok(list) => list,
            Err(failure) => return Dispatch::Ready(Reply::failure(failure)),
        };
        let via = match route(&socket.connection.hub) {
            Ok(via) => via,
            Err(failure) => return Dispatch::Ready(Reply::failure(failure)),
        };
        let identity = passes_identity.then(|| Value::from(&asker(&socket)));
        let forwards = Meta { identity, via, ..Meta::default() };
        let namespace = socket.namespace().to_owned();
        let (upstream, event) = (Arc::clone(&upstream), Arc::clone(&event));
        Dispatch::future(async move {
            match upstream(&namespace).await {
                Ok(socket) => forward(socket, &event, Encoded::messagepack(list), forwards, encoding).await,
                Err(failure) => Reply::failure(failure),
            }
        })
    })
}

/// Who asks: the peer, or the one for whom it asks.
fn asker(socket: &Arc<SocketInner>) -> Asker {
    let asker = Scope::current().and_then(|scope| scope.asker().cloned());
    asker.unwrap_or_else(|| Asker(Socket { inner: Arc::clone(socket) }.identity()))
}

/// Whether a peer of this identity may ask for others.
pub(crate) type Trust = Arc<dyn Fn(&Identity) -> bool + Send + Sync>;

impl Driver {
    /// For whom an event is, if its sender says that it asks for somebody else.
    ///
    /// # Errors
    ///
    /// What the sender is told if it may not.
    #[inline]
    pub(super) fn asker(&self, meta: Option<&Meta>) -> Result<Option<Asker>, Failure> {
        match meta.and_then(|meta| meta.identity.as_ref()) {
            None => Ok(None),
            Some(identity) => self.trusted_asker(identity).map(Some),
        }
    }

    #[cold]
    fn trusted_asker(&self, identity: &Value) -> Result<Asker, Failure> {
        let connection = &self.connection;
        let trust = connection.hub.trust.as_ref();
        let peer = connection.identity();
        let is_trusted = |peer: &Identity| {
            trust.is_some_and(|trust| catch_unwind(AssertUnwindSafe(|| trust(peer))).unwrap_or(false))
        };
        if !peer.as_ref().is_some_and(is_trusted) {
            tracing::info!(connection = %connection.id, peer = %connection.peer, "refused a peer that asks for another");
            return Err(Failure::new("denied", "denied"));
        }
        Asker::passed_on(identity)
            .ok_or_else(|| Failure::new("bad_arguments", "an identity that is passed on has a name"))
    }
}

/// The way an event came, with this server at its end.
fn route(hub: &Hub) -> Result<Vec<Box<str>>, Failure> {
    let scope = Scope::current();
    let before = scope.as_ref().map_or(&[][..], |scope| &scope.via);
    if before.iter().any(|id| **id == *hub.id.as_str()) {
        return Err(Failure::new("proxy_loop", "the event came back to a server that had passed it on"));
    }
    if before.len() >= HOPS {
        return Err(Failure::new("proxy_loop", format!("the event was passed on more than {HOPS} times")));
    }
    Ok(before.iter().cloned().chain([hub.id.as_str().into()]).collect())
}

/// Arguments as the native wire writes them; those of native peers are not looked at.
fn to_messagepack(arguments: Arguments<'_>, encoding: Encoding) -> Result<Vec<u8>, Failure> {
    if encoding == Encoding::MessagePack {
        return Ok(arguments.bytes().to_vec());
    }
    let values = arguments.reader(&[]).and_then(|mut reader| reader.take::<Args>())?;
    let mut list = Vec::new();
    encode_arguments_into(&mut list, &values, Encoding::MessagePack).map_err(crate::Error::from)?;
    Ok(list)
}

/// Calls the other server. What it answers is the answer, whatever it is.
async fn forward(
    socket: Socket,
    event: &str,
    arguments: Encoded,
    forwards: Meta,
    encoding: Encoding,
) -> Reply {
    let request: Request<'_, Value> = Request::forwarded(socket, event, arguments, forwards);
    let mut call = request.into_future();
    let answer = std::future::poll_fn(|cx| match call.poll_answer(cx) {
        Poll::Ready(answer) => Poll::Ready(answer),
        Poll::Pending => Poll::Pending,
    });
    match answer.await {
        Ok(Answer::Value(payload)) => {
            let reply =
                if encoding == Encoding::MessagePack { Ok(payload) } else { rewritten(&payload, encoding) };
            reply.map_or_else(Reply::error, Reply::encoded)
        }
        Ok(Answer::Failed(failure)) => Reply::failure(failure),
        Ok(Answer::Disconnected { maybe_executed }) => Reply::failure(unavailable(maybe_executed)),
        Err(Failed::Timeout) => {
            Reply::failure(Failure::new("timeout", "the server behind did not answer in time"))
        }
        Err(Failed::Send(SendError::NotConnected)) => Reply::failure(unavailable(false)),
        Err(Failed::Send(error @ SendError::TooLarge { .. })) => {
            Reply::failure(Failure::new("too_large", error.to_string()))
        }
        Err(Failed::Send(error)) => Reply::error(error),
    }
}

fn rewritten(payload: &Payload, encoding: Encoding) -> Result<Payload, CodecError> {
    Payload::reply(&payload.to_value()?, encoding)
}

/// The other server is not there; whether it may have run the handler before it went.
fn unavailable(maybe_executed: bool) -> Failure {
    let data = Value::Map(vec![("maybe_executed".into(), maybe_executed.into())]);
    Failure {
        data: Payload::encode(&data, Encoding::MessagePack).ok(),
        ..Failure::new("unavailable", "the server behind is not connected")
    }
}
