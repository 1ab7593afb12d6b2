//! The native wire: MessagePack-RPC with reserved methods.
//!
//! A message is `[0, msgid, method, params, meta?]`, `[1, msgid, error, result]` or
//! `[2, method, params, meta?]`, one after the other without other framing: `docs/wire.md` specifies it.

mod greeting;
mod read;
mod skip;
mod write;

use serde::Serialize;

pub(super) use skip::Skip;

use super::message_pack::NIL;
use super::protocol::{Heartbeat, Introduction, Opening, Protocol};
use super::{Decoder, Limits, Meta, Packet, WireError};
use crate::failure::{Failure, Told};
use crate::foreign::{TEXT, cut, namespace_name, short_name};
use crate::payload::{CodecError, Encoding, Payload};

/// The native protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct MessagePackRpc;

impl Protocol for MessagePackRpc {
    fn name(self) -> &'static str {
        "msgpack-rpc"
    }

    #[inline]
    fn encoding(self) -> Encoding {
        Encoding::MessagePack
    }

    fn heartbeat(self) -> Heartbeat {
        Heartbeat::WhenSilent
    }

    #[inline]
    fn has_unique_ids(self) -> bool {
        true
    }

    fn closes_on_misplaced_packet(self) -> bool {
        false
    }

    fn has_streams(self) -> bool {
        true
    }

    #[inline]
    fn decode<'a>(
        self,
        decoder: &mut Decoder,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError> {
        read::decode(decoder, bytes, limits)
    }

    #[inline]
    fn event<A: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &A,
    ) -> Result<(), CodecError> {
        write::event(out, namespace, event, arguments)
    }

    fn attach(self, out: &mut Vec<u8>, start: usize, meta: &Meta) {
        write::attach(out, start, meta);
    }

    fn event_encoded(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &[u8],
    ) -> Result<(), CodecError> {
        write::event_encoded(out, namespace, event, arguments);
        Ok(())
    }

    fn request(
        self,
        out: &mut Vec<u8>,
        id: u32,
        method: (&str, &str),
        arguments: &[u8],
        meta: &Meta,
    ) -> Result<(), CodecError> {
        write::request(out, id, method, arguments, meta);
        Ok(())
    }

    fn request_head(self, namespace: &str, event: &str, meta: &Meta) -> usize {
        // Array, type, number, the method's length and colon.
        let meta = if meta.is_empty() { 0 } else { meta.size() };
        2 + 5 + 6 + namespace.len() + event.len() + meta
    }

    #[inline]
    fn reply(self, out: &mut Vec<u8>, _namespace: &str, id: u32, value: &Payload) {
        write::reply(out, id, value.bytes());
    }

    #[inline]
    fn reply_head(self) -> usize {
        // Array, type, number and nil.
        2 + 5 + 1
    }

    fn failure(self, out: &mut Vec<u8>, _namespace: &str, id: u32, failure: &Told<'_>) {
        write::failure(out, id, failure);
    }

    #[inline]
    fn item(self, out: &mut Vec<u8>, _namespace: &str, id: u32, value: &Payload) {
        write::item(out, id, value.bytes());
    }

    #[inline]
    fn item_head(self) -> usize {
        // Array, type, method, params and number.
        2 + 7 + 1 + 5
    }

    fn end_of_items(self, out: &mut Vec<u8>, _namespace: &str, id: u32, failure: Option<&Told<'_>>) {
        match failure {
            None => write::reply(out, id, &[NIL]),
            Some(failure) => write::failure(out, id, failure),
        }
    }

    fn opened(self, out: &mut Vec<u8>, id: u32) {
        write::notify(out, "$/open", &(id,));
    }

    fn more(self, out: &mut Vec<u8>, id: u32, count: u32) {
        write::notify(out, "$/more", &(id, count));
    }

    fn hello(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        greeting::hello(out, id, introduction);
    }

    fn hello_reply(self, out: &mut Vec<u8>, id: u32, opening: Opening<'_>) {
        greeting::hello_reply(out, id, opening);
    }

    fn authenticate(self, out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
        greeting::authenticate(out, id, introduction);
    }

    fn expiring(self, out: &mut Vec<u8>, _namespace: &str, left: u64) {
        write::notify(out, "$/expiring", &(left,));
    }

    fn connect(self, out: &mut Vec<u8>, id: u32, namespace: &str, auth: &[u8]) {
        greeting::connect(out, id, namespace, auth);
    }

    fn connected(self, out: &mut Vec<u8>, _namespace: &str, id: u32, socket: &str) {
        greeting::connected(out, id, socket);
    }

    fn connect_refused(self, out: &mut Vec<u8>, _namespace: &str, id: u32, failure: &Told<'_>) {
        write::failure(out, id, failure);
    }

    fn unknown_namespace(self, out: &mut Vec<u8>, namespace: &str, id: u32) {
        let failure = Failure::new("not_found", format!("there is no namespace `{namespace}`"));
        write::failure(out, id, &failure.told(usize::MAX));
    }

    fn disconnect(self, out: &mut Vec<u8>, namespace: &str, reason: &str) {
        write::notify(out, "$/disconnect", &(namespace, cut(reason, TEXT)));
    }

    fn ping(self, out: &mut Vec<u8>, id: u32) {
        write::ping(out, id);
    }

    fn pong(self, out: &mut Vec<u8>, id: u32) {
        write::reply(out, id, &[NIL]);
    }

    fn cancel(self, out: &mut Vec<u8>, id: u32) {
        write::notify(out, "$/cancel", &(id,));
    }

    fn close_reason(self, out: &mut Vec<u8>, reason: &str) {
        write::notify(out, "$/close", &(cut(reason, TEXT),));
    }

    fn refused(self, out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>) {
        write::refused(out, &namespace_name(namespace), &short_name(event), failure);
    }
}
