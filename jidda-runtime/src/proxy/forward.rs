//! Events that this side has no handler for, and that another server may have one for.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use crate::driver::run_handler::run_callback;
use crate::error::SendError;
use crate::failure::Failure;
use crate::handler::{Arguments, Callback, Dispatch, Origin, RawArguments, Reply, Scope};
use crate::id::ConnectionId;
use crate::identity::Asker;
use crate::link::pending_requests::Answer;
use crate::objects::Hub;
use crate::objects::graph::ProxyRule;
use crate::objects::{Socket, SocketInner};
use crate::payload::{CodecError, Encoding, Payload, Value, encode_arguments_into};
use crate::proxy::share::Share;
use crate::socket::encoded::Encoded;
use crate::socket::outgoing_call::{CallFuture, Failed, OutgoingCall};
use crate::socket::streaming::{End, Streaming};
use crate::wire::{Meta, Protocol, Servers, nests_within};

/// How often an event may be passed on before it is taken for one that goes round.
const HOPS: usize = 16;

/// The way to another server.
pub(crate) trait Backend: Send + Sync {
    /// The socket of a namespace there that a caller's events are sent by, if that was joined.
    fn joined(&self, namespace: &str, caller: ConnectionId) -> Option<Socket>;

    /// Joins a namespace first.
    fn join(&self, namespace: &str, caller: ConnectionId) -> BoxFuture<'static, Result<Socket, Failure>>;
}

/// Which events are passed on, and where.
#[derive(Clone)]
pub(crate) struct ForwardRule {
    /// Only events of this namespace.
    pub(crate) namespace: Option<&'static str>,
    /// Only events whose names begin so.
    pub(crate) prefix: Box<str>,
    pub(crate) upstream: Arc<dyn Backend>,
    /// Whether the caller's identity is passed on.
    pub(crate) passes_identity: bool,
}

impl fmt::Debug for ForwardRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardRule")
            .field("namespace", &self.namespace)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl ProxyRule for ForwardRule {
    fn takes(&self, namespace: &str, event: &str) -> bool {
        self.namespace.is_none_or(|only| only == namespace) && event.starts_with(&*self.prefix)
    }

    fn precision(&self) -> (bool, usize) {
        (self.namespace.is_some(), self.prefix.len())
    }

    /// Runs an event at the other server, through the middleware of its namespace where there is any.
    fn forward(&self, socket: &Arc<SocketInner>, event: &str, arguments: Arguments<'_>) -> Dispatch {
        if socket.table().route(socket.routes().fallback()).middleware().is_empty() {
            return forward(self, socket, event, arguments);
        }
        let (delegate, origin, name): (_, _, Box<str>) = (self.clone(), Arc::clone(socket), event.into());
        let callback = move |arguments: Arguments<'_>, _| forward(&delegate, &origin, &name, arguments);
        let callback: Callback = Arc::new(callback);
        run_callback(socket, event, arguments, &callback)
    }
}

fn forward(
    delegate: &ForwardRule,
    socket: &Arc<SocketInner>,
    event: &str,
    arguments: Arguments<'_>,
) -> Dispatch {
    let encoding = socket.encoding();
    let (arguments, forwards) = match build_request(delegate, socket, arguments) {
        Ok(build_request) => build_request,
        Err(failure) => return Dispatch::Ready(Reply::failure(failure)),
    };
    let taking = match Scope::current().and_then(|scope| scope.credit().cloned()) {
        Some(_) => ReplyMode::Stream,
        None if socket.wire().streams_by_event() => ReplyMode::Either,
        None => ReplyMode::Value,
    };
    let call = ForwardedCall { event: event.into(), arguments, forwards, encoding, taking };
    let caller = socket.connection.id;
    if let Some(upstream) = delegate.upstream.joined(socket.namespace(), socket.connection.id) {
        let way = match Way::to(upstream, caller) {
            Ok(way) => way,
            Err(failure) => return Dispatch::Ready(Reply::failure(failure)),
        };
        return match call.taking {
            ReplyMode::Value => Dispatch::future(call.value(way)),
            ReplyMode::Stream | ReplyMode::Either => Dispatch::future(call.run(way)),
        };
    }
    let joining = delegate.upstream.join(socket.namespace(), socket.connection.id);
    Dispatch::future(async move {
        match joining.await.and_then(|upstream| Way::to(upstream, caller)) {
            Ok(way) => call.run(way).await,
            Err(failure) => Reply::failure(failure),
        }
    })
}

