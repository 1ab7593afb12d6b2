//! Calls to the other side.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Sleep;
use tracing::Span;

use crate::error::{CallError, SendError};
use crate::handler::{CallerError, Scope, call_error};
use crate::link::pending_requests::{Answer, PendingRequests, UNPLACED};
use crate::link::shared_state::LinkStatus;
use crate::objects::graph::Requests;
use crate::objects::socket_state::Phase;
use crate::objects::{Socket, SocketInner};
use crate::payload::{CodecError, Value};
use crate::socket::emit::{Emit, encoding_of};
use crate::socket::encoded::{Encoded, Lists};
use crate::socket::handle::is_reserved;
use crate::socket::spans;
use crate::wire::{Meta, Protocol};

/// A call that is sent when it is awaited. It may be given a time-out before.
#[must_use = "a call is sent when it is awaited"]
pub struct OutgoingCall<'a, R, E = Value> {
    socket: Result<Socket, SendError>,
    event: Cow<'a, str>,
    arguments: Result<Encoded, CodecError>,
    timeout: Option<Duration>,
    /// The metadata of the original caller, if the call is passed on. Boxed: few are.
    forwards: Option<Box<Meta>>,
    /// Reads the answer. A pointer, so that only what makes a call has to say what its reply is read as: one that cannot be
    /// read is an error there, and is not a second one at the `.await`.
    read: fn(Answer) -> Result<R, CallError<E>>,
}

impl<R, E> fmt::Debug for OutgoingCall<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingCall").field("event", &self.event).finish_non_exhaustive()
    }
}

impl<R, E> OutgoingCall<'_, R, E> {
    /// The same with a name of its own.
    pub(crate) fn into_owned(self) -> OutgoingCall<'static, R, E> {
        let Self { socket, event, arguments, timeout, forwards, read } = self;
        OutgoingCall { socket, event: event.into_owned().into(), arguments, timeout, forwards, read }
    }
}

impl<'a, R: DeserializeOwned, E: CallerError> OutgoingCall<'a, R, E> {
    pub(crate) fn new<A: Serialize + ?Sized>(
        socket: Result<Socket, SendError>,
        event: &'a str,
        arguments: &A,
    ) -> Self {
        let timeout = socket.as_ref().ok().and_then(|socket| socket.inner.connection.hub.config.call_timeout);
        let arguments = Encoded::one(arguments, encoding_of(&socket));
        Self { socket, event: event.into(), arguments, timeout, forwards: None, read: read::<R, E> }
    }

    pub(crate) fn encoded(socket: Socket, event: &'a str, arguments: &Arc<Lists>) -> Self {
        let arguments = Encoded::Shared(Arc::clone(arguments)).checked(socket.inner.wire().encoding());
        Self {
            socket: Ok(socket),
            event: event.into(),
            arguments,
            timeout: None,
            forwards: None,
            read: read::<R, E>,
        }
    }

    /// A call that is passed on for another caller.
    pub(crate) fn forwarded(socket: Socket, event: String, arguments: Encoded, forwards: Meta) -> Self {
        let forwards = Some(Box::new(forwards));
        let arguments = arguments.translated(socket.inner.wire().encoding());
        Self {
            socket: Ok(socket),
            event: event.into(),
            arguments,
            timeout: None,
            forwards,
            read: read::<R, E>,
        }
    }
}

impl<R, E> OutgoingCall<'_, R, E> {
    /// Gives the call up after `limit`; the other side receives its deadline, and a cancellation then.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }
}

impl<R, E> OutgoingCall<'static, R, E> {
    /// Sends it as an event instead: no reply is waited for.
    pub fn emit(self) -> Emit {
        Emit { socket: self.socket, event: self.event, arguments: self.arguments }
    }
}

impl Socket {
    /// Calls the other side's handler of `event`; a tuple is several arguments. The reply is read as an `R`.
    ///
    /// ```no_run
    /// # async fn example(socket: jidda::Socket) -> jidda::Result<()> {
    /// use std::time::Duration;
    ///
    /// let sum: i64 = socket.call::<i64>("add", &(1, 2)).timeout(Duration::from_secs(1)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call<'a, R: DeserializeOwned>(
        &self,
        event: &'a str,
        arguments: &(impl Serialize + ?Sized),
    ) -> OutgoingCall<'a, R> {
        OutgoingCall::new(Ok(self.clone()), event, arguments)
    }
}

impl<'a, R, E> IntoFuture for OutgoingCall<'a, R, E> {
    type Output = Result<R, CallError<E>>;
    type IntoFuture = CallFuture<'a, R, E>;

    fn into_future(self) -> CallFuture<'a, R, E> {
        // Awaited in a handler, it has no longer than that.
        let scope = Scope::current();
        let left = scope.as_ref().and_then(|scope| scope.left());
        let limit = match (self.timeout, left) {
            (Some(own), Some(left)) => Some(own.min(left)),
            (own, left) => own.or(left),
        };
        CallFuture { deadline: limit.map(Deadline::Limit), call: self, id: None, scope, span: None }
    }
}

