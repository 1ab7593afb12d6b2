//! How connections and sockets begin and end.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::Deserialize;
use smallvec::SmallVec;
use tokio::io::AsyncWrite;

use crate::driver::closing::{Closing, Loss};
use crate::driver::in_flight::{Purpose, Ticket};
use crate::driver::incoming::Incoming;
use crate::driver::invocation::Invocation;
use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::foreign::{printable, short_name, shown};
use crate::guard::{Guarded, wake_all};
use crate::handler::{self, Arguments, Origin, Reply, Scope, Side};
use crate::id::SocketId;
use crate::link::backlog::Backlog;
use crate::link::shared_state::{Control, LinkStatus};
use crate::objects::SocketInner;
use crate::objects::socket_state::Extra;
use crate::objects::socket_state::Phase;
use crate::objects::waiters::Waiters;
use crate::observe::report::Place;
use crate::payload::{Payload, decode_msgpack, encode_arguments_into, list_of};
use crate::reason::DisconnectReason;
use crate::wire::{Protocol, WireError};

/// How long a closed connection stays to let its last words be read.
const LINGER: Duration = Duration::from_secs(2);

impl Driver {
    /// A peer asks to join a namespace.
    pub(crate) fn connect(&mut self, id: u32, namespace: &str, auth: &[u8], cx: &mut Context<'_>) {
        let wire = self.connection.wire();
        self.take_left(namespace);
        if wire.closes_on_misplaced_packet() && self.connection.socket(namespace).is_some() {
            return self.begin_closing(DisconnectReason::ForcedServerClose, None);
        }
        let refusal = if self.connection.hub.side == Side::Client {
            Some(Failure::new("not_found", "a client has no namespaces to join"))
        } else if self.draining.is_some() {
            Some(Failure::new("closing", "the server is shutting down"))
        } else if let Some(problem) = self.connection.hub.config.name_problem("namespace", namespace) {
            Some(Failure::new("too_large", problem))
        } else if namespace.contains(':') {
            // A method is cut at its first `:`, so that no event could ever be sent to it.
            Some(Failure::new(
                "not_found",
                format!("there is no namespace `{}`: it contains a colon", short_name(namespace)),
            ))
        } else if self.connection.socket(namespace).is_some() {
            let message = format!("the namespace `{}` was joined before", short_name(namespace));
            Some(Failure::new("already_connected", message))
        } else if self.has_too_many_namespaces() {
            Some(Failure::new("busy", "too many namespaces on this connection"))
        } else if !self.connection.has_room_for_socket(namespace.len() + auth.len()) {
            let limit = self.connection.hub.config.max_message;
            let message = format!("the names and auth values of all namespaces have more than {limit} bytes");
            Some(Failure::new("too_large", message))
        } else {
            match self.connection.open_socket(namespace) {
                Some(socket) => {
                    socket.state.lock().connect_id = Some(id);
                    self.run_connect(&socket, auth, cx);
                    None
                }
                None => {
                    self.connection.link.append(|out| wire.unknown_namespace(out, namespace, id));
                    None
                }
            }
        };
        if let Some(failure) = refusal {
            self.connection.hub.metrics.refused(&failure);
            self.connection
                .link
                .append_failure(&failure, |out, failure| wire.connect_refused(out, namespace, id, failure));
        }
    }

    /// Those that were left count for as long as their handlers run: a peer that joins and leaves in a loop would
    /// otherwise have as many of them as it likes.
    fn has_too_many_namespaces(&self) -> bool {
        let limit = self.connection.hub.config.max_namespaces;
        let others = self.running.as_ref().map_or(0, |running| running.others());
        others >= limit || self.connection.sockets.lock().len() >= limit
    }