/// What is sent: the arguments, and what is said beside them.
fn build_request(
    delegate: &ForwardRule,
    socket: &Arc<SocketInner>,
    arguments: Arguments<'_>,
) -> Result<(Encoded, Meta), Failure> {
    let hub = &socket.connection.hub;
    let depth = hub.config.max_depth;
    let list = to_messagepack(arguments, socket.encoding()).and_then(|list| shallow(list, depth, 1))?;
    let via = route(hub)?;
    let identity = if delegate.passes_identity {
        Some(shallow(asker(socket).to_bytes().into(), depth, 2)?.into())
    } else {
        None
    };
    Ok((Encoded::messagepack(list), Meta { identity, via, ..Meta::default() }))
}

/// Gives back what nests no deeper than a message may, with so many levels around it: the server behind would close the
/// connection, which is everyone's.
fn shallow(bytes: Vec<u8>, depth: usize, around: usize) -> Result<Vec<u8>, Failure> {
    if nests_within(&bytes, depth.saturating_sub(around)) {
        return Ok(bytes);
    }
    Err(Failure::new("too_deep", format!("an event that is passed on nests deeper than {depth}")))
}

/// The caller: the peer, or the identity on whose behalf it acts.
fn asker(socket: &Arc<SocketInner>) -> Asker {
    let asker = Scope::current().and_then(|scope| scope.asker().cloned());
    asker.unwrap_or_else(|| Asker(Socket { inner: Arc::clone(socket) }.identity()))
}

/// The servers that an event passed, with this one at the end.
fn route(hub: &Hub) -> Result<Servers, Failure> {
    let scope = Scope::current();
    let before = scope.as_ref().map_or(&[][..], |scope| &scope.via);
    if before.iter().any(|id| **id == *hub.name) {
        return Err(Failure::new("proxy_loop", "the event returned to a server that had passed it on"));
    }
    if before.len() >= HOPS {
        return Err(Failure::new("proxy_loop", format!("the event was passed on more than {HOPS} times")));
    }
    Ok(before.iter().chain([&hub.name]).cloned().collect())
}

/// Arguments as the native wire writes them; those of native peers are not looked at.
fn to_messagepack(arguments: Arguments<'_>, encoding: Encoding) -> Result<Vec<u8>, Failure> {
    if encoding == Encoding::MessagePack {
        return Ok(arguments.bytes().to_vec());
    }
    let values = arguments.reader(&[]).and_then(|mut reader| reader.take::<RawArguments>())?;
    let mut list = Vec::new();
    encode_arguments_into(&mut list, &values, Encoding::MessagePack).map_err(crate::Error::from)?;
    Ok(list)
}

/// One event on its way to the other server.
#[derive(Clone)]
struct ForwardedCall {
    event: String,
    arguments: Encoded,
    forwards: Meta,
    /// How the caller reads.
    encoding: Encoding,
    /// Whether the caller takes a streaming reply, and if it could not say so.
    taking: ReplyMode,
}

/// Whether a caller takes a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReplyMode {
    Value,
    Stream,
    /// Its protocol has no word for it: then it is asked for a value first.
    Either,
}

/// The socket there, and the caller's share of its connection.
struct Way {
    upstream: Socket,
    share: Share,
}

impl Way {
    fn to(upstream: Socket, caller: ConnectionId) -> Result<Self, Failure> {
        let share = upstream.inner.connection.share(caller)?;
        Ok(Self { upstream, share })
    }
}

impl ForwardedCall {
    /// Runs it. What the other server answers is the answer, whatever it is.
    async fn run(self, way: Way) -> Reply {
        // Boxed: few events are streams, and the future of each would be as large as that of one.
        match self.taking {
            ReplyMode::Stream => Box::pin(self.stream(way)).await,
            ReplyMode::Either => Box::pin(self.either(way)).await,
            ReplyMode::Value => self.value(way).await,
        }
    }

    fn value(self, Way { upstream, share }: Way) -> PendingReply {
        let Self { event, arguments, forwards, encoding, .. } = self;
        let request = OutgoingCall::forwarded(upstream, event, arguments, forwards);
        PendingReply { call: request.into_future(), encoding, share }
    }

