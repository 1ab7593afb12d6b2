//! The peer of a connection: its address, and what it sent with its handshake.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Serialize, Serializer};

use crate::payload::Value;
use crate::trace::TraceContext;

/// The address of the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerAddress {
    /// A TCP peer.
    Tcp(SocketAddr),
    /// A TCP server by the name a client connects to.
    Name(Box<str>),
    /// A Unix socket's peer; those have no address of their own.
    Unix,
    /// A peer in the same process, by the name of the in-memory address.
    Memory(Box<str>),
    /// A peer of a foreign HTTP server, such as axum, that did not give its address.
    Unknown,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Unix => f.write_str("unix"),
            Self::Memory(name) => write!(f, "mem:{name}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A peer's address as each connection keeps it: one of the fourth version needs no allocation, and no more than its
/// bytes.
#[derive(Debug)]
pub(crate) enum CompactPeer {
    V4(SocketAddrV4),
    Other(Box<PeerAddress>),
}

impl From<PeerAddress> for CompactPeer {
    fn from(address: PeerAddress) -> Self {
        match address {
            PeerAddress::Tcp(SocketAddr::V4(address)) => Self::V4(address),
            other => Self::Other(Box::new(other)),
        }
    }
}

impl CompactPeer {
    pub(crate) fn to_address(&self) -> PeerAddress {
        match self {
            Self::V4(address) => PeerAddress::Tcp(SocketAddr::V4(*address)),
            Self::Other(other) => (**other).clone(),
        }
    }
}

impl fmt::Display for CompactPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::Other(other) => other.fmt(f),
        }
    }
}

/// What carries the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// A TCP connection in clear text.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// Noise over TCP.
    Noise,
    /// A Unix socket.
    Unix,
    /// Memory of the same process.
    Memory,
    /// HTTP requests that wait for their response, of Engine.IO clients.
    Polling,
    /// A WebSocket, of Engine.IO clients.
    WebSocket,
}

impl Transport {
    /// Returns the name that logs and the Engine.IO protocol use: `tcp`, `tls`, `noise`, `unix`, `memory`, `polling`,
    /// `websocket`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Noise => "noise",
            Self::Unix => "unix",
            Self::Memory => "memory",
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As its [name](Transport::as_str).
impl Serialize for Transport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A point in time that prints as RFC 3339 in UTC, to the second: `2026-11-21T08:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub SystemTime);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds(self.0).fmt(f)
    }
}

/// What protects a connection, and what its handshake proved of the other end. Nothing in it is a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// TLS. The certificates are those that the peer proved to own, its own first, as DER; none if it showed none.
    Tls {
        /// The chain.
        certificates: Vec<Bytes>,
    },
    /// Noise, with the static public key that the peer proved to own.
    Noise {
        /// The key.
        key: [u8; 32],
    },
}

/// The request that a connection began with: one piece of text, since it is kept as long as the connection.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The target, then a line for each header, a colon behind its name.
    text: Box<str>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold secrets.
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

impl Request {
    /// Keeps the target and the headers; a header's bytes that are no UTF-8 become replacement characters.
    pub(crate) fn new(uri: &http::Uri, headers: &http::HeaderMap) -> Self {
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let fields: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
        let mut text = String::with_capacity(target.len() + fields);
        text.push_str(target);
        for (name, value) in headers {
            text.push('\n');
            text.push_str(name.as_str());
            text.push(':');
            match std::str::from_utf8(value.as_bytes()) {
                Ok(value) => text.push_str(value),
                Err(_) => text.push_str(&String::from_utf8_lossy(value.as_bytes())),
            }
        }
        Self { text: text.into() }
    }

    fn headers(&self) -> HeaderMap {
        let lines = self.text.lines().skip(1).filter_map(|line| line.split_once(':'));
        // They were headers before they were written here, so that none is left out.
        let headers = lines.filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
        });
        headers.collect()
    }

    /// The trace that the request is part of.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        // Most have none: no list of the others is made for that.
        if !self.text.contains("\ntraceparent:") {
            return None;
        }
        let headers = self.headers();
        let all = |name: &str| -> Vec<_> {
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect()
        };
        match &all("traceparent")[..] {
            // A request that names several is part of none.
            [parent] => TraceContext::parse(parent.trim(), Some(&all("tracestate").join(","))),
            _ => None,
        }
    }

    fn query(&self) -> Vec<(String, String)> {
        let target = self.text.lines().next().unwrap_or_default();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

/// What a peer said when it joined a namespace.
///
/// On the native wire there are no headers and no query; both are empty there.
#[derive(Clone)]
#[non_exhaustive]
pub struct Handshake {
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The query parameters of the request, in their order.
    pub query: Vec<(String, String)>,
    /// When the connection was opened.
    pub time: Time,
    /// The auth value sent with the namespace's connect; `Nil` when there was none.
    pub auth: Value,
    /// What the peer presents to an [`Authenticator`](crate::Authenticator): the native hello's credentials, or the
    /// auth value of a Socket.IO client's first CONNECT. `Nil` when there is nothing, and for everyone else: secrets
    /// are not kept.
    pub credentials: Value,
    /// Who the peer says it is, in its native hello: a claim, for an authenticator only.
    pub claimed_identity: Option<String>,
    /// What carries the bytes of the connection.
    pub transport: Transport,
    /// The protocol spoken on it: `msgpack-rpc`, `socket.io/5`, `socket.io/4`, `engine.io/4`, `engine.io/3`.
    pub protocol: &'static str,
    /// The address of the peer.
    pub peer: PeerAddress,
    /// What protects the connection, as a server knows it; `None` when it is clear text.
    pub security: Option<Security>,
}

/// Without what may be secret: the auth value, credentials, what the query says, some headers.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |name: &HeaderName| {
            [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION].contains(name)
        };
        let shown = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = if secret(name) { HeaderValue::from_static("..") } else { value.clone() };
            (name.clone(), value)
        };
        f.debug_struct("Handshake")
            .field("headers", &self.headers.iter().map(shown).collect::<HeaderMap>())
            .field("query", &self.query.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("time", &self.time)
            .field("claimed_identity", &self.claimed_identity)
            .field("transport", &self.transport)
            .field("protocol", &self.protocol)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Handshake {
    /// Adds what the request said.
    pub(crate) fn with_request(mut self, request: Option<&Request>) -> Self {
        if let Some(request) = request {
            self.headers = request.headers();
            self.query = request.query();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_back() {
        let uri = "http://a/socket.io/?EIO=4&name=a%20b&name=c".parse().unwrap();
        let mut headers = http::HeaderMap::new();
        headers.append("cookie", "a=1: 2".parse().unwrap());
        headers.append("cookie", "b=2".parse().unwrap());
        let request = Request::new(&uri, &headers);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(request.query(), [pair("EIO", "4"), pair("name", "a b"), pair("name", "c")]);
        assert_eq!(request.headers(), headers);
    }
}
