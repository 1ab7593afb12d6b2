//! Streaming replies, from the side that reads the items.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FusedStream;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CallError, SendError};
use crate::handler::{CallerError, MOST_CREDIT, Scope, StreamTarget, call_error};
use crate::link::pending_requests::{Answer, PendingRequests};
use crate::objects::Socket;
use crate::objects::graph::Requests;
use crate::payload::{CodecError, Payload, Value};
use crate::socket::emit::encoding_of;
use crate::socket::encoded::Encoded;
use crate::socket::outgoing_call::{Deadline, Failed};
use crate::wire::{Meta, Protocol};

/// How many items may be under way unless the reader says something else.
const WINDOW: u32 = 32;

/// The items of a streaming reply: a [`Stream`] of `Result<T, CallError<E>>`, which ends after its first error.
///
/// The call is sent when the first item is asked for. The other side is never more than a window of items ahead: it
/// produces no others before some of them were taken, so that a slow reader slows its own producer. Dropping it stops
/// the producer.
#[must_use = "a call is sent when its first item is asked for"]
pub struct Streaming<T, E = Value> {
    socket: Result<Socket, SendError>,
    event: Box<str>,
    arguments: Result<Encoded, CodecError>,
    window: u32,
    deadline: Option<Deadline>,
    /// Whether the other side says when it begins.
    opens: bool,
    /// The metadata of the original caller, if the call is passed on. Boxed: few are.
    forwards: Option<Box<Meta>>,
    state: State,
    expects: PhantomData<fn() -> (T, E)>,
}

enum State {
    Unsent,
    /// Our number for it, and how many items were taken since more were asked for.
    Sent {
        id: u32,
        taken: u32,
    },
    Over,
}

impl<T, E> fmt::Debug for Streaming<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").field("event", &self.event).finish_non_exhaustive()
    }
}

// Nothing in it is pinned in place: the one future it holds is boxed.
impl<T, E> Unpin for Streaming<T, E> {}

impl Socket {
    /// Calls the other side's handler of `event`, whose reply is a stream; a tuple is several arguments. Each item is
    /// read as a `T`.
    ///
    /// ```no_run
    /// # async fn example(socket: jidda::Socket) -> jidda::Result<()> {
    /// let mut prices = socket.stream::<f64>("prices", &"EUR");
    /// while let Some(price) = prices.next().await {
    ///     println!("{}", price?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<T>(&self, event: &str, arguments: &(impl Serialize + ?Sized)) -> Streaming<T> {
        Streaming::new(Ok(self.clone()), event, arguments)
    }
}

impl StreamTarget for Socket {
    type Stream<T, E> = Streaming<T, E>;

    fn stream<A: Serialize, T: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Streaming<T, E> {
        Streaming::new(self.for_stub(namespace), event, arguments)
    }
}

impl<T, E> Streaming<T, E> {
    fn new<A: Serialize + ?Sized>(socket: Result<Socket, SendError>, event: &str, arguments: &A) -> Self {
        let arguments = Encoded::one(arguments, encoding_of(&socket));
        Self {
            socket,
            event: event.into(),
            arguments,
            window: WINDOW,
            deadline: None,
            opens: false,
            forwards: None,
            state: State::Unsent,
            expects: PhantomData,
        }
    }

    /// A call that is passed on for another caller.
    pub(crate) fn forwarded(socket: Socket, event: &str, arguments: Encoded, forwards: Meta) -> Self {
        Self {
            socket: Ok(socket),
            event: event.into(),
            arguments: Ok(arguments),
            window: WINDOW,
            deadline: None,
            opens: false,
            forwards: Some(Box::new(forwards)),
            state: State::Unsent,
            expects: PhantomData,
        }
    }

    /// How many items may be under way, from 1 to 1,000,000: the other side produces no more than that before some of
    /// them were taken, and no more than that wait here. 32 unless set; has no effect once the call is sent.
    pub fn window(mut self, items: u32) -> Self {
        self.window = items.clamp(1, MOST_CREDIT);
        self
    }

