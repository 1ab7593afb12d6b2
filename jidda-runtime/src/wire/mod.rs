//! Bytes to packets and packets to bytes, without any I/O.
//!
//! One file, or folder, a protocol. What is above this floor sees [`Packet`]s and [`Wire`], and knows no protocol
//! by name.

mod decoder;
pub mod engine_io;
mod greeting;
pub mod json;
mod meta;
mod msgpack_rpc;
mod packet;
mod scan;
mod skip;
pub mod socket_io;
pub mod websocket;

use std::time::Duration;

use serde::Serialize;

pub use decoder::Decoder;
pub use meta::{Meta, Servers};
pub use packet::{Packet, WireError};
pub use scan::Limits;

use crate::failure::{Failure, Told};
use crate::foreign::{TEXT, cut, namespace_name, short_name};
use crate::id::SessionId;
use crate::payload::{CodecError, Encoding, Payload};
use engine_io::{EngineIo, Layer, Version, write as engine};

/// The protocol of a connection: how packets are written on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// MessagePack-RPC with jidda's reserved methods.
    MessagePackRpc,
    /// Engine.IO, with Socket.IO on it or without.
    EngineIo(EngineIo),
}

/// Who asks for signs of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// A side that heard nothing for a while asks, with a number, and is answered.
    WhenSilent,
    /// The server, every interval.
    Always,
    /// The client.
    Theirs,
}

/// What a server tells a peer at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    /// Whether a WebSocket may take the place of what it came by.
    pub upgrades: bool,
    /// The connection's session.
    pub session: &'a str,
    /// How long the connection may be silent.
    pub heartbeat: Duration,
    /// How long a sign of life may take.
    pub timeout: Duration,
    /// The largest message in bytes.
    pub max_message: usize,
    /// How many calls of the connection run at once.
    pub max_in_flight: usize,
    /// Who the peer was found to be.
    pub identity: Option<&'a str>,
    /// For how long that holds.
    pub expires: Option<Duration>,
}

/// How a client introduces itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Introduction<'a> {
    /// Who it says it is.
    pub identity: Option<&'a str>,
    /// What is to prove that, encoded as `MessagePack`.
    pub credentials: Option<&'a Payload>,
    /// The session it had before, and would have again.
    pub resume: Option<&'a SessionId>,
    /// The largest message it takes, in bytes.
    pub max_message: Option<usize>,
}

/// Whether an encoded value of the native wire nests no deeper than that.
pub fn nests_within(value: &[u8], depth: usize) -> bool {
    let limits = Limits::new(usize::MAX, depth);
    matches!(scan::Scanner::default().advance(value, limits), Ok(Some(length)) if length == value.len())
}