    /// Asks for a value, and if there is a stream instead, for that.
    async fn either(self, way: Way) -> Reply {
        let upstream = way.upstream.clone();
        let mut passing = self.clone().value(way);
        match poll_fn(|cx| passing.poll_reply(cx)).await {
            Ok(reply) => reply,
            Err(failure) if failure.code == "streaming" && !failure.app => {
                self.stream(Way { upstream, share: passing.share }).await
            }
            Err(failure) => Reply::failure(failure),
        }
    }

    /// Asks for a stream. There is one once its first item is there.
    async fn stream(self, Way { upstream, share }: Way) -> Reply {
        let Self { event, arguments, forwards, encoding, .. } = self;
        let mut items = Streaming::<Value>::forwarded(upstream, &event, arguments, forwards);
        let first = match poll_fn(|cx| items.poll_raw(cx)).await {
            Some(Ok(first)) => Some(first),
            Some(Err(End::Answer(Answer::Value(payload)))) if !is_nil(&payload) => {
                return value(payload, encoding);
            }
            // There was none.
            Some(Err(End::Answer(Answer::Value(_)))) | None => None,
            Some(Err(end)) => return Reply::failure(ended(end)),
        };
        let rest = futures_util::stream::poll_fn(move |cx| {
            // Its place is free when this is dropped.
            let _share = &share;
            items.poll_raw(cx).map(|next| match next? {
                Err(End::Answer(Answer::Value(_))) => None,
                next => Some(next),
            })
        });
        let first = futures_util::stream::iter(first.map(Ok));
        Reply::of_items(first.chain(rest).map(move |item| {
            let item = item.map_err(ended)?;
            item_for(item, encoding).map_err(|error| Box::new(crate::Error::from(error).into()))
        }))
    }
}

/// A call on its way to the other server and back.
struct PendingReply {
    // Dropped first: what is cancelled frees its place there before the next call arrives.
    call: CallFuture<'static, Value, Value>,
    /// How the caller reads.
    encoding: Encoding,
    share: Share,
}

impl PendingReply {
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Failure>> {
        self.call.poll_answer(cx).map(|answer| match answer {
            Ok(Answer::Value(payload)) => Ok(value(payload, self.encoding)),
            Ok(answer) => Err(unanswered(answer)),
            Err(failed) => Err(unsent(failed)),
        })
    }
}

impl Future for PendingReply {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        self.get_mut().poll_reply(cx).map(|reply| reply.unwrap_or_else(Reply::failure))
    }
}

fn is_nil(payload: &Payload) -> bool {
    matches!(payload.to_value(), Ok(Value::Nil))
}

/// A value, for whoever reads it.
fn value(payload: Payload, encoding: Encoding) -> Reply {
    if payload.encoding() == Encoding::MessagePack && encoding == Encoding::MessagePack {
        return Reply::encoded(payload);
    }
    let rewritten = payload.to_value().and_then(|value| Payload::reply(&value, encoding));
    rewritten.map_or_else(Reply::error, Reply::encoded)
}

fn item_for(payload: Payload, encoding: Encoding) -> Result<Payload, CodecError> {
    if encoding == Encoding::MessagePack {
        Ok(payload)
    } else {
        Payload::encode(&payload.to_value()?, encoding)
    }
}

fn ended(end: End) -> Failure {
    match end {
        End::Answer(answer) => unanswered(answer),
        End::Failed(failed) => unsent(failed),
    }
}

fn unanswered(answer: Answer) -> Failure {
    match answer {
        Answer::Failed(failure) => failure,
        Answer::Disconnected { maybe_executed } => unavailable(maybe_executed),
        Answer::Value(_) => unavailable(true),
    }
}

fn unsent(failed: Failed) -> Failure {
    match failed {
        Failed::Timeout => Failure::new("timeout", "the server behind did not answer in time"),
        Failed::Send(SendError::NotConnected) => unavailable(false),
        Failed::Send(error @ SendError::TooLarge { .. }) => Failure::new("too_large", error.to_string()),
        Failed::Send(error) => crate::Error::from(error).into(),
    }
}

/// The other server is not there; whether it may have run the handler before it went.
fn unavailable(maybe_executed: bool) -> Failure {
    let data = Value::Map(vec![("maybe_executed".into(), maybe_executed.into())]);
    Failure {
        data: Payload::encode(&data, Encoding::MessagePack).ok(),
        ..Failure::new("unavailable", "the server behind is not connected")
    }
}
