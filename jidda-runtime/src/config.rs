//! Limits and timings of connections, with defaults that suit an open network.

use std::time::Duration;

use crate::deadline;
use crate::error::StartProblem;

/// The largest possible message: lengths have 32 bits.
const LARGEST_MESSAGE: usize = u32::MAX as usize;
/// The deepest nesting that decoders support, since each level uses stack.
const DEEPEST: usize = 1024;
/// The longest heartbeat and the longest time-out for its answer. JavaScript clients set a timer for both together,
/// and a timer of 2^31 milliseconds or more fires at once there.
pub(crate) const LONGEST_HEARTBEAT: Duration = Duration::from_millis((1 << 30) - 1);

/// What a server or a client grants each of its connections.
///
/// It is set through the builders: `Server::builder().max_message(..)`.
///
/// `Duration::MAX` and `usize::MAX` mean no limit. An impossible limit, such as a `max_message` of 0, is an error at
/// start that names it.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The largest message in bytes, either way. Default: 1,000,000; never more than 4 GiB.
    pub(crate) max_message: usize,
    /// How deep arrays and maps may nest in one message. Default: 64; never more than 1024.
    pub(crate) max_depth: usize,
    /// How many incoming calls and events of one connection may be running at once; their arguments together have at
    /// most the size of sixteen messages. Beyond that a call is refused as `busy`, and events wait in the peer's send
    /// buffer. Default: 1024.
    pub(crate) max_in_flight: usize,
    /// How many namespaces one connection may join; their names and auth values together are no larger than one
    /// message. Default: 64.
    pub(crate) max_namespaces: usize,
    /// How many rooms the sockets of one connection may be in, all namespaces together. Beyond that
    /// [`join`](crate::Socket::join) is an error. Default: 1024.
    pub(crate) max_rooms: usize,
    /// How many bytes the name of a room, a namespace or an identity may have. A longer one is refused as `too_large`.
    /// Default: 1024.
    pub(crate) max_name: usize,
    /// How many connections a server may have at once, at all addresses and on all wires; polling sessions have a
    /// second limit of the same size. Beyond that, a connection that has sent nothing yet is evicted; if there is
    /// none, the new one is refused. Default: only the limits of the system.
    pub(crate) max_connections: usize,
    /// How many connections may be from one address; for IPv6, from one /64 network. A proxy in front of the server is
    /// one address. Default: no limit.
    pub(crate) max_connections_per_address: usize,
    /// How many connections may be pending at once: in the handshake of an encrypted address, or before their first
    /// byte. Beyond that, one of the address that has most of them is evicted, first those that have sent nothing.
    /// Default: 16,384, of which 1024 in a handshake that has begun.
    pub(crate) max_pending: usize,
    /// How many bytes may wait for a peer to read them before `emit` waits and reading from that peer pauses.
    /// A broadcast may exceed it up to twice. Beyond that the broadcast waits as long as the peer reads 256 KiB per
    /// second; a slower peer is disconnected. Default: 1 MiB.
    pub(crate) max_outbox: usize,
    /// How long a peer may read less than 32 KiB while more than that waits for it. Default: 10 s.
    pub(crate) slow_consumer: Duration,
    /// How long a new connection may take for its first complete message, or for the head of its first HTTP request,
    /// and before that for the handshake of an encrypted address. Default: 10 s.
    pub(crate) handshake_timeout: Duration,
    /// How long an HTTP connection may be idle between two requests, the head of the next one included. Default: 75 s,
    /// longer than proxies keep idle connections: the client side has to close first, otherwise it may send a request
    /// into a connection that is being closed.
    pub(crate) http_idle_timeout: Duration,
    /// How long a Socket.IO client may take to join a namespace. Default: 45 s.
    pub(crate) connect_timeout: Duration,
    /// How many binary attachments one event from or to a Socket.IO client may have. More are an error for the sender,
    /// since JavaScript clients close the connection at more. Default: 10.
    pub(crate) max_attachments: usize,
    /// How long a connection may be silent before it is pinged. Default: 25 s; from one millisecond to 12 days.
    pub(crate) heartbeat: Duration,
    /// How long the answer to a ping may take. Default: 20 s, with the same bounds. Clients of Engine.IO 3 send the
    /// pings themselves and have the sum of both times, at least 70 s: see
    /// [`HeartbeatPolicy::patience`](crate::HeartbeatPolicy::patience).
    pub(crate) heartbeat_timeout: Duration,
    /// How long a peer of plain MessagePack-RPC, which has no heartbeat, may be idle: it sends nothing, receives
    /// nothing, and no call of either side is running. Default: 10 min.
    pub(crate) plain_idle_timeout: Duration,
    /// How long a TCP connection may be silent before the system sends keep-alive probes; the peer has the same time
    /// again to answer. Zero disables the probes. Default: 60 s.
    pub(crate) tcp_keepalive: Duration,
    /// How long the body of a request to the program's own HTTP service may be silent. Default: 30 s.
    pub(crate) body_timeout: Duration,
    /// How long before its credentials expire a peer is notified. Zero disables that. Default: 30 s. Both this time
    /// and the expiry are checked every few seconds.
    pub(crate) expiry_notice: Duration,
    /// How long a `disconnect` handler may run. Default: 30 s.
    pub(crate) disconnect_timeout: Duration,
    /// How long a handler may block its task before the log names it. Default: 500 ms.
    pub(crate) blocking_limit: Duration,
    /// How long the session of a native client is kept for its reconnect. Default: 60 s.
    pub(crate) session_linger: Duration,
    /// The maximum number of such sessions. Beyond that the oldest session of the owner that has most of them is
    /// evicted: first those of peers without an identity, counted by address, then those of identities. Default:
    /// 10,000.
    pub(crate) max_lingering_sessions: usize,
    /// The time-out of calls that have none of their own. Default: 30 s for calls of a server to its clients; calls of
    /// a client wait until the connection ends.
    pub(crate) call_timeout: Option<Duration>,
    /// What happens if an identity connects while it is already connected. Default: both stay connected.
    pub(crate) duplicate_identity: DuplicateIdentity,
}

