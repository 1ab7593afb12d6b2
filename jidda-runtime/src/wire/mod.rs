//! Bytes to packets and packets to bytes, without any I/O.
//!
//! A protocol is one folder with an implementation of [`Protocol`], and one variant of [`Wire`]. The floors above see
//! [`Packet`]s and [`Wire`], and know no protocol by name.

mod decoder;
pub mod engine_io;
mod failure;
pub mod json;
mod limits;
mod message_pack;
mod meta;
mod msgpack_rpc;
mod packet;
mod protocol;
pub mod socket_io;
pub mod websocket;

use serde::Serialize;

pub use decoder::Decoder;
pub use limits::Limits;
pub use message_pack::nests_within;
pub use meta::{Meta, Servers};
pub use packet::{Packet, WireError};
pub use protocol::{Heartbeat, Introduction, Opening, Protocol};

use crate::failure::Told;
use crate::payload::{CodecError, Encoding, Payload};
use engine_io::EngineIo;
use msgpack_rpc::MessagePackRpc;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// MessagePack-RPC with jidda's reserved methods.
    MessagePackRpc,
    /// Engine.IO, with Socket.IO on it or without.
    EngineIo(EngineIo),
}

/// The only place that knows which protocols there are.
macro_rules! delegate {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Self::MessagePackRpc => MessagePackRpc.$method($($argument),*),
            Self::EngineIo(wire) => wire.$method($($argument),*),
        }
    };
}

impl Protocol for Wire {
    #[inline]
    fn name(self) -> &'static str {
        delegate!(self.name())
    }

    #[inline]
    fn encoding(self) -> Encoding {
        delegate!(self.encoding())
    }

    #[inline]
    fn heartbeat(self) -> Heartbeat {
        delegate!(self.heartbeat())
    }

    #[inline]
    fn has_unique_ids(self) -> bool {
        delegate!(self.has_unique_ids())
    }

    #[inline]
    fn closes_on_misplaced_packet(self) -> bool {
        delegate!(self.closes_on_misplaced_packet())
    }

    #[inline]
    fn auto_joins_root(self) -> bool {
        delegate!(self.auto_joins_root())
    }

    #[inline]
    fn has_namespaces(self) -> bool {
        delegate!(self.has_namespaces())
    }

    #[inline]
    fn socket_id_is_session_id(self) -> bool {
        delegate!(self.socket_id_is_session_id())
    }

    #[inline]
    fn has_streams(self) -> bool {
        delegate!(self.has_streams())
    }

    #[inline]
    fn streams_by_event(self) -> bool {
        delegate!(self.streams_by_event())
    }

    #[inline]
    fn decode<'a>(
        self,
        decoder: &mut Decoder,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError> {
        delegate!(self.decode(decoder, bytes, limits))
    }

    #[inline]
    fn event<A: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &A,
    ) -> Result<(), CodecError> {
        delegate!(self.event(out, namespace, event, arguments))
    }

    #[inline]
    fn attach(self, out: &mut Vec<u8>, start: usize, meta: &Meta) {
        delegate!(self.attach(out, start, meta));
    }

    #[inline]
    fn event_encoded(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &[u8],
    ) -> Result<(), CodecError> {
        delegate!(self.event_encoded(out, namespace, event, arguments))
    }

    #[inline]
    fn request(
        self,
        out: &mut Vec<u8>,
        id: u32,
        method: (&str, &str),
        arguments: &[u8],
        meta: &Meta,
    ) -> Result<(), CodecError> {
        delegate!(self.request(out, id, method, arguments, meta))
    }

    #[inline]
    fn request_head(self, namespace: &str, event: &str, meta: &Meta) -> usize {
        delegate!(self.request_head(namespace, event, meta))
    }

    #[inline]
    fn reply(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload) {
        delegate!(self.reply(out, namespace, id, value));
    }

    #[inline]
    fn reply_head(self) -> usize {
        delegate!(self.reply_head())
    }

    #[inline]
    fn check_value(self, value: &Payload) -> Result<(), CodecError> {
        delegate!(self.check_value(value))
    }

    #[inline]
    fn failure(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>) {
        delegate!(self.failure(out, namespace, id, failure));
    }

    #[inline]
    fn item(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload) {
        delegate!(self.item(out, namespace, id, value));
    }

    #[inline]
    fn item_head(self) -> usize {
        delegate!(self.item_head())
    }

    #[inline]
    fn end_of_items(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: Option<&Told<'_>>) {
        delegate!(self.end_of_items(out, namespace, id, failure));
    }

    #[inline]
    fn opened(self, out: &mut Vec<u8>, id: u32) {
        delegate!(self.opened(out, id));
    }

    #[inline]
    fn more(self, out: &mut Vec<u8>, id: u32, count: u32) {
        delegate!(self.more(out, id, count));
    }

    #[inline]
    fn hello(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        delegate!(self.hello(out, id, introduction));
    }

    #[inline]
    fn hello_reply(self, out: &mut Vec<u8>, id: u32, opening: Opening<'_>) {
        delegate!(self.hello_reply(out, id, opening));
    }

    #[inline]
    fn open(self, out: &mut Vec<u8>, opening: &Opening<'_>) {
        delegate!(self.open(out, opening));
    }

    #[inline]
    fn authenticate(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        delegate!(self.authenticate(out, id, introduction));
    }

    #[inline]
    fn expiring(self, out: &mut Vec<u8>, namespace: &str, left: u64) {
        delegate!(self.expiring(out, namespace, left));
    }

    #[inline]
    fn connect(self, out: &mut Vec<u8>, id: u32, namespace: &str, auth: &[u8]) {
        delegate!(self.connect(out, id, namespace, auth));
    }

    #[inline]
    fn connected(self, out: &mut Vec<u8>, namespace: &str, id: u32, socket: &str) {
        delegate!(self.connected(out, namespace, id, socket));
    }

    #[inline]
    fn connect_refused(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>) {
        delegate!(self.connect_refused(out, namespace, id, failure));
    }

    #[inline]
    fn unknown_namespace(self, out: &mut Vec<u8>, namespace: &str, id: u32) {
        delegate!(self.unknown_namespace(out, namespace, id));
    }

    #[inline]
    fn disconnect(self, out: &mut Vec<u8>, namespace: &str, reason: &str) {
        delegate!(self.disconnect(out, namespace, reason));
    }

    #[inline]
    fn ping(self, out: &mut Vec<u8>, id: u32) {
        delegate!(self.ping(out, id));
    }

    #[inline]
    fn pong(self, out: &mut Vec<u8>, id: u32) {
        delegate!(self.pong(out, id));
    }

    #[inline]
    fn cancel(self, out: &mut Vec<u8>, id: u32) {
        delegate!(self.cancel(out, id));
    }

    #[inline]
    fn close_reason(self, out: &mut Vec<u8>, reason: &str) {
        delegate!(self.close_reason(out, reason));
    }

    #[inline]
    fn close(self, out: &mut Vec<u8>, error: Option<&WireError>) {
        delegate!(self.close(out, error));
    }

    #[inline]
    fn refused(self, out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>) {
        delegate!(self.refused(out, namespace, event, failure));
    }
}
