//! Streaming replies, from the side that produces the items.
//!
//! A stream is polled by the connection's own task, like any handler: without credit, or without room in the outbox,
//! it is not polled at all, so that a slow reader slows only its own producer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::driver::in_flight::{Purpose, Ticket};
use crate::driver::incoming::Incoming;
use crate::driver::task::Driver;
use crate::error::Error;
use crate::failure::Failure;
use crate::foreign::short_name;
use crate::guard::wake_all;
use crate::handler::{Arguments, Credit, HandlerFuture, Items, Reply, Scope, announcement};
use crate::link::pending_requests::Received;
use crate::link::shared_state::check_value;
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;
use crate::observe::handled_by::EventLabel;
use crate::payload::{Payload, Value};
use crate::sync::atomic::Ordering;
use crate::wire::{Protocol, WireError};

/// After so many items other streams and calls have their turn.
const STRIDE: usize = 32;
/// How many items a caller takes at first whose protocol has no way to say it.
const FIRST_CREDIT: u32 = 32;

/// The refusal for a caller that takes no streams.
#[cold]
pub(crate) fn no_stream() -> Failure {
    Failure::new(
        "streaming",
        "the reply is a stream: call the event with `credit`, the number of items you take for a beginning",
    )
}

/// The items of one streaming reply; its output is how it ended.
struct Producing {
    socket: Arc<SocketInner>,
    id: u32,
    items: Items,
    credit: Arc<Credit>,
}

impl Producing {
    /// Sends one item when it is wanted, when there is room for it, and when there is one.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Reply>> {
        if self.socket.phase() == Phase::Closed {
            let message = format!("the namespace `{}` was left", short_name(self.socket.namespace()));
            return Poll::Ready(Err(Reply::failure(Failure::new("not_connected", message))));
        }
        ready!(self.credit.poll_left(cx)).map_err(Reply::failure)?;
        let connection = &self.socket.connection;
        {
            let mut shared = connection.link.change();
            if !shared.has_room(connection.hub.config.max_outbox) {
                shared.wait_for_room(cx.waker());
                return Poll::Pending;
            }
        }
        Poll::Ready(match ready!(self.items.as_mut().poll_next(cx)) {
            None => Err(Reply::nothing()),
            Some(Err(failure)) => Err(Reply::failed(failure)),
            Some(Ok(item)) => self.send(&item),
        })
    }

    fn send(&self, item: &Payload) -> Result<(), Reply> {
        let wire = self.socket.wire();
        let mut shared = self.socket.connection.link.change();
        let limit = shared.outbox.max_message();
        check_value(wire, item, wire.item_head(), "an item", limit)
            .map_err(|failure| Reply::failure(*failure))?;
        shared.outbox.append(|out| wire.item(out, self.socket.namespace(), self.id, item));
        self.credit.spend();
        Ok(())
    }
}