    /// Gives the stream up after `limit`, wherever it is then; the other side receives that deadline. Without it
    /// there is no limit: a stream may go on for as long as its connection.
    ///
    /// The time counts from the first item that is asked for.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Some(Deadline::Limit(limit));
        self
    }

    /// Sends the request, or lets it wait for room; its number.
    fn send(&self) -> Result<u32, SendError> {
        let socket = self.socket.as_ref().map_err(Clone::clone)?;
        let arguments = self.arguments.as_ref().map_err(Clone::clone)?;
        let credit = self.window;
        let (meta, open) = (self.meta(), self.opens);
        let has_streams = socket.inner.wire().has_streams();
        let describe = |speaks_native| {
            if speaks_native && has_streams {
                return Ok(Meta { credit: Some(credit), open, ..meta });
            }
            Err(SendError::Encode("the peer's protocol has no streaming replies".to_owned()))
        };
        let begin = |calls: &mut Requests, place| calls.begin_stream(place, credit);
        let id = socket.inner.send_request(&self.event, arguments, describe, begin)?;
        socket.inner.show_outgoing_encoded(&self.event, arguments);
        Ok(id)
    }

    /// What is sent beside the arguments.
    fn meta(&self) -> Meta {
        let mut meta = Scope::current().map(|scope| scope.outgoing()).unwrap_or_default();
        if let Some(forwards) = &self.forwards {
            meta.identity.clone_from(&forwards.identity);
            meta.via.clone_from(&forwards.via);
        }
        match &self.deadline {
            Some(Deadline::Limit(limit)) => Meta { deadline: Some(*limit), ..meta },
            _ => meta,
        }
    }

    /// Asked for in a handler, it has no longer than that.
    fn inherit_deadline(&mut self) {
        let left = Scope::current().and_then(|scope| scope.left());
        self.deadline = match (self.deadline.take(), left) {
            (Some(Deadline::Limit(own)), Some(left)) => Some(Deadline::Limit(own.min(left))),
            (None, Some(left)) => Some(Deadline::Limit(left)),
            (own, _) => own,
        };
    }

    fn cancel(&mut self) {
        if let (State::Sent { id, .. }, Ok(socket)) =
            (std::mem::replace(&mut self.state, State::Over), &self.socket)
        {
            socket.inner.cancel_request(id);
        }
    }

    /// The next item as it was received; asks for more once half of what may be under way was taken.
    fn poll_payload(&mut self, cx: &mut Context<'_>) -> Poll<Result<Payload, Answer>> {
        let gone = Answer::Disconnected { maybe_executed: false };
        let (State::Sent { id, taken }, Ok(socket)) = (&mut self.state, &self.socket) else {
            return Poll::Ready(Err(gone));
        };
        let connection = &socket.inner.connection;
        let polled = connection.link.poll_request(*id, false, PendingRequests::item, cx);
        if let Poll::Ready(Ok(_)) = &polled {
            *taken += 1;
            if *taken * 2 < self.window {
                return polled;
            }
            let mut shared = connection.link.change();
            if shared.calls.grant(*id, *taken) {
                shared.outbox.append(|out| connection.wire().more(out, *id, *taken));
                *taken = 0;
                shared.send_queued();
                drop(shared);
            }
        }
        polled
    }
}

/// How a streaming reply ended.
#[derive(Debug)]
pub(crate) enum End {
    /// As the peer said, or with its connection.
    Answer(Answer),
    /// On this side.
    Failed(Failed),
}

