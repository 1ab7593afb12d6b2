//! Engine.IO, with Socket.IO on it or without, as a protocol of connections.

use serde::Serialize;

use super::super::protocol::{Heartbeat, Introduction, Opening, Protocol};
use super::super::socket_io::Parser;
use super::super::{Decoder, Limits, Meta, Packet, WireError};
use super::{EngineIo, Layer, Role, Version, client, decoder, write};
use crate::failure::{Failure, Told};
use crate::foreign::{namespace_name, short_name};
use crate::payload::{CodecError, Encoding, Payload};

impl Protocol for EngineIo {
    fn name(self) -> &'static str {
        match (self.layer, self.version) {
            (Layer::SocketIo(_), Version::V4) => "socket.io/5",
            (Layer::SocketIo(_), Version::V3) => "socket.io/4",
            (Layer::Raw, Version::V4) => "engine.io/4",
            (Layer::Raw, Version::V3) => "engine.io/3",
        }
    }

    #[inline]
    fn encoding(self) -> Encoding {
        match self.layer {
            Layer::SocketIo(Parser::Json) => Encoding::Json(self.integers),
            Layer::SocketIo(Parser::MessagePack) => Encoding::SocketIoMessagePack(self.integers),
            Layer::Raw => Encoding::MessagePack,
        }
    }

    fn heartbeat(self) -> Heartbeat {
        match (self.version, self.role) {
            (Version::V4, Role::Server) | (Version::V3, Role::Client) => Heartbeat::Always,
            (Version::V3, Role::Server) | (Version::V4, Role::Client) => Heartbeat::Theirs,
        }
    }

    fn auto_joins_root(self) -> bool {
        self.role == Role::Server && (self.version == Version::V3 || self.layer == Layer::Raw)
    }

    fn has_namespaces(self) -> bool {
        self.layer != Layer::Raw
    }

    fn socket_id_is_session_id(self) -> bool {
        self.role == Role::Server && self.version == Version::V3
    }

    fn streams_by_event(self) -> bool {
        self.layer != Layer::Raw
    }

    #[inline]
    fn decode<'a>(
        self,
        held: &mut Decoder,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError> {
        decoder::decode(held, self, bytes, limits)
    }

    #[inline]
    fn event<A: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &A,
    ) -> Result<(), CodecError> {
        write::event(out, self, namespace, event, arguments)
    }

    fn event_encoded(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &[u8],
    ) -> Result<(), CodecError> {
        write::event_encoded(out, self, (namespace, event), None, arguments)
    }

    fn request(
        self,
        out: &mut Vec<u8>,
        id: u32,
        method: (&str, &str),
        arguments: &[u8],
        _meta: &Meta,
    ) -> Result<(), CodecError> {
        if self.layer == Layer::Raw {
            return Err(CodecError("there are no calls on a raw connection, only messages".into()));
        }
        write::event_encoded(out, self, method, Some(id), arguments)
    }

    fn request_head(self, namespace: &str, event: &str, _meta: &Meta) -> usize {
        // A frame's head and a packet's, with its number.
        10 + 6 + namespace.len() + event.len() + 10
    }

    #[inline]
    fn reply(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload) {
        write::reply(out, self, namespace, id, value);
    }

    #[inline]
    fn reply_head(self) -> usize {
        10 + 20
    }

    #[inline]
    fn check_value(self, value: &Payload) -> Result<(), CodecError> {
        write::check_attachments(self, value.bytes())
    }

    fn failure(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: &Told<'_>) {
        write::failure(out, self, namespace, id, failure);
    }

    #[inline]
    fn item(self, out: &mut Vec<u8>, namespace: &str, id: u32, value: &Payload) {
        write::item(out, self, namespace, id, value);
    }

    #[inline]
    fn item_head(self) -> usize {
        10 + 30
    }

    fn end_of_items(self, out: &mut Vec<u8>, namespace: &str, id: u32, failure: Option<&Told<'_>>) {
        write::end_of_items(out, self, namespace, id, failure);
    }

    fn open(self, out: &mut Vec<u8>, opening: &Opening<'_>) {
        write::open(out, self, opening);
    }

    fn expiring(self, out: &mut Vec<u8>, namespace: &str, left: u64) {
        write::expiring(out, self, namespace, left);
    }

    fn connect(self, out: &mut Vec<u8>, _id: u32, namespace: &str, auth: &[u8]) {
        client::connect(out, self, namespace, auth);
    }

    fn read_failure(self, error: &[u8]) -> Failure {
        client::read_failure(self, error)
    }

    fn connected(self, out: &mut Vec<u8>, namespace: &str, _id: u32, socket: &str) {
        write::connected(out, self, namespace, socket);
    }

    fn connect_refused(self, out: &mut Vec<u8>, namespace: &str, _id: u32, failure: &Told<'_>) {
        write::connect_refused(out, self, &namespace_name(namespace), Some(failure));
    }

    fn unknown_namespace(self, out: &mut Vec<u8>, namespace: &str, _id: u32) {
        write::connect_refused(out, self, &namespace_name(namespace), None);
    }

    fn disconnect(self, out: &mut Vec<u8>, namespace: &str, _reason: &str) {
        write::disconnect(out, self, namespace);
    }

    fn ping(self, out: &mut Vec<u8>, _id: u32) {
        write::ping(out, self);
    }

    fn close(self, out: &mut Vec<u8>, error: Option<&WireError>) {
        write::end(out, self, error);
    }

    fn authenticate(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        client::authenticate(out, self, id, introduction);
    }

    fn refused(self, out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>) {
        if self.role == Role::Client {
            // Servers of others would take it for an event of the program's.
            return;
        }
        write::refused(out, self, &namespace_name(namespace), &short_name(event), failure);
    }
}
