//! From a packet to its handler, and from a handler to its reply.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;

use crate::driver::closing::Loss;
use crate::driver::fast_path::EventNeeds;
use crate::driver::in_flight::{Finished, Purpose, Queued};
use crate::driver::incoming::{ID_IN_USE, Incoming};
use crate::driver::invocation::Invocation;
use crate::driver::producing::no_stream;
use crate::driver::renewal::AUTHENTICATE;
use crate::driver::run_handler::{inbox, listener, run_callback, run_listener};
use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::foreign::short_name;
use crate::handler::{Arguments, EventName, HandlerFuture, Origin, Reply, RouteId, Scope, Side};
use crate::identity::Asker;
use crate::link::pending_requests::Answer;
use crate::link::shared_state::Control;
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;
use crate::observe::handled_by::EventLabel;
use crate::payload::Payload;
use crate::reason::DisconnectReason;
use crate::socket::credentials::Presented;
use crate::socket::handle::is_reserved;
use crate::sync::atomic::Ordering;
use crate::wire::{Packet, Protocol, WireError};

/// How many messages' bytes of events may wait while the peer is asked something.
const PATIENCE: usize = 4;

/// Why an event cannot be started now, and what becomes of it.
enum Overload {
    Refuse(Failure),
    /// It waits for a handler to end.
    Wait,
    /// The connection is over.
    End,
}

impl Driver {
    /// Takes one packet in. `Break` when all that follows it has to wait until a handler ends.
    #[inline]
    pub(crate) fn packet(&mut self, packet: Packet<'_>, cx: &mut Context<'_>) -> ControlFlow<()> {
        if self.connection.hub.side == Side::Client {
            self.client_packet(packet, cx)
        } else {
            self.take(packet, cx)
        }
    }

    /// Takes a packet of a server in. Apart, since looking at a packet first keeps it from being taken apart where it is
    /// read, which a server's events would pay for.
    #[inline(never)]
    fn client_packet(&mut self, packet: Packet<'_>, cx: &mut Context<'_>) -> ControlFlow<()> {
        if self.attends_as_client(&packet) {
            return ControlFlow::Continue(());
        }
        self.take(packet, cx)
    }

