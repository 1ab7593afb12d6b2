//! Who is at the other end, and what it said when it came.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

use crate::payload::Value;

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
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
            Self::Unix => f.write_str("unix"),
            Self::Memory(name) => write!(f, "mem:{name}"),
        }
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

/// What a peer said when it joined a namespace.
///
/// On the native wire there are no headers and no query; both are empty there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Handshake {
    /// The request's headers, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The request's query parameters, in the order they came.
    pub query: Vec<(String, String)>,
    /// When the connection was opened.
    pub time: Time,
    /// The auth value sent with the namespace's connect; `Nil` when there was none.
    pub auth: Value,
    /// The medium: `tcp`, `unix`, `memory`.
    pub transport: &'static str,
    /// The protocol spoken on it: `msgpack-rpc`.
    pub protocol: &'static str,
    /// The address of the peer.
    pub peer: PeerAddress,
}