impl<T, E> Streaming<T, E> {
    /// Sends the call if it is not sent yet, and looks at the time it has.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<(), Failed> {
        if matches!(self.state, State::Unsent) {
            self.inherit_deadline();
            self.state = State::Over;
            if matches!(self.deadline, Some(Deadline::Limit(Duration::ZERO))) {
                return Err(Failed::Timeout);
            }
            let id = self.send().map_err(Failed::Send)?;
            self.state = State::Sent { id, taken: 0 };
        }
        // Before the items: a reader that finds one at each poll would never be late.
        if self.deadline.as_mut().is_some_and(|deadline| deadline.is_over(cx)) {
            self.cancel();
            return Err(Failed::Timeout);
        }
        Ok(())
    }

    /// Ready when the stream has begun, or ended without an item.
    fn poll_beginning(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Err(failed) = self.begin(cx) {
            return Poll::Ready(Err(End::Failed(failed)));
        }
        let (State::Sent { id, .. }, Ok(socket)) = (&self.state, &self.socket) else {
            return Poll::Ready(Ok(()));
        };
        let link = &socket.inner.connection.link;
        link.poll_request(*id, false, PendingRequests::beginning, cx).map_err(|answer| {
            self.state = State::Over;
            End::Answer(answer)
        })
    }

    /// The next item as it was received, or how the stream ended; nothing after that.
    pub(crate) fn poll_raw(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Payload, End>>> {
        if matches!(self.state, State::Over) {
            return Poll::Ready(None);
        }
        if let Err(failed) = self.begin(cx) {
            return Poll::Ready(Some(Err(End::Failed(failed))));
        }
        Poll::Ready(Some(ready!(self.poll_payload(cx)).map_err(|answer| {
            self.state = State::Over;
            End::Answer(answer)
        })))
    }
}

impl<T: DeserializeOwned, E: CallerError> Streaming<T, E> {
    /// The next item; `None` when there are no more. After an error there are none.
    ///
    /// # Cancel safety
    ///
    /// No item is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Result<T, CallError<E>>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Sends the call and waits until its handler has begun the stream, before any item is asked for. An error that the
    /// handler returns instead of a stream is returned here.
    ///
    /// ```no_run
    /// # async fn example(socket: jidda_runtime::Socket) -> jidda_runtime::Result<()> {
    /// let mut prices = socket.stream::<f64>("prices", &"EUR").open().await?;
    /// // From here on no price is missed.
    /// socket.emit("trade", &1).await?;
    /// while let Some(price) = prices.next().await {
    ///     println!("{}", price?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A peer that does not know of it, which is no jidda, is waited for until its first item or its end.
    ///
    /// # Errors
    ///
    /// As for a call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call.
    pub async fn open(mut self) -> Result<Self, CallError<E>> {
        self.opens = true;
        let begun = std::future::poll_fn(|cx| self.poll_beginning(cx)).await;
        match begun.map_err(Self::failed) {
            Ok(()) | Err(None) => Ok(self),
            Err(Some(error)) => Err(error),
        }
    }

    /// How a stream ended, as its reader meets it; nothing if it ended well.
    fn failed(end: End) -> Option<CallError<E>> {
        match end {
            End::Answer(answer) => Self::ended(answer).and_then(Result::err),
            End::Failed(Failed::Timeout) => Some(CallError::Timeout),
            End::Failed(Failed::Send(error)) => Some(error.into()),
        }
    }

    fn ended(answer: Answer) -> Option<Result<T, CallError<E>>> {
        match answer {
            Answer::Value(value) if matches!(value.to_value(), Ok(Value::Nil)) => None,
            Answer::Value(_) => Some(Err(CallError::Refused {
                code: "not_streaming".to_owned(),
                message: "the handler replied with a value, not with a stream".to_owned(),
                data: None,
            })),
            Answer::Failed(failure) => Some(Err(call_error(failure))),
            Answer::Disconnected { maybe_executed } => Some(Err(CallError::Disconnected { maybe_executed })),
        }
    }
}

impl<T: DeserializeOwned, E: CallerError> Stream for Streaming<T, E> {
    type Item = Result<T, CallError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(next) = ready!(this.poll_raw(cx)) else { return Poll::Ready(None) };
        Poll::Ready(match next {
            Ok(payload) => {
                let item = payload.decode().map_err(|error| CallError::Decode(error.to_string()));
                if item.is_err() {
                    this.cancel();
                }
                Some(item)
            }
            Err(end) => Self::failed(end).map(Err),
        })
    }
}

impl<T: DeserializeOwned, E: CallerError> FusedStream for Streaming<T, E> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

impl<T, E> Drop for Streaming<T, E> {
    fn drop(&mut self) {
        self.cancel();
    }
}
