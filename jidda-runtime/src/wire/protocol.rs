//! What a protocol of a connection can do: one implementation in the folder of each.

use std::time::Duration;

use serde::Serialize;

use super::failure::read_failure;
use super::{Decoder, Limits, Meta, Packet, WireError};
use crate::failure::{Failure, Told};
use crate::id::SessionId;
use crate::payload::{CodecError, Encoding, Payload};

/// Which side sends pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// A side that received nothing for a while; each ping has a number.
    WhenSilent,
    /// The server, in every interval.
    Always,
    /// The client.
    Theirs,
}

/// What a server sends at the beginning of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    /// Whether the peer may upgrade to a WebSocket.
    pub upgrades: bool,
    /// The connection's session.
    pub session: &'a str,
    /// How long the connection may be silent.
    pub heartbeat: Duration,
    /// How long the answer to a ping may take.
    pub timeout: Duration,
    /// The largest message in bytes.
    pub max_message: usize,
    /// How many calls of the connection run at once.
    pub max_in_flight: usize,
    /// The identity of the peer, if it is authenticated.
    pub identity: Option<&'a str>,
    /// How long that stays valid.
    pub expires: Option<Duration>,
}

/// How a client introduces itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Introduction<'a> {
    /// The identity that it claims.
    pub identity: Option<&'a str>,
    /// The credentials, encoded as `MessagePack`.
    pub credentials: Option<&'a Payload>,
    /// The session to resume.
    pub resume: Option<&'a SessionId>,
    /// The largest message it takes, in bytes.
    pub max_message: Option<usize>,
}

/// How packets are read and written on a connection, without any I/O.
///
/// What a protocol has no form for is left as the default: nothing is written.
pub trait Protocol: Copy {
    /// The protocol's name.
    fn name(self) -> &'static str;

    /// How values are encoded.
    fn encoding(self) -> Encoding;

    /// Which side sends pings.
    fn heartbeat(self) -> Heartbeat;

    /// Whether the numbers of a peer's requests are unique in its connection, so that one can be cancelled. Otherwise
    /// each namespace has numbers of its own.
    fn has_unique_ids(self) -> bool {
        false
    }

    /// Whether a packet that is not expected in the present state closes the connection. Otherwise it is answered with an
    /// error.
    fn closes_on_misplaced_packet(self) -> bool {
        true
    }

    /// Whether the root namespace is joined by connecting, without a packet.
    fn auto_joins_root(self) -> bool {
        false
    }

    /// Whether a connection can continue after it left a namespace.
    fn has_namespaces(self) -> bool {
        true
    }

    /// Whether the id of a socket is that of its session: the clients know no other.
    fn socket_id_is_session_id(self) -> bool {
        false
    }

    /// Whether a request can ask for a streaming reply.
    fn has_streams(self) -> bool {
        false
    }

    /// Whether the items of a streaming reply are events with a number that the reply contains, since the protocol answers
    /// a request only once.
    fn streams_by_event(self) -> bool {
        false
    }

    /// Reads the first packet of `bytes` and its length; `None` while it is incomplete: call again with the same bytes
    /// and more behind them. The bytes of a packet may have been changed (unmasked).
    ///
    /// # Errors
    ///
    /// When the bytes are malformed or exceed `limits`. The stream cannot be read further, unless
    /// [`Decoder::passes_over`] says so.
    fn decode<'a>(
        self,
        decoder: &mut Decoder,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError>;

    /// Reads a failure that was received as the error of a reply or of a refused event.
    fn read_failure(self, error: &[u8]) -> Failure {
        read_failure(error)
    }