impl Future for Producing {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reply> {
        let this = self.get_mut();
        for _ in 0..STRIDE {
            if let Err(end) = ready!(this.poll_item(cx)) {
                return Poll::Ready(end);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Driver {
    /// Whether an event's sender can be replied to with a stream.
    #[cold]
    pub(crate) fn can_stream(&self, incoming: Incoming<'_>) -> bool {
        let wire = self.connection.wire();
        let is_asked = incoming.meta.is_some_and(|meta| meta.credit.is_some());
        incoming.id.is_some() && (is_asked || wire.streams_by_event())
    }

    /// A handler replied with a stream: its items join what runs.
    #[cold]
    pub(crate) fn begin_stream(
        &mut self,
        socket: &Arc<SocketInner>,
        (id, name, is_sequential): (Option<u32>, EventLabel, bool),
        reply: &Reply,
        scope: Option<Arc<Scope>>,
    ) {
        match self.accept_stream(socket, id, reply, scope.as_deref()) {
            Ok((id, items, credit)) => {
                let purpose = Purpose::Stream { id, name, is_sequential };
                let ticket = Ticket { socket: Arc::clone(socket), purpose };
                let items = Producing { socket: Arc::clone(socket), id, items, credit: Arc::clone(&credit) };
                self.running().push_stream(ticket, Box::pin(items), scope, credit);
            }
            Err(failure) => {
                // It ends like any other, one turn later, so that what waits behind it goes on.
                let ticket = Ticket {
                    socket: Arc::clone(socket),
                    purpose: Purpose::Event { id, name, is_sequential, size: 0 },
                };
                let end: HandlerFuture = Box::pin(std::future::ready(Reply::failure(failure)));
                self.running().push(ticket, end, scope);
            }
        }
    }

    /// The number that the peer knows the stream by, its items, and how many are taken.
    fn accept_stream(
        &mut self,
        socket: &SocketInner,
        id: Option<u32>,
        reply: &Reply,
        scope: Option<&Scope>,
    ) -> Result<(u32, Items, Arc<Credit>), Failure> {
        let (Some(id), Some(stream)) = (id, reply.as_stream()) else { return Err(no_stream()) };
        if self.draining.is_some() {
            return Err(Failure::closing());
        }
        let wire = self.connection.wire();
        let credit = match scope.and_then(|scope| scope.credit()) {
            Some(credit) => Arc::clone(credit),
            None if wire.streams_by_event() => Arc::new(Credit::new(FIRST_CREDIT)),
            None => return Err(no_stream()),
        };
        let twice = || Error::from(std::io::Error::other("a stream was replied with twice"));
        let items = stream.take().ok_or_else(twice)?;
        if !wire.streams_by_event() {
            if scope.is_some_and(Scope::announces) {
                self.connection.link.append(|out| wire.opened(out, id));
            }
            return Ok((id, items, credit));
        }
        let mut shared = self.connection.link.change();
        let number = shared.calls.number();
        let announcement = announcement(number, wire.encoding())?;
        shared.outbox.append(|out| wire.reply(out, socket.namespace(), id, &announcement));
        Ok((number, items, credit))
    }

    /// Writes how a streaming reply ended.
    #[cold]
    pub(crate) fn end_stream(
        &mut self,
        socket: &Arc<SocketInner>,
        id: u32,
        label: &EventLabel,
        reply: Reply,
    ) {
        let failure = reply.into_result().err();
        let hub = &self.connection.hub;
        socket.count_event(label, failure.as_ref().map_or("ok", |failure| failure.outcome()));
        let failure = failure.map(|failure| hub.disclose(label.place(socket), *failure));
        let wire = self.connection.wire();
        let mut shared = self.connection.link.change();
        match failure {
            Some(failure) => shared.tell(&failure, |out, failure| {
                wire.end_of_items(out, socket.namespace(), id, Some(failure));
            }),
            None => shared.outbox.append(|out| wire.end_of_items(out, socket.namespace(), id, None)),
        }
    }

    /// One item of a streaming reply to a request of ours.
    pub(crate) fn item(&mut self, id: u32, value: &[u8]) {
        let encoding = self.connection.wire.encoding();
        let item = || Payload::from_bytes(value, encoding);
        let received = self.connection.link.change().calls.receive(id, item);
        match received {
            Received::Kept(waker) => wake_all(waker),
            Received::Unknown => {
                self.connection.hub.statistics.unknown_replies.fetch_add(1, Ordering::Relaxed);
            }
            Received::OverCredit => {
                self.malformed(&WireError::Malformed(
                    "an item of a stream was received that no call asked for",
                ));
            }
        }
    }

    /// The streaming reply to a request of ours has begun. One that is not known has just ended.
    pub(crate) fn opened(&mut self, id: u32) {
        let waker = self.connection.link.change().calls.open(id);
        wake_all(waker);
    }

    /// The peer takes more items. A stream that is not known has just ended.
    #[cold]
    pub(crate) fn granted(&mut self, id: u32, count: u32) {
        let running = self.running.as_mut();
        if let Some((socket, place)) = running.and_then(|running| running.grant(id, count)) {
            socket.extra(|extra| extra.early.grant(place, count));
        }
    }

    /// Takes an event for what it says of a stream, where streams are spoken of in events. Whether it was that.
    #[inline]
    pub(crate) fn hears_of_stream(
        &mut self,
        socket: &SocketInner,
        incoming: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> bool {
        if !incoming.event.starts_with("$/") || !self.connection.wire.streams_by_event() {
            return false;
        }
        if !self.take_word_of_stream(incoming, cx) {
            return false;
        }
        if let Some(id) = incoming.id {
            let wire = self.connection.wire();
            if let Ok(nothing) = Reply::value(&(), wire.encoding()).into_result() {
                self.connection.link.append(|out| wire.reply(out, socket.namespace(), id, &nothing));
            }
        }
        true
    }

    #[cold]
    fn take_word_of_stream(&mut self, incoming: Incoming<'_>, cx: &mut Context<'_>) -> bool {
        if !matches!(incoming.event, "$/more" | "$/cancel") {
            return false;
        }
        let arguments = Arguments::new(incoming.arguments, self.connection.wire.encoding());
        let Ok(mut reader) = arguments.reader(&["stream", "count"]) else { return false };
        let Some(number) = reader.take::<Value>().ok().as_ref().and_then(number) else { return false };
        if incoming.event == "$/cancel" {
            self.cancelled(number, cx);
        } else if let Some(running) = &mut self.running {
            let count = reader.take::<Value>().ok().as_ref().and_then(self::number);
            running.grant(number, count.unwrap_or(0));
        }
        true
    }
}

/// A number, or the text of one.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.as_str()?.parse().ok(),
        // JavaScript has no other numbers.
        Value::F64(number) if number.fract() == 0.0 => format!("{number}").parse().ok(),
        value => value.as_u64()?.try_into().ok(),
    }
}