/// What happens if an identity connects while it is already connected. Connections are counted, not namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DuplicateIdentity {
    /// Both stay connected, and `server.user(..)` selects both.
    #[default]
    Allow,
    /// Closes the older connections, with the reason
    /// [`DisconnectReason::Replaced`](crate::DisconnectReason::Replaced); their clients do not reconnect.
    ReplaceOld,
    /// Refuses the newer connection as `already_connected`, until the older one has ended. After a network failure a
    /// client may have to wait for the heartbeat time-out of its old connection; jidda's client retries until then. A
    /// JavaScript client does not reconnect after a refusal unless its program calls `socket.connect()`.
    RefuseNew,
}

impl Config {
    /// What is wrong with a name that is too long, for the error that says so.
    pub(crate) fn name_problem(&self, of: &str, name: &str) -> Option<String> {
        let (size, limit) = (name.len(), self.max_name);
        (size > limit).then(|| format!("the name of the {of} has {size} bytes, the limit is {limit}"))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_message: 1_000_000,
            max_depth: 64,
            max_in_flight: 1024,
            max_namespaces: 64,
            max_rooms: 1024,
            max_name: 1024,
            max_connections: usize::MAX,
            max_connections_per_address: usize::MAX,
            max_pending: 16_384,
            max_outbox: 1 << 20,
            slow_consumer: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            http_idle_timeout: Duration::from_secs(75),
            connect_timeout: Duration::from_secs(45),
            max_attachments: 10,
            heartbeat: Duration::from_secs(25),
            heartbeat_timeout: Duration::from_secs(20),
            plain_idle_timeout: Duration::from_secs(600),
            tcp_keepalive: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            expiry_notice: Duration::from_secs(30),
            disconnect_timeout: Duration::from_secs(30),
            blocking_limit: Duration::from_millis(500),
            session_linger: Duration::from_secs(60),
            max_lingering_sessions: 10_000,
            call_timeout: None,
            duplicate_identity: DuplicateIdentity::Allow,
        }
    }
}

