//! The numbers, through the `metrics` facade. What is counted for each event has its handle since the first one; what is
//! counted for each connection is looked up.

use std::fmt;
use std::sync::OnceLock;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use crate::failure::Failure;
use crate::handler::{Side, Table};
use crate::observe::handled_by::{EventLabel, Handled};
use crate::reason::DisconnectReason;

/// How events and calls end.
const OUTCOMES: [&str; 10] = [
    "ok",
    "app",
    "refused",
    "internal",
    "panic",
    "timeout",
    "cancelled",
    "disconnected",
    "not_sent",
    "other",
];

/// The codes of refusals that are jidda's own.
const CODES: [&str; 23] = [
    "not_found",
    "bad_arguments",
    "bad_path",
    "denied",
    "too_large",
    "too_deep",
    "too_many_rooms",
    "busy",
    "not_connected",
    "already_connected",
    "closing",
    "timeout",
    "cancelled",
    "internal",
    "malformed",
    "illegal",
    "unauthenticated",
    "already_authenticated",
    "identity_changed",
    "unavailable",
    "proxy_loop",
    "streaming",
    "not_streaming",
];

/// One counter for each way to end, made when something first ended so.
#[derive(Default)]
struct Outcomes([OnceLock<Counter>; OUTCOMES.len()]);

impl Outcomes {
    fn count(&self, outcome: &'static str, make: impl FnOnce(&'static str) -> Counter) {
        let place = OUTCOMES.iter().position(|known| *known == outcome).unwrap_or(OUTCOMES.len() - 1);
        self.0[place].get_or_init(|| make(OUTCOMES[place])).increment(1);
    }
}

struct Events {
    duration: Histogram,
    outcomes: Outcomes,
}

#[derive(Default)]
struct Namespace {
    sockets: OnceLock<Gauge>,
    calls: Outcomes,
}

pub(crate) struct Metrics {
    side: &'static str,
    /// By the route's place in the table.
    events: Box<[OnceLock<Events>]>,
    /// By the namespace's place in the table.
    namespaces: Box<[Namespace]>,
    read: Counter,
    written: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(crate) fn new(side: Side, table: &Table) -> Self {
        describe();
        let side = match side {
            Side::Server => "server",
            Side::Client => "client",
        };
        Self {
            side,
            events: (0..table.route_count()).map(|_| OnceLock::new()).collect(),
            namespaces: table.namespaces().map(|_| Namespace::default()).collect(),
            read: counter!("jidda_bytes_total", "side" => side, "direction" => "in"),
            written: counter!("jidda_bytes_total", "side" => side, "direction" => "out"),
        }
    }

    /// The peer of a connection said something complete for the first time.
    pub(crate) fn connected(&self, transport: &'static str, protocol: &'static str) {
        self.connections(transport, protocol).increment(1);
        let labels = [("side", self.side), ("transport", transport), ("protocol", protocol)];
        counter!("jidda_connections_total", &labels).increment(1);
    }

    /// A connection that was connected has ended.
    pub(crate) fn disconnected(&self, transport: &'static str, protocol: &'static str) {
        self.connections(transport, protocol).decrement(1);
    }

    fn connections(&self, transport: &'static str, protocol: &'static str) -> Gauge {
        let labels = [("side", self.side), ("transport", transport), ("protocol", protocol)];
        gauge!("jidda_connections", &labels)
    }

    /// A connection ends.
    pub(crate) fn ended(&self, reason: &DisconnectReason, was_connected: bool) {
        if matches!(reason, DisconnectReason::HandshakeTimeout | DisconnectReason::AuthenticationFailed) {
            self.handshake_failed();
        }
        if was_connected {
            let reason = reason.label();
            counter!("jidda_disconnects_total", "side" => self.side, "reason" => reason).increment(1);
        }
    }