    /// A peer of plain MessagePack-RPC joins the root namespace by its first message, which waits like every message
    /// that is received before its socket is accepted. Returns `false` if the message does not join.
    pub(crate) fn join_unasked(
        &mut self,
        namespace: &str,
        first: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> bool {
        let hub = &self.connection.hub;
        let is_plain = !self.connection.link.speaks_native();
        if hub.side == Side::Client || namespace != "/" || !is_plain || !self.connection.sockets().is_empty()
        {
            return false;
        }
        let Some(socket) = self.connection.open_socket("/") else { return false };
        socket.extra(|extra| extra.early.push((), first.into()));
        self.run_connect(&socket, &[], cx);
        if socket.phase() == Phase::Replaying {
            // Here and now: what follows in the same read must not overtake it.
            self.replay(&socket, cx);
        }
        true
    }

    /// Runs the `connect` handler of a new socket.
    fn run_connect(&mut self, socket: &Arc<SocketInner>, auth: &[u8], cx: &mut Context<'_>) {
        // No auth value at all: an optional argument is `None`, another one is missing.
        let auth = (!auth.is_empty()).then(|| Payload::from_bytes(auth, socket.encoding()));
        let list = list_of(auth.as_ref(), socket.encoding());
        if auth.is_some() {
            socket.extra(|extra| extra.auth = auth);
        }
        let Some(route) = socket.permitted(socket.routes().connect(), None) else {
            let refusal = socket.denied(socket.routes().connect());
            return self.connect_ended(socket, Reply::failure(refusal));
        };
        let scope = Scope::of(None, None, None, self.connection.trace());
        let invocation = Invocation { socket, event: "connect", is_call: true, scope };
        match invocation.run_route((route, None), &list, cx) {
            Ok(reply) => self.connect_ended(socket, reply),
            Err(future) => {
                let ticket = Ticket { socket: Arc::clone(socket), purpose: Purpose::Connect };
                self.running().push(ticket, future, invocation.scope);
            }
        }
    }

    /// A `connect` handler has ended: the socket is accepted, refused, or disconnected if it was accepted.
    pub(crate) fn connect_ended(&mut self, socket: &Arc<SocketInner>, reply: Reply) {
        let failure = match reply.into_result() {
            Ok(_) => return socket.accept(),
            Err(failure) => {
                let place = Place::route(socket, socket.routes().connect(), None);
                let told = self.connection.hub.disclose(place, *failure);
                self.connection.hub.metrics.refused(&told);
                told
            }
        };
        if self.connection.hub.side == Side::Client {
            tracing::warn!(
                namespace = &*shown(socket.namespace()),
                "a client's connect handler failed: {failure}"
            );
            return;
        }
        let (was_joining, connect_id, early) = {
            let mut state = socket.state.lock();
            if socket.phase() == Phase::Joining {
                socket.enter(Phase::Closed);
                (true, state.connect_id.take(), std::mem::take(&mut state.extra().early))
            } else {
                (false, None, Backlog::default())
            }
        };
        if !was_joining {
            return self.leave(socket, DisconnectReason::Other(failure.to_string().into()));
        }
        let wire = self.connection.wire();
        if let Some(id) = connect_id {
            self.connection.link.append_failure(&failure, |out, told| {
                wire.connect_refused(out, socket.namespace(), id, told);
            });
        }
        socket.end(&DisconnectReason::Other(failure.message.clone()));
        // Its handler may have joined rooms before it refused.
        socket.rooms.exit(socket.key);
        self.connection.forget_socket(socket);
        self.note_left(socket.namespace());
        // Early events are answered with the refusal, too.
        self.refuse_early(socket, early, &failure);
        if connect_id.is_none() || !wire.has_namespaces() {
            // There is nothing else that the peer could try.
            let reason = DisconnectReason::Other(failure.to_string().into());
            self.begin_closing(reason, None);
        }
        socket.release();
    }

    /// Runs the events that were received before a socket was accepted.
    pub(crate) fn replay(&mut self, socket: &Arc<SocketInner>, cx: &mut Context<'_>) {
        while self.closing.is_none() {
            // Those of this socket in the backlog were received before those that follow here.
            self.run_backlog(cx);
            if self.turn.is_over() {
                let accepted = Control::Accepted(Arc::clone(socket));
                return self.connection.link.change().push_control(accepted);
            }
            let early = {
                let mut state = socket.state.lock();
                let early = state.extra().early.pop();
                if early.is_none() {
                    if socket.phase() == Phase::Replaying {
                        socket.enter(Phase::Active);
                    }
                    state.tidy();
                }
                early
            };
            let Some(((), early)) = early else { return };
            self.turn.spend(early.arguments.len());
            if let (Some(id), Some(running)) = (early.id, &mut self.running) {
                running.forget_early(id);
            }
            self.is_full |= self.run_event(socket, (&early).into(), cx).is_break();
        }
    }

    /// The server's answer to our wish to join: the socket lives from here on, before anything else is read.
    pub(crate) fn joined(&mut self, socket: &Arc<SocketInner>, granted: Option<&[u8]>, cx: &mut Context<'_>) {
        #[derive(Deserialize)]
        struct Granted {
            id: String,
        }
        let Some(granted) = granted else {
            let _state = socket.state.lock();
            if socket.phase() == Phase::Joining {
                socket.enter(Phase::Away);
            }
            return;
        };
        let granted: Option<Granted> = decode_msgpack(granted).ok();
        socket.activate(granted.and_then(|granted| SocketId::parse(&granted.id)));
        self.run_connect(socket, &[], cx);
    }

    /// The peer left a namespace, or removed our socket from it.
    pub(crate) fn disconnected(&mut self, namespace: &str, reason: Option<&str>) {
        let Some(socket) = self.connection.socket(namespace) else {
            let is_misplaced =
                self.connection.wire.closes_on_misplaced_packet() && !self.take_left(namespace);
            if is_misplaced && self.connection.hub.side == Side::Server {
                self.begin_closing(DisconnectReason::ForcedServerClose, None);
            }
            return;
        };
        let reason = reason.map_or_else(
            || match self.connection.hub.side {
                Side::Server => DisconnectReason::ClientDisconnect,
                Side::Client => DisconnectReason::ServerDisconnect,
            },
            DisconnectReason::from,
        );
        let is_sent_away = self.connection.hub.side == Side::Client
            && self.connection.wire.closes_on_misplaced_packet()
            && self.connection.sockets().len() == 1;
        if is_sent_away {
            // There is nothing else that the connection is for, and it is not to be made again.
            return self.begin_closing(reason, None);
        }
        self.part(&socket, reason);
    }

    /// This side leaves a namespace.
    pub(crate) fn leave(&mut self, socket: &Arc<SocketInner>, reason: DisconnectReason) {
        let (connect_id, is_over) = {
            let mut state = socket.state.lock();
            (state.connect_id.take(), matches!(socket.phase(), Phase::Closed))
        };
        if is_over {
            return;
        }
        let wire = self.connection.wire();
        if !wire.has_namespaces() {
            return self.begin_closing(reason, None);
        }
        let lost = {
            let mut shared = self.connection.link.change();
            match connect_id {
                Some(id) => {
                    let failure = Failure::new("denied", reason.as_str().to_owned());
                    shared
                        .tell(&failure, |out, told| wire.connect_refused(out, socket.namespace(), id, told));
                }
                None => {
                    shared.outbox.append(|out| wire.disconnect(out, socket.namespace(), reason.as_str()));
                }
            }
            // What waits for room would arrive behind that.
            shared.take_line_of(socket.key)
        };
        lost.settle();
        self.part(socket, reason);
    }

    /// Ends one socket while its connection goes on.
    fn part(&mut self, socket: &Arc<SocketInner>, reason: DisconnectReason) {
        let (connect_id, early) = {
            let mut state = socket.state.lock();
            let early = state.extra.as_mut().map(|extra| std::mem::take(&mut extra.early));
            (state.connect_id.take(), early.unwrap_or_default())
        };
        let was_accepted = socket.end(&reason);
        let message = format!("the namespace `{}` was left", short_name(socket.namespace()));
        let failure = Failure::new("not_connected", message);
        if let Some(id) = connect_id {
            let wire = self.connection.wire();
            self.connection.link.append_failure(&failure, |out, told| {
                wire.connect_refused(out, socket.namespace(), id, told);
            });
        }
        self.connection.forget_socket(socket);
        self.note_left(socket.namespace());
        self.current = None;
        if self.connection.wire.closes_on_misplaced_packet() {
            // Its peer answers none of them any more, since it has no socket there either.
            let wakers = self.connection.link.change().calls.fail_of(socket.mark());
            wakers.into_iter().for_each(Waker::wake);
        }
        self.running().wake_streams();
        let ticket = Ticket { socket: Arc::clone(socket), purpose: Purpose::Disconnect };
        let farewell = farewell(Arc::clone(socket), reason, was_accepted);
        let encoding = socket.encoding();
        self.running().push(
            ticket,
            Box::pin(async move {
                farewell.await;
                Reply::value(&(), encoding)
            }),
            None,
        );
        // Last: a refusal that a plain peer has no form for ends the connection, which ends the handlers of
        // the sockets it finds, and to those that run.
        self.refuse_early(socket, early, &failure);
    }

    /// Nothing new is begun, and streams end; the connection closes when no handler runs any more.
    pub(crate) fn drain(&mut self, reason: DisconnectReason) {
        if self.draining.is_none() {
            let wire = self.connection.wire();
            self.connection.link.append(|out| wire.close_reason(out, reason.as_str()));
            self.draining = Some(Box::new(reason));
            if let Some(running) = &self.running {
                running.end_streams();
            }
        }
    }

    /// Bytes that are no packets: the peer receives the error, then the connection closes.
    pub(crate) fn malformed(&mut self, error: &WireError) {
        let connection = self.connection.id;
        tracing::debug!(%connection, error = %printable(&error), "the peer breaks the protocol");
        let wire = self.connection.wire();
        if let Some(id) = error.id() {
            let failure = Failure::new(error.code(), error.to_string());
            self.connection.link.append_failure(&failure, |out, failure| wire.failure(out, "/", id, failure));
        }
        self.connection.link.append(|out| {
            wire.close_reason(out, &error.to_string());
            wire.close(out, Some(error));
        });
        // A client comes back from what its server said wrongly: the next one may know better.
        let is_client = self.connection.negotiated().is_some();
        self.end_all(if is_client { DisconnectReason::ParseError } else { error.reason() }, None);
    }

    /// Ends the connection and all its sockets. `loss` is given if the stream ended first.
    pub(crate) fn begin_closing(&mut self, reason: DisconnectReason, loss: Option<Loss>) {
        if self.closing.is_some() {
            return;
        }
        if matches!(loss, None | Some(Loss::Goodbye)) {
            let wire = self.connection.wire();
            let is_final = matches!(reason, DisconnectReason::ForcedClose | DisconnectReason::Replaced)
                || (reason == DisconnectReason::ClientDisconnect && self.connection.hub.side == Side::Client);
            let leaves = is_final && wire.closes_on_misplaced_packet() && wire.has_namespaces();
            let sockets = if leaves { self.connection.sockets() } else { SmallVec::new() };
            self.connection.link.append(|out| {
                // Its clients reconnect after the end of a connection, but not after that of a namespace.
                for socket in &sockets {
                    wire.disconnect(out, socket.namespace(), reason.as_str());
                }
                wire.close_reason(out, reason.as_str());
                wire.close(out, None);
            });
        }
        self.end_all(reason, loss);
    }

    pub(crate) fn end_all(&mut self, reason: DisconnectReason, loss: Option<Loss>) {
        if self.closing.is_some() {
            return;
        }
        // What this side has asked for goes before what the stream met in the same moment.
        let asked_for = self.connection.link.change().ending().cloned();
        let is_asked_for = asked_for.is_some();
        let reason = asked_for.unwrap_or(reason);
        match reason {
            _ if loss.is_some() => {}
            // Nobody reads any more, or nothing is left to be said.
            DisconnectReason::PingTimeout | DisconnectReason::SlowConsumer | DisconnectReason::ParseError => {
                self.stream().abandon();
            }
            _ => self.stream().finish(),
        }
        self.connection.record_reason(&reason);
        self.connection.hub.metrics.ended(&reason, self.is_counted);
        // The farewell of one that never let us in counts for nothing: its answer to the hello does.
        let is_believed = loss.is_none() || self.connection.link.speaks_native();
        let is_final = self.connection.hub.side == Side::Server
            || is_asked_for
            || (!reason.invites_return() && is_believed);
        let (unsent, wakers) = {
            let mut shared = self.connection.link.change();
            shared.status = if is_final { LinkStatus::Closed } else { LinkStatus::Away };
            shared.speaks_native = false;
            let is_broken = loss == Some(Loss::Broken);
            let shared = &mut *shared;
            let outbox = &shared.outbox;
            // What is still going to be written may be executed.
            let mut wakers = shared.calls.fail_all(|place| is_broken && outbox.is_unwritten(place));
            let mut unsent = shared.end_waiting();
            wakers.append(&mut unsent.wakers);
            if is_broken {
                self.writing = None;
                shared.outbox.clear();
            }
            (unsent, wakers)
        };
        wake_all(wakers);
        let mut farewells: Vec<_> =
            self.running.take().into_iter().flat_map(|running| running.into_farewells()).collect();
        self.current = None;
        for socket in self.connection.sockets() {
            let was_accepted = if is_final { socket.end(&reason) } else { socket.go_away() };
            farewells.push(farewell(socket, reason.clone(), was_accepted).boxed());
        }
        // Now that the sockets know that their connection is lost: what a client was about to send may be kept for its
        // return.
        unsent.settle();
        if is_final {
            let sockets = std::mem::take(&mut *self.connection.sockets.lock());
            drop(sockets);
        }
        self.closing = Some(Box::new(Closing {
            reason,
            handlers: (!farewells.is_empty()).then(|| join_all(farewells).map(|_| ()).boxed()),
            limit: Box::pin(tokio::time::sleep(LINGER)),
            is_shut: loss == Some(Loss::Broken),
            is_over: loss.is_some(),
            is_goodbye: loss == Some(Loss::Goodbye),
        }));
    }

    /// Runs the `disconnect` handlers, writes what is left and waits a little for the peer to have read it.
    pub(crate) fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<DisconnectReason> {
        let mut closing = self.closing.take().expect("only called while closing");
        if let Some(handlers) = &mut closing.handlers
            && handlers.as_mut().poll(cx).is_ready()
        {
            closing.handlers = None;
        }
        let mut is_stuck = false;
        if !closing.is_shut {
            if closing.is_goodbye && closing.handlers.is_none() {
                self.stream().hold_until_dropped();
            }
            self.closing = Some(closing);
            is_stuck = self.write(cx);
            if self.turn.is_over() {
                // There may be more to write.
                cx.waker().wake_by_ref();
                is_stuck = true;
            }
            closing = self.closing.take().expect("put there above");
            // The end of the stream is enough for a peer that waits for nothing else.
            let is_done = closing.is_goodbye && self.stream().closes_by_dropping();
            closing.is_shut = !is_stuck && (is_done || self.stream().poll_shutdown(cx).is_ready());
        }
        if !closing.is_over && !is_stuck {
            closing.is_over = self.discard(cx);
        }
        let is_done = closing.is_shut && closing.is_over;
        // A peer that closes at once needs no timer.
        let is_late = !is_done && closing.limit.as_mut().poll(cx).is_ready();
        if closing.handlers.is_none() && (is_done || is_late) {
            return Poll::Ready(closing.reason);
        }
        self.closing = Some(closing);
        Poll::Pending
    }
}

/// Runs a socket's `disconnect` handler, during which its rooms are still there, and then frees what it held.
async fn farewell(socket: Arc<SocketInner>, reason: DisconnectReason, was_accepted: bool) {
    let route = socket.routes().disconnect().and_then(|first| socket.permitted(first, None));
    if was_accepted && let Some(route) = route {
        let limit = socket.connection.hub.config.disconnect_timeout;
        let mut arguments = Vec::new();
        let context = handler::Context::new(Arc::clone(&socket) as Arc<dyn Origin>, route, None);
        let handler = async {
            encode_arguments_into(&mut arguments, &(reason,), socket.encoding()).ok();
            let glue = socket.table().route(route).glue();
            let arguments = Arguments::new(&arguments, socket.encoding());
            let invocation = Invocation { socket: &socket, event: "disconnect", is_call: false, scope: None };
            invocation.dispatch(|| glue(&context, arguments)).reply().await
        };
        let (hub, place) = (&socket.connection.hub, Place::route(&socket, route, None));
        let report = |failure: Box<Failure>| drop(hub.disclose(place.destructor(), *failure));
        let failure = match tokio::time::timeout(limit, Guarded::new(handler, report)).await {
            Ok(ended) => ended.and_then(Reply::into_result).err().map(|failure| *failure),
            Err(_late) => Some(Failure::timeout(format!("a disconnect handler took longer than {limit:?}"))),
        };
        if let Some(failure) = failure {
            hub.disclose(place, failure);
        }
    }
    socket.rooms.exit(socket.key);
    socket.release();
}

impl SocketInner {
    /// Ends the socket and wakes its waiters. Whether it had been accepted.
    pub(crate) fn end(self: &Arc<Self>, reason: &DisconnectReason) -> bool {
        let (was_accepted, waiters, jobs, unsent) = {
            let mut state = self.state.lock();
            let before = self.enter(Phase::Closed);
            state.reason.get_or_insert_with(|| Box::new(reason.clone()));
            let extra = state.extra();
            let waiters = [std::mem::take(&mut extra.receivers), std::mem::take(&mut extra.closed)];
            let unsent = extra.held.take();
            (matches!(before, Phase::Active | Phase::Replaying), waiters, extra.jobs.take(), unsent)
        };
        if was_accepted {
            self.count_left();
        }
        // Not while it is locked: what is woken, or dropped, may use the socket.
        if let Some(jobs) = jobs {
            jobs.cancel();
        }
        waiters.into_iter().for_each(Waiters::wake);
        let failure = |_| Failure::new("not_connected", format!("the socket is closed: {reason}"));
        self.report_unsent(&unsent, failure);
        was_accepted
    }

    /// A client's socket loses its connection, and waits for the next one. Whether it had been connected.
    pub(crate) fn go_away(&self) -> bool {
        let (was_accepted, jobs) = {
            let mut state = self.state.lock();
            if self.phase() == Phase::Closed {
                return false;
            }
            let before = self.enter(Phase::Away);
            let jobs = state.extra.as_mut().and_then(|extra| extra.jobs.take());
            (matches!(before, Phase::Active | Phase::Replaying), jobs)
        };
        if was_accepted {
            self.count_left();
        }
        if let Some(jobs) = jobs {
            jobs.cancel();
        }
        was_accepted
    }

    /// Frees what the socket holds, which may hold the socket itself.
    pub(crate) fn release(self: &Arc<Self>) {
        if self.phase() != Phase::Closed {
            return;
        }
        let (values, listeners, refused, claim) = self.extra(|extra| {
            extra.is_released = true;
            let Extra { values, listeners, refused, claim, .. } = extra;
            (std::mem::take(values), std::mem::take(listeners), refused.take(), claim.take())
        });
        let (hub, place) = (&self.connection.hub, Place::kept(self));
        hub.discard_values(place, values);
        hub.discard_listeners(place, listeners);
        hub.discard(place, refused);
        drop(claim);
    }
}