    // Both callers are hot, and have a copy each.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn take(&mut self, packet: Packet<'_>, cx: &mut Context<'_>) -> ControlFlow<()> {
        match packet {
            Packet::Event { namespace, event, id, arguments, meta } => {
                let meta = meta.as_deref();
                let incoming = Incoming { event: &event, id, arguments: &arguments, meta };
                return self.event(&namespace, incoming, cx);
            }
            Packet::Reply { id, outcome: Ok(value) } => {
                let encoding = self.connection.wire.encoding();
                self.reply(id, Some(&value), || Answer::Value(Payload::from_reply(&value, encoding)), cx);
            }
            Packet::Reply { id, outcome: Err(error) } => {
                let wire = self.connection.wire();
                self.reply(id, None, || Answer::Failed(wire.read_failure(error)), cx);
            }
            Packet::Unread { id, is_item, error } => self.unread(id, is_item, &error, cx),
            Packet::Alive => self.connection.heard_beat(),
            Packet::Echo { bytes } => {
                self.connection.heard_beat();
                self.connection.link.append(|out| out.extend_from_slice(&bytes));
                self.is_congested |= self.is_outbox_full();
            }
            Packet::Bye => self.begin_closing(DisconnectReason::TransportClose, Some(Loss::Goodbye)),
            Packet::Hello { id, wire, identity, credentials, resume, max_message } => {
                return self.hello((id, resume, max_message), wire, identity, credentials, cx);
            }
            Packet::Authenticate { id, identity, credentials } => {
                self.reauthenticate(Some(id), None, Presented::new(identity, credentials), cx);
            }
            Packet::Expiring { left: _ } => self.told_expiring(),
            Packet::Connect { id, namespace, auth } => return self.ask_to_join(id, &namespace, &auth, cx),
            Packet::Joined { namespace, socket, private } => {
                self.let_in(&namespace, socket.as_deref(), private, cx);
            }
            Packet::Refusal { namespace, failure } => self.turned_away(&namespace, &failure, cx),
            Packet::Failed { id, failure } => {
                self.reply(id, None, || Answer::Failed((*failure).clone()), cx);
            }
            Packet::Disconnect { namespace, reason } => self.disconnected(&namespace, reason),
            Packet::Ping { id } => {
                self.connection.heard_beat();
                let wire = self.connection.wire();
                self.connection.link.append(|out| wire.pong(out, id));
            }
            Packet::Cancel { id } => self.cancelled(id, cx),
            Packet::Item { id, value } => self.item(id, value),
            Packet::Open { id } => self.opened(id),
            Packet::More { id, count } => self.granted(id, count),
            Packet::Close { reason } => {
                self.farewell = Some(Box::new(reason.unwrap_or("transport close").into()));
            }
            Packet::Refused { event, namespace, error } => self.refusal(namespace, event, error),
        }
        ControlFlow::Continue(())
    }

    /// The socket of a namespace. The last one is at hand: taken, not cloned, and put back after its event.
    #[inline]
    pub(crate) fn find(&mut self, namespace: &str) -> Option<Arc<SocketInner>> {
        match self.current.take() {
            Some(socket) if socket.is_in(namespace) && socket.phase() != Phase::Closed => Some(socket),
            _ => self.connection.socket(namespace),
        }
    }

    #[inline]
    pub(crate) fn event(
        &mut self,
        namespace: &str,
        incoming: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let Some(socket) = self.find(namespace) else {
            if self.connection.wire.closes_on_misplaced_packet() {
                if self.has_left(namespace) || self.connection.hub.side == Side::Client {
                    self.pass_over(namespace, incoming);
                } else {
                    self.begin_closing(DisconnectReason::ForcedServerClose, None);
                }
            } else if namespace == "/" && self.is_unknown() {
                return self.first_message(incoming, cx);
            } else if !self.join_unasked(namespace, incoming, cx) {
                let message = format!("the namespace `{}` was not joined", short_name(namespace));
                let failure = Failure::new("not_connected", message);
                self.refuse_event(namespace, incoming.event, incoming.id, failure);
            }
            return ControlFlow::Continue(());
        };
        let (socket, flow) = if let Some((id, glue)) = self.plain_route(&socket, incoming) {
            (self.run_plain(socket, (id, glue), incoming, cx), ControlFlow::Continue(()))
        } else {
            let flow = self.socket_event(&socket, incoming, cx);
            (socket, flow)
        };
        if socket.phase() != Phase::Closed {
            self.current = Some(socket);
        }
        flow
    }

    #[inline]
    fn socket_event(
        &mut self,
        socket: &Arc<SocketInner>,
        incoming: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        match socket.phase() {
            Phase::Active => self.run_event(socket, incoming, cx),
            Phase::Joining | Phase::Replaying => self.wait_early(socket, incoming, cx),
            Phase::Away | Phase::Closed => {
                self.pass_over(socket.namespace(), incoming);
                ControlFlow::Continue(())
            }
        }
    }

    /// Runs an event of an active socket.
    #[inline]
    pub(crate) fn run_event(
        &mut self,
        socket: &Arc<SocketInner>,
        incoming: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let needs = self.needs(socket, incoming);
        if needs.has(EventNeeds::TURN) {
            // What a stream waits for does not wait for the stream.
            if self.hears_of_stream(socket, incoming, cx) {
                return ControlFlow::Continue(());
            }
            match self.overload(incoming.id) {
                None => {}
                Some(Overload::Refuse(failure)) => {
                    self.refuse_event(socket.namespace(), incoming.event, incoming.id, failure);
                    return ControlFlow::Continue(());
                }
                Some(Overload::Wait) => return self.wait_in_backlog(socket, incoming),
                Some(Overload::End) => return ControlFlow::Continue(()),
            }
        }
        let asker = if needs.has(EventNeeds::SCOPE) { self.asker(incoming.meta) } else { Ok(None) };
        let asker = match asker {
            Ok(asker) => asker,
            Err(failure) => {
                self.refuse_event(socket.namespace(), incoming.event, incoming.id, failure);
                return ControlFlow::Continue(());
            }
        };
        match socket.routes().event(incoming.event) {
            Some(route) if !needs.has(EventNeeds::LISTENERS) => {
                self.run_route(socket, (route, None), incoming, asker, cx);
            }
            route => self.run_unusual(socket, route, incoming, asker, cx),
        }
        ControlFlow::Continue(())
    }

    /// Runs an event that has listeners, or no handler of its own.
    #[inline(never)]
    fn run_unusual(
        &mut self,
        socket: &Arc<SocketInner>,
        route: Option<RouteId>,
        incoming: Incoming<'_>,
        asker: Option<Asker>,
        cx: &mut Context<'_>,
    ) {
        let arguments = Arguments::new(incoming.arguments, socket.encoding());
        let event = |label| (incoming.id, label, false, incoming.arguments.len());
        let scope = Scope::of(incoming.meta, None, asker.clone(), self.connection.trace());
        let invocation = Invocation { socket, event: incoming.event, is_call: incoming.id.is_some(), scope };
        if socket.has_listeners.load(Ordering::Acquire)
            && !is_reserved(incoming.event)
            && let Some((callback, started)) = listener(socket, incoming.event, arguments)
        {
            let run = || run_listener(socket, incoming.event, arguments, callback);
            let outcome = invocation.run(None, run, cx);
            let label = EventLabel::listener(incoming.event, started);
            self.settle(socket, event(label), outcome, invocation.scope);
            return;
        }
        let (route, name) = if let Some(route) = route {
            (route, None)
        } else {
            let routes = socket.routes();
            let fallback = routes.fallback();
            if is_reserved(incoming.event) {
                if self.hears_of_stream(socket, incoming, cx) {
                    return;
                }
                if self.connection.wire.closes_on_misplaced_packet() && !incoming.event.starts_with("$/") {
                    self.malformed(&WireError::Illegal("the event's name is reserved"));
                    return;
                }
                if incoming.event == AUTHENTICATE && self.connection.hub.gate.is_some() {
                    let presented = Presented::by_event(arguments);
                    self.reauthenticate(incoming.id, Some(socket), presented, cx);
                    return;
                }
                // A catch-all must not mistake a peer's word for the protocol's own.
                let message = format!("the event name `{}` is reserved", incoming.event);
                let failure = Failure::new("not_found", message);
                self.refuse_event(socket.namespace(), incoming.event, incoming.id, failure);
                return;
            }
            let has_handler = socket.table().route(fallback).entry().is_some();
            if !has_handler
                && let Some(rule) = self.connection.hub.proxy_rule(routes.pattern(), incoming.event)
            {
                let label = EventLabel::caught(fallback, incoming.event);
                let outcome = invocation.run(None, || rule.forward(socket, incoming.event, arguments), cx);
                self.settle(socket, event(label), outcome, invocation.scope);
                return;
            }
            if incoming.event == "message" && !has_handler {
                let label = EventLabel::caught(fallback, incoming.event);
                let run = || run_callback(socket, incoming.event, arguments, &inbox(socket));
                let outcome = invocation.run(None, run, cx);
                self.settle(socket, event(label), outcome, invocation.scope);
                return;
            }
            (fallback, Some(EventName::new(incoming.event.to_owned())))
        };
        self.run_route(socket, (route, name), incoming, asker, cx);
    }

    /// Keeps an event without an id until a handler ends. `Break` when no more may wait: then reading rests.
    ///
    /// Up to there it goes on: what the running handlers wait for may be a reply of this same peer.
    #[cold]
    fn wait_in_backlog(&mut self, socket: &Arc<SocketInner>, incoming: Incoming<'_>) -> ControlFlow<()> {
        let backlog = self.backlog.get_or_insert_default();
        // The one that is too many is kept as well: it has been read.
        let waiting = incoming.into();
        let has_room = backlog.has_room(&waiting, 0, &self.connection.hub.config);
        backlog.push(Arc::clone(socket), waiting);
        if has_room {
            return ControlFlow::Continue(());
        }
        if !self.waits_for_peer() {
            return ControlFlow::Break(());
        }
        // Its answers stand behind its events: they are read on for, up to a limit.
        let bytes = self.backlog.as_ref().map_or(0, |backlog| backlog.bytes());
        if bytes > PATIENCE.saturating_mul(self.connection.hub.config.max_message) {
            let reason = "too many events wait for answers of the peer";
            self.begin_closing(DisconnectReason::Other(reason.into()), None);
        }
        ControlFlow::Continue(())
    }

    /// Runs what waits in the backlog, as far as handlers have ended and the turn goes. Whether there was any.
    pub(crate) fn run_backlog(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        while self.closing.is_none() && !self.turn.is_over() && self.has_room() {
            let Some(backlog) = &mut self.backlog else { break };
            let Some((socket, waiting)) = backlog.pop() else {
                self.backlog = None;
                break;
            };
            progress = true;
            self.turn.spend(waiting.arguments.len());
            // There is room for it, so that it is not queued here again.
            let _ = self.socket_event(&socket, (&waiting).into(), cx);
        }
        progress
    }

    /// Why an event cannot be started now.
    #[cold]
    fn overload(&mut self, id: Option<u32>) -> Option<Overload> {
        if self.draining.is_some() {
            return Some(Overload::Refuse(Failure::closing()));
        }
        if let Some(id) = id
            && self.connection.wire.has_unique_ids()
            && self.running().has_id(id)
        {
            self.malformed(&ID_IN_USE);
            return Some(Overload::End);
        }
        if self.has_room() {
            return None;
        }
        Some(match id {
            Some(_) => Overload::Refuse(Failure::new(
                "busy",
                "too many calls, or too large ones, are running on this connection",
            )),
            None => Overload::Wait,
        })
    }

    #[inline]
    fn run_route(
        &mut self,
        socket: &Arc<SocketInner>,
        (first, name): (RouteId, Option<EventName>),
        incoming: Incoming<'_>,
        asker: Option<Asker>,
        cx: &mut Context<'_>,
    ) {
        let Some(route_id) = socket.permitted(first, asker.as_ref()) else {
            self.refuse_event(socket.namespace(), incoming.event, incoming.id, socket.denied(first));
            return;
        };
        let route = self.connection.hub.table.route(route_id);
        if route.is_streaming() && !self.can_stream(incoming) {
            self.refuse_event(socket.namespace(), incoming.event, incoming.id, no_stream());
            return;
        }
        let scope = Scope::of(incoming.meta, route.timeout(), asker, self.connection.trace());
        if route.is_sequential() {
            let queued = Queued {
                id: incoming.id,
                route: route_id,
                name,
                arguments: Bytes::copy_from_slice(incoming.arguments),
                scope,
            };
            if let Some(queued) = self.running().queue(socket, queued)
                && self.run_sequential(socket, &queued, cx)
            {
                self.running().open_sequence(socket);
            }
            return;
        }
        let label = EventLabel::of(route_id, name.as_ref());
        let invocation = Invocation { socket, event: incoming.event, is_call: incoming.id.is_some(), scope };
        let outcome = invocation.run_route((route_id, name), incoming.arguments, cx);
        let event = (incoming.id, label, false, incoming.arguments.len());
        self.settle(socket, event, outcome, invocation.scope);
    }

    /// Answers an event whose handler has ended, and keeps one that waits, or streams, among the running ones. Whether
    /// it is one of those.
    #[inline]
    fn settle(
        &mut self,
        socket: &Arc<SocketInner>,
        (id, label, is_sequential, size): (Option<u32>, EventLabel, bool, usize),
        outcome: Result<Reply, HandlerFuture>,
        scope: Option<Arc<Scope>>,
    ) -> bool {
        match outcome {
            Err(future) => {
                self.running().push_event(socket, (id, label, is_sequential, size), future, scope);
                true
            }
            Ok(reply) if reply.is_stream() => {
                self.begin_stream(socket, (id, label, is_sequential), &reply, scope);
                true
            }
            Ok(reply) => {
                self.respond(socket, id, &label, reply);
                false
            }
        }
    }

    /// Runs one event of a sequence. Whether it waits for something now.
    fn run_sequential(&mut self, socket: &Arc<SocketInner>, queued: &Queued, cx: &mut Context<'_>) -> bool {
        let label = EventLabel::of(queued.route, queued.name.as_ref());
        let is_call = queued.id.is_some();
        let scope = queued.scope.clone();
        let invocation = Invocation { socket, event: label.name(socket.table()), is_call, scope };
        let outcome = invocation.run_route((queued.route, queued.name.clone()), &queued.arguments, cx);
        let scope = invocation.scope;
        self.settle(socket, (queued.id, label, true, queued.arguments.len()), outcome, scope)
    }

    /// Runs what waited for a sequential handler, up to the first one that waits itself.
    pub(crate) fn run_queued(&mut self, socket: &Arc<SocketInner>, mut queued: Queued, cx: &mut Context<'_>) {
        loop {
            let refusal = if queued.scope.as_ref().is_some_and(|scope| scope.left() == Some(Duration::ZERO)) {
                Some(Failure::timeout("the call waited too long for its turn"))
            } else {
                // Its permission may have been taken away while it waited.
                let asker = queued.scope.as_ref().and_then(|scope| scope.asker());
                (!socket.may_run(queued.route, asker)).then(|| socket.denied(queued.route))
            };
            if let Some(failure) = refusal {
                let label = EventLabel::of(queued.route, queued.name.as_ref());
                self.respond(socket, queued.id, &label, Reply::failure(failure));
            } else if self.run_sequential(socket, &queued, cx) {
                return;
            }
            self.turn.spend(queued.arguments.len());
            if self.turn.is_over() {
                let proceed = Control::Proceed(Arc::clone(socket));
                return self.connection.link.change().push_control(proceed);
            }
            match self.running().advance(socket) {
                Some(next) => queued = next,
                None => return,
            }
        }
    }

    /// Goes on with a sequence that the end of a turn interrupted.
    pub(crate) fn proceed(&mut self, socket: &Arc<SocketInner>, cx: &mut Context<'_>) {
        if let Some(next) = self.running().advance(socket) {
            self.run_queued(socket, next, cx);
        }
    }

    /// Writes the reply of an event.
    #[inline]
    pub(crate) fn respond(
        &mut self,
        socket: &Arc<SocketInner>,
        id: Option<u32>,
        label: &EventLabel,
        reply: Reply,
    ) {
        match reply.payload() {
            Some(value) => self.respond_with(socket, id, label, value),
            None => self.respond_otherwise(socket, id, label, reply),
        }
    }

    /// Writes the value that an event was replied to with.
    #[inline]
    pub(crate) fn respond_with(
        &mut self,
        socket: &Arc<SocketInner>,
        id: Option<u32>,
        label: &EventLabel,
        value: &Payload,
    ) {
        let (hub, wire) = (&self.connection.hub, self.connection.wire());
        socket.count_event(label, "ok");
        let Some(id) = id else { return };
        let written = {
            let mut shared = self.connection.link.change();
            let written = shared.outbox_reply(wire, socket.namespace(), id, value);
            self.is_congested |= shared.outbox.queued() >= hub.config.max_outbox;
            written
        };
        if let Err(failure) = written {
            self.refuse_event(socket.namespace(), label.name(socket.table()), Some(id), *failure);
        }
    }

    /// The reply of an event that failed.
    #[cold]
    fn respond_otherwise(
        &mut self,
        socket: &Arc<SocketInner>,
        id: Option<u32>,
        label: &EventLabel,
        reply: Reply,
    ) {
        // What is no value is a failure here, a stream too.
        let Err(failure) = reply.into_result() else { return };
        socket.count_event(label, failure.outcome());
        let failure = self.connection.hub.disclose(label.place(socket), *failure);
        if id.is_some() || !self.is_out(socket) {
            self.refuse_event(socket.namespace(), label.name(socket.table()), id, failure);
        }
    }

    /// A handler that had to wait has ended.
    pub(crate) fn conclude(&mut self, finished: Finished) {
        let Finished { ticket, reply, scope } = finished;
        // The peer gave it up: it does not wait for an answer.
        let Some(reply) = reply else {
            if let Purpose::Event { name, .. } | Purpose::Stream { name, .. } = &ticket.purpose {
                ticket.socket.count_event(name, "cancelled");
            }
            return;
        };
        match ticket.purpose {
            Purpose::Event { id, name, is_sequential, .. } if reply.is_stream() => {
                self.begin_stream(&ticket.socket, (id, name, is_sequential), &reply, scope);
            }
            Purpose::Event { id, name, .. } => self.respond(&ticket.socket, id, &name, reply),
            Purpose::Stream { id, name, .. } => self.end_stream(&ticket.socket, id, &name, reply),
            Purpose::Connect => self.connect_ended(&ticket.socket, reply),
            Purpose::Disconnect => {}
        }
    }
}