    /// A peer was not accepted as a connection.
    pub(crate) fn handshake_failed(&self) {
        counter!("jidda_handshake_failures_total", "side" => self.side).increment(1);
    }

    /// A connection was beyond a limit.
    pub(crate) fn connection_refused(&self, limit: &'static str) {
        counter!("jidda_connections_refused_total", "side" => self.side, "limit" => limit).increment(1);
    }

    fn sockets(&self, table: &Table, namespace: usize) -> &Gauge {
        let pattern = || table.namespace(namespace).pattern();
        let make = || gauge!("jidda_sockets", "side" => self.side, "namespace" => pattern());
        self.namespaces[namespace].sockets.get_or_init(make)
    }

    /// A socket was accepted.
    pub(crate) fn socket_joined(&self, table: &Table, namespace: usize) {
        self.sockets(table, namespace).increment(1);
    }

    /// A socket that had been accepted is over, or away.
    pub(crate) fn socket_left(&self, table: &Table, namespace: usize) {
        self.sockets(table, namespace).decrement(1);
    }

    /// What handled an event has ended.
    #[inline]
    pub(crate) fn event(&self, table: &Table, namespace: usize, label: &EventLabel, outcome: &'static str) {
        let route = match &label.handled {
            Handled::Route(route) | Handled::Caught(route, _) => *route,
            Handled::Listener(_) => table.namespace(namespace).fallback(),
        };
        // The names of the table: those that peers make up are all `*`.
        let name = || {
            let (namespace, event) = (table.namespace(namespace).pattern(), table.route(route).event());
            [("side", self.side), ("namespace", namespace), ("event", event)]
        };
        let events = self.events[route.index()].get_or_init(|| Events {
            duration: histogram!("jidda_event_duration_seconds", &name()),
            outcomes: Outcomes::default(),
        });
        events.duration.record(label.started.elapsed());
        events.outcomes.count(outcome, |outcome| {
            let [side, namespace, event] = name();
            counter!("jidda_events_total", &[side, namespace, event, ("outcome", outcome)])
        });
    }

    /// A call to the other side has ended.
    #[inline]
    pub(crate) fn call(&self, table: &Table, namespace: usize, outcome: &'static str) {
        self.namespaces[namespace].calls.count(outcome, |outcome| {
            let namespace = table.namespace(namespace).pattern();
            let labels = [("side", self.side), ("namespace", namespace), ("outcome", outcome)];
            counter!("jidda_calls_total", &labels)
        });
    }

    /// A peer was refused something.
    pub(crate) fn refused(&self, failure: &Failure) {
        if failure.app {
            return;
        }
        let code = CODES.into_iter().find(|code| *code == failure.code).unwrap_or("other");
        counter!("jidda_refused_total", "side" => self.side, "code" => code).increment(1);
    }

    #[inline]
    pub(crate) fn read(&self, bytes: usize) {
        self.read.increment(bytes as u64);
    }

    #[inline]
    pub(crate) fn wrote(&self, bytes: usize) {
        self.written.increment(bytes as u64);
    }
}

fn describe() {
    describe_gauge!("jidda_connections", "open connections, by transport");
    describe_counter!("jidda_connections_total", "connections there were");
    describe_counter!("jidda_disconnects_total", "connections that ended, by reason");
    describe_counter!("jidda_handshake_failures_total", "peers that were not accepted, or sent nothing");
    describe_counter!("jidda_connections_refused_total", "connections beyond a limit, by the limit");
    describe_gauge!("jidda_sockets", "sockets there are, by namespace");
    describe_counter!("jidda_events_total", "events that were handled, by how that ended");
    describe_histogram!("jidda_event_duration_seconds", Unit::Seconds, "how long events took to be handled");
    describe_counter!("jidda_calls_total", "calls to the other side, by how they ended");
    describe_counter!("jidda_refused_total", "what was refused to peers, by code");
    describe_counter!("jidda_bytes_total", Unit::Bytes, "bytes that were read and written");
}