impl Config {
    /// The settings that cannot work.
    pub(crate) fn problems(&self) -> Vec<StartProblem> {
        let counts = [
            ("max_message", self.max_message),
            ("max_depth", self.max_depth),
            ("max_in_flight", self.max_in_flight),
            ("max_namespaces", self.max_namespaces),
            ("max_name", self.max_name),
            ("max_connections", self.max_connections),
            ("max_connections_per_address", self.max_connections_per_address),
            ("max_pending", self.max_pending),
            ("max_outbox", self.max_outbox),
        ];
        let counts = counts.into_iter().filter(|(_, count)| *count == 0);
        let mut problems: Vec<_> =
            counts.map(|(name, count)| StartProblem::setting(name, count, "it is at least 1")).collect();
        let limits = [
            ("slow_consumer", Some(self.slow_consumer)),
            ("handshake_timeout", Some(self.handshake_timeout)),
            ("connect_timeout", Some(self.connect_timeout)),
            ("heartbeat", Some(self.heartbeat)),
            ("heartbeat_timeout", Some(self.heartbeat_timeout)),
            ("http_idle_timeout", Some(self.http_idle_timeout)),
            ("plain_idle_timeout", Some(self.plain_idle_timeout)),
            ("body_timeout", Some(self.body_timeout)),
            ("blocking_limit", Some(self.blocking_limit)),
            ("call_timeout", self.call_timeout),
        ];
        problems.extend(limits.into_iter().filter_map(|(name, limit)| too_short(name, limit?)));
        problems
    }

    /// The same with limits that can be added, doubled and sent to peers: what is beyond them is out of reach anyway.
    pub(crate) fn bounded(self) -> Self {
        Self {
            max_message: self.max_message.min(LARGEST_MESSAGE),
            max_depth: self.max_depth.min(DEEPEST),
            max_outbox: self.max_outbox.min(usize::MAX / 4),
            slow_consumer: deadline::bounded(self.slow_consumer),
            handshake_timeout: deadline::bounded(self.handshake_timeout),
            connect_timeout: deadline::bounded(self.connect_timeout),
            http_idle_timeout: deadline::bounded(self.http_idle_timeout),
            plain_idle_timeout: deadline::bounded(self.plain_idle_timeout),
            body_timeout: deadline::bounded(self.body_timeout),
            heartbeat: self.heartbeat.min(LONGEST_HEARTBEAT),
            heartbeat_timeout: self.heartbeat_timeout.min(LONGEST_HEARTBEAT),
            expiry_notice: deadline::bounded(self.expiry_notice),
            disconnect_timeout: deadline::bounded(self.disconnect_timeout),
            session_linger: deadline::bounded(self.session_linger),
            call_timeout: self.call_timeout.map(deadline::bounded),
            ..self
        }
    }
}

/// What is wrong with a time-out that nothing could keep. The protocols count in milliseconds.
pub(crate) fn too_short(name: &'static str, limit: Duration) -> Option<StartProblem> {
    (limit < Duration::from_millis(1))
        .then(|| StartProblem::setting(name, limit, "it is at least a millisecond"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each limit is on the page of all limits.
    #[test]
    fn every_limit_is_documented() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
        let page = std::fs::read_to_string(page).expect("the page of all limits");
        let shown = format!("{:#?}", Config::default());
        let fields = shown.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(':'));
        let names: Vec<_> =
            fields.map(|(name, _)| name).filter(|name| *name != "duplicate_identity").collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            assert!(page.contains(&format!("`{name}`")), "`{name}` is missing");
        }
    }

    #[test]
    fn the_defaults_are_within_bounds() {
        let config = Config::default();
        assert!(config.problems().is_empty(), "{:?}", config.problems());
        assert_eq!(format!("{:?}", config.clone().bounded()), format!("{config:?}"));
    }

    #[test]
    fn the_times_sent_to_javascript_clients_fit_their_timers() {
        let config =
            Config { heartbeat: Duration::MAX, heartbeat_timeout: Duration::MAX, ..Config::default() };
        let config = config.bounded();
        let timer = deadline::milliseconds(config.heartbeat + config.heartbeat_timeout);
        assert!(i32::try_from(timer).is_ok(), "{timer}");
    }
}