/// Until when a call of ours is waited for.
pub(crate) enum Deadline {
    Limit(Duration),
    /// Boxed: a call that is answered at once, or has no limit, pays nothing for it.
    Running(Pin<Box<Sleep>>),
}

impl Deadline {
    /// Whether it is over; else the task is woken when it is.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Limit(limit) = self {
            *self = Self::Running(Box::pin(tokio::time::sleep(*limit)));
        }
        match self {
            Self::Running(sleep) => sleep.as_mut().poll(cx).is_ready(),
            Self::Limit(_) => false,
        }
    }
}

impl SocketInner {
    /// Sends a request, or lets it wait for room; its number. `describe` says what goes with it, to a peer that is
    /// acquainted or not; `begin` numbers it.
    pub(crate) fn send_request(
        self: &Arc<Self>,
        event: &str,
        arguments: &Encoded,
        describe: impl FnOnce(bool) -> Result<Meta, SendError>,
        begin: impl FnOnce(&mut Requests, u64) -> u32,
    ) -> Result<u32, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved(event.to_owned()));
        }
        self.accept();
        if !matches!(self.phase(), Phase::Active | Phase::Replaying) {
            return Err(SendError::NotConnected);
        }
        let connection = &self.connection;
        let list = arguments.get(connection.wire.encoding()).unwrap_or_default();
        let mut shared = connection.link.change();
        if shared.status != LinkStatus::Up {
            return Err(SendError::NotConnected);
        }
        let meta = describe(shared.speaks_native)?;
        let head = connection.wire().request_head(self.namespace(), event, &meta);
        let size = list.len() + head;
        if size > shared.outbox.max_message() {
            return Err(SendError::TooLarge { size, limit: shared.outbox.max_message() });
        }
        let target = (self.namespace(), event);
        let has_room = shared.has_room(connection.hub.config.max_outbox);
        let place = if has_room { shared.outbox.place() } else { UNPLACED };
        let id = begin(&mut shared.calls, place);
        let written = if has_room {
            shared.outbox.append(|out| connection.wire().request(out, id, target, list, &meta))
        } else {
            let mut frame = Vec::with_capacity(size);
            let written = connection.wire().request(&mut frame, id, target, list, &meta);
            if written.is_ok() {
                // The caller waits for the answer, not for this.
                let _turn = shared.wait_in_line(frame.into(), self.key, Some(id));
            }
            written
        };
        if let Err(error) = written {
            // Nobody waits for it yet.
            drop(shared.calls.forget(id));
            return Err(error.into());
        }
        shared.send_queued();
        drop(shared);
        Ok(id)
    }

    /// Forgets a request; if it is not answered yet, the peer is asked to drop the handler.
    pub(crate) fn cancel_request(&self, id: u32) {
        let connection = &self.connection;
        let mut shared = connection.link.change();
        let is_unsent = shared.withdraw_call(id);
        let forgotten = shared.calls.forget(id);
        let is_known = forgotten.was_waiting() && !is_unsent;
        if is_known && shared.speaks_native && shared.status == LinkStatus::Up {
            shared.outbox.append(|out| connection.wire().cancel(out, id));
            shared.send_queued();
        }
        // Dropped after the lock: it has the waker of the program's task.
        drop(shared);
        drop(forgotten);
    }
}

/// A call under way. It is sent at the first poll, and cancelled at the other side when it is dropped before
/// its end.
///
/// # Cancel safety
///
/// Dropped before it is sent, nothing happened; after that, the peer is asked to drop the handler.
#[must_use = "futures do nothing unless they are polled"]
pub struct CallFuture<'a, R, E> {
    call: OutgoingCall<'a, R, E>,
    /// Our number for it once it is sent.
    id: Option<u32>,
    deadline: Option<Deadline>,
    /// Of the handler that makes the call.
    scope: Option<Arc<Scope>>,
    /// Boxed: most programs have no subscriber.
    span: Option<Box<Span>>,
}

impl<R, E> fmt::Debug for CallFuture<'_, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call.fmt(f)
    }
}

// Nothing in it is pinned in place: the one future it holds is boxed.
impl<R, E> Unpin for CallFuture<'_, R, E> {}

impl<R, E> CallFuture<'_, R, E> {
    /// Sends the request, or lets it wait for room; its number.
    fn send(&self) -> Result<u32, SendError> {
        let socket = self.call.socket.as_ref().map_err(Clone::clone)?;
        let arguments = self.call.arguments.as_ref().map_err(Clone::clone)?;
        let speaks_for = self.call.forwards.as_ref().is_some_and(|forwards| forwards.identity.is_some());
        let describe = |speaks_native| match speaks_native {
            true => Ok(self.meta()),
            // Without it the call would run for this server itself.
            false if speaks_for => Err(SendError::Encode("the peer's protocol has no identities".to_owned())),
            false => Ok(Meta::default()),
        };
        let of = socket.inner.mark();
        let begin = |calls: &mut Requests, place| calls.begin_of(place, of);
        socket.inner.send_request(&self.call.event, arguments, describe, begin)
    }

    /// What is sent beside the arguments.
    fn meta(&self) -> Meta {
        let mut meta = self.scope.as_ref().map(|scope| scope.outgoing()).unwrap_or_default();
        if let Some(forwards) = &self.call.forwards {
            meta.identity.clone_from(&forwards.identity);
            meta.via.clone_from(&forwards.via);
        }
        match &self.deadline {
            Some(Deadline::Limit(limit)) => Meta { deadline: Some(*limit), ..meta },
            _ => meta,
        }
    }

    fn poll_reply(&self, id: u32, is_new: bool, cx: &Context<'_>) -> Poll<Answer> {
        let Ok(socket) = &self.call.socket else { return Poll::Pending };
        socket.inner.connection.link.poll_request(id, is_new, PendingRequests::answer, cx)
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.is_over(cx))
    }
}