    /// Writes an event; `arguments` is anything [`Serialize`], a tuple being several arguments.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be serialized, or the protocol has no form for the event; `out` is then unchanged.
    fn event<A: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &A,
    ) -> Result<(), CodecError>;

    /// Adds `meta` to the event that begins at `start`.
    fn attach(self, _out: &mut Vec<u8>, _start: usize, _meta: &Meta) {}

    /// Writes an event whose argument list is already encoded.
    ///
    /// # Errors
    ///
    /// When the protocol has no form for the event.
    fn event_encoded(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &[u8],
    ) -> Result<(), CodecError>;

    /// Writes an event that expects a reply; `arguments` is an encoded list.
    ///
    /// # Errors
    ///
    /// When the protocol has no replies, or no form for the event.
    fn request(
        self,
        out: &mut Vec<u8>,
        id: u32,
        method: (&str, &str),
        arguments: &[u8],
        meta: &Meta,
    ) -> Result<(), CodecError>;

    /// The most bytes that a request has in addition to its arguments.
    fn request_head(self, namespace: &str, event: &str, meta: &Meta) -> usize;

    /// Writes the reply to a request.
    fn reply(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload);

    /// The most bytes that a reply has in addition to its value.
    fn reply_head(self) -> usize;

    /// Checks that the peer accepts an encoded value as a reply or an item of one, apart from its size.
    ///
    /// # Errors
    ///
    /// The reason for the sender, if not.
    fn check_value(self, _value: &Payload) -> Result<(), CodecError> {
        Ok(())
    }

    /// Writes the failure of a request.
    fn failure(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>);

    /// Writes one item of a streaming reply.
    fn item(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload);

    /// The most bytes that an item has in addition to its value.
    fn item_head(self) -> usize;

    /// Writes the end of a streaming reply.
    fn end_of_items(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: Option<&Told<'_>>);

    /// Writes that a streaming reply has begun.
    fn opened(self, _out: &mut Vec<u8>, _id: u32) {}

    /// Writes a credit of `count` more items of a streaming reply.
    fn more(self, _out: &mut Vec<u8>, _id: u32, _count: u32) {}

    /// Writes the first message of a client.
    fn hello(self, _out: &mut Vec<u8>, _id: u32, _introduction: Introduction<'_>) {}

    /// Writes the reply to [`hello`](Self::hello).
    fn hello_reply(self, _out: &mut Vec<u8>, _id: u32, _opening: Opening<'_>) {}

    /// Writes what a server sends without being asked.
    fn open(self, _out: &mut Vec<u8>, _opening: &Opening<'_>) {}

    /// Writes new credentials of a client.
    fn authenticate(self, _out: &mut Vec<u8>, _id: u32, _introduction: Introduction<'_>) {}

    /// Writes that the credentials of the peer expire in `left` milliseconds.
    fn expiring(self, out: &mut Vec<u8>, namespace: &str, left: u64);

    /// Writes a request to join a namespace; `auth` is encoded.
    fn connect(self, _out: &mut Vec<u8>, _id: u32, _namespace: &str, _auth: &[u8]) {}

    /// Writes that a namespace was joined, with the socket's id.
    fn connected(self, out: &mut Vec<u8>, namespace: &str, id: u32, socket: &str);

    /// Writes that joining was refused.
    fn connect_refused(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>);

    /// Writes that the namespace does not exist.
    fn unknown_namespace(self, out: &mut Vec<u8>, namespace: &str, id: u32);

    /// Writes that a namespace was left.
    fn disconnect(self, out: &mut Vec<u8>, namespace: &str, reason: &str);

    /// Writes a ping.
    fn ping(self, out: &mut Vec<u8>, id: u32);

    /// Writes the answer to a ping, where the packet is not an echo.
    fn pong(self, _out: &mut Vec<u8>, _id: u32) {}

    /// Writes that the reply to a request is not needed any more.
    fn cancel(self, _out: &mut Vec<u8>, _id: u32) {}

    /// Writes why the connection is about to be closed.
    fn close_reason(self, _out: &mut Vec<u8>, _reason: &str) {}

    /// Writes the last message of the connection; `error` is the peer's fault, if there was one.
    fn close(self, _out: &mut Vec<u8>, _error: Option<&WireError>) {}

    /// Writes that an event without a number was refused.
    fn refused(self, out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>);
}