impl Wire {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MessagePackRpc => "msgpack-rpc",
            Self::EngineIo(wire) => wire.name(),
        }
    }

    /// How values are written on it.
    #[inline]
    pub fn encoding(self) -> Encoding {
        match self {
            Self::MessagePackRpc => Encoding::MessagePack,
            Self::EngineIo(wire) => wire.encoding(),
        }
    }

    /// Who asks for signs of life.
    pub fn heartbeat(self) -> Heartbeat {
        match self {
            Self::MessagePackRpc => Heartbeat::WhenSilent,
            Self::EngineIo(EngineIo { version: Version::V4, .. }) => Heartbeat::Always,
            Self::EngineIo(EngineIo { version: Version::V3, .. }) => Heartbeat::Theirs,
        }
    }

    /// Whether a peer's numbers of its requests are unique in its connection, so that one can be cancelled. The
    /// others count in each namespace.
    #[inline]
    pub fn has_unique_ids(self) -> bool {
        self == Self::MessagePackRpc
    }

    /// Whether a packet that has no place ends the connection. Otherwise it is answered.
    pub fn is_strict(self) -> bool {
        self != Self::MessagePackRpc
    }

    /// Whether the root namespace is joined by connecting, without a packet that says so.
    pub fn joins_by_connecting(self) -> bool {
        match self {
            Self::MessagePackRpc => false,
            Self::EngineIo(wire) => wire.version == Version::V3 || wire.layer == Layer::Raw,
        }
    }

    /// Whether a connection can go on after it left a namespace.
    pub fn has_namespaces(self) -> bool {
        !matches!(self, Self::EngineIo(EngineIo { layer: Layer::Raw, .. }))
    }

    /// Whether sockets have the name of their session: the clients know nothing else.
    pub fn names_sockets_by_session(self) -> bool {
        matches!(self, Self::EngineIo(EngineIo { version: Version::V3, .. }))
    }

    /// Writes an event; `arguments` is anything [`Serialize`], a tuple being several arguments.
    ///
    /// # Errors
    ///
    /// When the arguments refuse to be serialized, or the wire has no form for the event; `out` is then as it
    /// was.
    #[inline]
    pub fn event<A: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &A,
    ) -> Result<(), CodecError> {
        match self {
            Self::MessagePackRpc => msgpack_rpc::event(out, namespace, event, arguments),
            Self::EngineIo(wire) => engine::event(out, wire, namespace, event, arguments),
        }
    }

    /// Adds to the event that begins at `start` what goes with it, where the wire has a place for that.
    pub fn attach(self, out: &mut Vec<u8>, start: usize, meta: &Meta) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::attach(out, start, meta),
            Self::EngineIo(_) => {}
        }
    }

    /// Writes an event whose argument list is encoded already.
    ///
    /// # Errors
    ///
    /// When the wire has no form for the event.
    pub fn event_encoded(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &[u8],
    ) -> Result<(), CodecError> {
        match self {
            Self::MessagePackRpc => {
                msgpack_rpc::event_encoded(out, namespace, event, arguments);
                Ok(())
            }
            Self::EngineIo(wire) => engine::event_encoded(out, wire, (namespace, event), None, arguments),
        }
    }

    /// Writes an event that wants a reply; `arguments` is an encoded list.
    ///
    /// # Errors
    ///
    /// When the wire has no replies.
    pub fn request(
        self,
        out: &mut Vec<u8>,
        id: u32,
        (namespace, event): (&str, &str),
        arguments: &[u8],
        meta: &Meta,
    ) -> Result<(), CodecError> {
        match self {
            Self::MessagePackRpc => {
                msgpack_rpc::request(out, id, (namespace, event), arguments, meta);
                Ok(())
            }
            Self::EngineIo(EngineIo { layer: Layer::Raw, .. }) => {
                Err(CodecError("there are no calls on a raw connection, only messages".into()))
            }
            Self::EngineIo(wire) => engine::event_encoded(out, wire, (namespace, event), Some(id), arguments),
        }
    }

    /// Writes the answer to a request.
    #[inline]
    pub fn reply(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::reply(out, id, value.bytes()),
            Self::EngineIo(wire) => engine::reply(out, wire, namespace, id, value),
        }
    }

    /// Whether the peer takes an encoded value as a reply or an item of one, whatever its size.
    ///
    /// # Errors
    ///
    /// What is to be said to the peer instead, if not.
    #[inline]
    pub fn check_value(self, value: &Payload) -> Result<(), CodecError> {
        match self {
            Self::MessagePackRpc => Ok(()),
            Self::EngineIo(wire) => engine::check_attachments(wire, value.bytes()),
        }
    }

    /// How many bytes a request has beside its arguments, at most.
    pub fn request_head(self, namespace: &str, event: &str, meta: &Meta) -> usize {
        match self {
            // Array, type, number, the method's length and colon.
            Self::MessagePackRpc => {
                let meta = if meta.is_empty() { 0 } else { meta.size() };
                2 + 5 + 6 + namespace.len() + event.len() + meta
            }
            // A frame's head and a packet's, with its number.
            Self::EngineIo(_) => 10 + 6 + namespace.len() + event.len() + 10,
        }
    }

    /// How many bytes a reply has beside its value, at most.
    #[inline]
    pub fn reply_head(self) -> usize {
        match self {
            // Array, type, number and nil.
            Self::MessagePackRpc => 2 + 5 + 1,
            Self::EngineIo(_) => 10 + 20,
        }
    }

    /// Writes the failure of a request.
    pub fn failure(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::failure(out, id, failure),
            Self::EngineIo(wire) => engine::failure(out, wire, namespace, id, failure),
        }
    }

    /// Whether a request can say that it takes a streaming reply.
    pub fn has_streams(self) -> bool {
        self == Self::MessagePackRpc
    }

    /// Whether the reply to a request tells by which number the items of a stream are going to come, since the
    /// protocol's own numbers are answered once.
    pub fn announces_streams(self) -> bool {
        matches!(self, Self::EngineIo(EngineIo { layer: Layer::SocketIo(_), .. }))
    }

    /// Writes one item of a streaming reply.
    #[inline]
    pub fn item(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::item(out, id, value.bytes()),
            Self::EngineIo(wire) => engine::item(out, wire, namespace, id, value),
        }
    }

    /// How many bytes an item has beside its value, at most.
    #[inline]
    pub fn item_head(self) -> usize {
        match self {
            // Array, type, method, params and number.
            Self::MessagePackRpc => 2 + 7 + 1 + 5,
            Self::EngineIo(_) => 10 + 30,
        }
    }

    /// Writes the end of a streaming reply.
    pub fn end_of_items(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: Option<&Told<'_>>) {
        match (self, failure) {
            (Self::MessagePackRpc, None) => msgpack_rpc::reply(out, id, &[0xc0]),
            (Self::MessagePackRpc, Some(failure)) => msgpack_rpc::failure(out, id, failure),
            (Self::EngineIo(wire), failure) => engine::end_of_items(out, wire, namespace, id, failure),
        }
    }

    /// Writes that more items of a streaming reply are taken.
    pub fn more(self, out: &mut Vec<u8>, id: u32, count: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/more", &(id, count)),
            // Its clients do not stream to a server.
            Self::EngineIo(_) => {}
        }
    }

    /// Reads a failure that came as the error of a reply or of a refused event.
    pub fn read_failure(self, error: &[u8]) -> Failure {
        msgpack_rpc::read_failure(error)
    }

    /// Writes the first words of a client.
    pub fn hello(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        match self {
            Self::MessagePackRpc => greeting::hello(out, id, introduction),
            Self::EngineIo(_) => {}
        }
    }

    /// Writes a client's new credentials.
    pub fn authenticate(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        match self {
            Self::MessagePackRpc => greeting::authenticate(out, id, introduction),
            Self::EngineIo(_) => {}
        }
    }

    /// Writes that the peer's credentials are about to expire, in so many milliseconds.
    pub fn expiring(self, out: &mut Vec<u8>, namespace: &str, left: u64) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/expiring", &(left,)),
            Self::EngineIo(wire) => engine::expiring(out, wire, namespace, left),
        }
    }

    /// Writes the answer to them.
    pub fn welcome(self, out: &mut Vec<u8>, id: u32, welcome: Opening<'_>) {
        match self {
            Self::MessagePackRpc => greeting::welcome(out, id, welcome),
            Self::EngineIo(_) => {}
        }
    }

    /// Writes what a client is told without asking.
    pub fn open(self, out: &mut Vec<u8>, opening: &Opening<'_>) {
        match self {
            Self::MessagePackRpc => {}
            Self::EngineIo(_) => engine::open(out, opening),
        }
    }

    /// Writes the wish to join a namespace; `auth` is encoded.
    pub fn connect(self, out: &mut Vec<u8>, id: u32, namespace: &str, auth: &[u8]) {
        match self {
            Self::MessagePackRpc => greeting::connect(out, id, namespace, auth),
            Self::EngineIo(_) => {}
        }
    }

    /// Writes that it was granted, with the socket's id.
    pub fn connected(self, out: &mut Vec<u8>, namespace: &str, id: u32, socket: &str) {
        match self {
            Self::MessagePackRpc => greeting::connected(out, id, socket),
            Self::EngineIo(wire) => engine::connected(out, wire, namespace, socket),
        }
    }

    /// Writes that it was refused.
    pub fn connect_refused(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::failure(out, id, failure),
            Self::EngineIo(wire) => {
                engine::connect_refused(out, wire, &namespace_name(namespace), Some(failure));
            }
        }
    }

    /// Writes that there is no such namespace.
    pub fn unknown_namespace(self, out: &mut Vec<u8>, namespace: &str, id: u32) {
        match self {
            Self::MessagePackRpc => {
                let failure = Failure::new("not_found", format!("there is no namespace `{namespace}`"));
                msgpack_rpc::failure(out, id, &failure.told(usize::MAX));
            }
            Self::EngineIo(wire) => engine::connect_refused(out, wire, &namespace_name(namespace), None),
        }
    }

    /// Writes the end of a namespace.
    pub fn disconnect(self, out: &mut Vec<u8>, namespace: &str, reason: &str) {
        match self {
            Self::MessagePackRpc => {
                msgpack_rpc::notify(out, "$/disconnect", &(namespace, cut(reason, TEXT)));
            }
            Self::EngineIo(wire) => engine::disconnect(out, wire, namespace),
        }
    }

    /// Writes a question for a sign of life.
    pub fn ping(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::ping(out, id),
            Self::EngineIo(_) => engine::ping(out),
        }
    }

    /// Writes the sign of life.
    pub fn pong(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::reply(out, id, &[0xc0]),
            // It comes as an echo.
            Self::EngineIo(_) => {}
        }
    }

    /// Writes that a request's reply is no longer waited for.
    pub fn cancel(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/cancel", &(id,)),
            // Its clients have no word for it.
            Self::EngineIo(_) => {}
        }
    }

    /// Writes that the connection is about to be closed, and why.
    pub fn announce_end(self, out: &mut Vec<u8>, reason: &str) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/close", &(cut(reason, TEXT),)),
            // The next word is the last one.
            Self::EngineIo(_) => {}
        }
    }

    /// Writes the last word of the connection; `error` is what the peer did, if that is why it ends.
    pub fn end(self, out: &mut Vec<u8>, error: Option<&WireError>) {
        match self {
            // The end of the stream is the end.
            Self::MessagePackRpc => {}
            Self::EngineIo(_) => engine::end(out, error),
        }
    }

    /// Writes that an event without an id was refused.
    pub fn refused(self, out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>) {
        let (namespace, event) = (&*namespace_name(namespace), &*short_name(event));
        match self {
            Self::MessagePackRpc => msgpack_rpc::refused(out, namespace, event, failure),
            Self::EngineIo(wire) => engine::refused(out, wire, namespace, event, failure),
        }
    }
}