/// How a call ended, in one word.
fn outcome(answer: &Result<Answer, Failed>) -> &'static str {
    match answer {
        Ok(Answer::Value(_)) => "ok",
        Ok(Answer::Failed(failure)) => failure.outcome(),
        Ok(Answer::Disconnected { .. }) => "disconnected",
        Err(Failed::Send(_)) => "not_sent",
        Err(Failed::Timeout) => "timeout",
    }
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    Send(SendError),
    Timeout,
}

impl<R, E> CallFuture<'_, R, E> {
    /// Makes all of it that runs code of the program's: then it may be begun while others wait.
    pub(crate) fn prepared(mut self) -> Self {
        self.span = self.new_span();
        self
    }

    /// Sends the call, unless it has no time at all. Polled later, it waits for the answer.
    pub(crate) fn begin(&mut self) -> Result<(), SendError> {
        if !matches!(self.deadline, Some(Deadline::Limit(Duration::ZERO))) {
            self.id = Some(self.send()?);
        }
        Ok(())
    }

    /// Shows the call to the program's observers.
    #[inline]
    pub(crate) fn show(&self) {
        if let (Ok(socket), Ok(arguments)) = (&self.call.socket, &self.call.arguments) {
            socket.inner.show_outgoing_encoded(&self.call.event, arguments);
        }
    }

    /// Sends the call, and waits for what the peer answers, whatever it is.
    #[inline]
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Failed>> {
        let span = self.span.take().or_else(|| if self.id.is_none() { self.new_span() } else { None });
        let poll = match &span {
            Some(span) => span.in_scope(|| self.poll_within(cx)),
            None => self.poll_within(cx),
        };
        self.span = span;
        if let Poll::Ready(answer) = &poll {
            self.ended(outcome(answer));
        }
        poll
    }

    /// Records how the call ended in its span and in metrics.
    #[inline]
    fn ended(&mut self, outcome: &'static str) {
        if let Some(span) = self.span.take() {
            span.record("outcome", outcome);
        }
        if let Ok(socket) = &self.call.socket {
            socket.inner.count_call(outcome);
        }
    }

    /// The call's span, where there is a subscriber.
    #[inline]
    fn new_span(&self) -> Option<Box<Span>> {
        if !spans::are_wanted() {
            return None;
        }
        let trace = self.scope.as_ref().and_then(|scope| scope.trace());
        spans::of_call(self.call.socket.as_ref().ok()?, &self.call.event, trace)
    }

    #[inline]
    fn poll_within(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Failed>> {
        let is_new = self.id.is_none();
        if is_new {
            if matches!(self.deadline, Some(Deadline::Limit(Duration::ZERO))) {
                return Poll::Ready(Err(Failed::Timeout));
            }
            match self.send() {
                Ok(id) => self.id = Some(id),
                Err(error) => return Poll::Ready(Err(Failed::Send(error))),
            }
            self.show();
        }
        if let Some(id) = self.id
            && let Poll::Ready(answer) = self.poll_reply(id, is_new, cx)
        {
            self.id = None;
            return Poll::Ready(Ok(answer));
        }
        if self.is_late(cx) {
            self.cancel();
            return Poll::Ready(Err(Failed::Timeout));
        }
        Poll::Pending
    }
}

impl<R, E> Future for CallFuture<'_, R, E> {
    type Output = Result<R, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Poll::Ready(answer) = this.poll_answer(cx) else { return Poll::Pending };
        Poll::Ready(match answer {
            Ok(answer) => (this.call.read)(answer),
            Err(Failed::Send(error)) => Err(error.into()),
            Err(Failed::Timeout) => Err(CallError::Timeout),
        })
    }
}

/// Reads what the peer answered.
fn read<R: DeserializeOwned, E: CallerError>(answer: Answer) -> Result<R, CallError<E>> {
    match answer {
        Answer::Value(payload) => payload.decode().map_err(|error| CallError::Decode(error.to_string())),
        Answer::Failed(failure) => Err(call_error(failure)),
        Answer::Disconnected { maybe_executed } => Err(CallError::Disconnected { maybe_executed }),
    }
}

impl<R, E> CallFuture<'_, R, E> {
    fn cancel(&mut self) {
        if let (Some(id), Ok(socket)) = (self.id.take(), &self.call.socket) {
            socket.inner.cancel_request(id);
        }
    }
}

impl<R, E> Drop for CallFuture<'_, R, E> {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.ended("cancelled");
        }
        self.cancel();
    }
}
