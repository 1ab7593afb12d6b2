//! Writes the messages of the native wire (`docs/wire.md`, "Messages").

use rmp::encode::{write_array_len, write_map_len, write_str, write_uint};
use serde::Serialize;

use super::super::Meta;
use super::super::message_pack::{NIL, WRITES};
use crate::failure::Told;
use crate::payload::{CodecError, Encoding, encode_arguments_into};

#[inline]
fn method(out: &mut Vec<u8>, namespace: &str, event: &str) {
    if namespace == "/" && !event.starts_with('/') {
        write_str(out, event).expect(WRITES);
        return;
    }
    let length = u32::try_from(namespace.len() + 1 + event.len()).expect("names are shorter than 4 GiB");
    rmp::encode::write_str_len(out, length).expect(WRITES);
    out.extend_from_slice(namespace.as_bytes());
    out.push(b':');
    out.extend_from_slice(event.as_bytes());
}

pub(super) fn event<A: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    event: &str,
    arguments: &A,
) -> Result<(), CodecError> {
    let start = out.len();
    out.extend_from_slice(&[0x93, 2]);
    method(out, namespace, event);
    encode_arguments_into(out, arguments, Encoding::MessagePack).inspect_err(|_| out.truncate(start))
}

/// Makes an event without meta one that has some.
pub(super) fn attach(out: &mut Vec<u8>, start: usize, meta: &Meta) {
    if !meta.is_empty() && out.get(start) == Some(&0x93) {
        out[start] = 0x94;
        meta.write(out);
    }
}

pub(super) fn event_encoded(out: &mut Vec<u8>, namespace: &str, event: &str, arguments: &[u8]) {
    out.extend_from_slice(&[0x93, 2]);
    method(out, namespace, event);
    out.extend_from_slice(arguments);
}

pub(super) fn request(
    out: &mut Vec<u8>,
    id: u32,
    (namespace, event): (&str, &str),
    arguments: &[u8],
    meta: &Meta,
) {
    let has_meta = !meta.is_empty();
    out.extend_from_slice(&[if has_meta { 0x95 } else { 0x94 }, 0]);
    write_uint(out, id.into()).expect(WRITES);
    method(out, namespace, event);
    out.extend_from_slice(arguments);
    if has_meta {
        meta.write(out);
    }
}

#[inline]
pub(super) fn reply(out: &mut Vec<u8>, id: u32, value: &[u8]) {
    let [a, b, c, d] = id.to_be_bytes();
    let (head, length) = match id {
        0..=0x7f => ([0x94, 1, d, NIL, 0, 0, 0, 0], 4),
        0x80..=0xff => ([0x94, 1, 0xcc, d, NIL, 0, 0, 0], 5),
        0x100..=0xffff => ([0x94, 1, 0xcd, c, d, NIL, 0, 0], 6),
        _ => ([0x94, 1, 0xce, a, b, c, d, NIL], 8),
    };
    let start = out.len();
    // Of a size that is known when this is compiled, then cut.
    out.extend_from_slice(&head);
    out.truncate(start + length);
    out.extend_from_slice(value);
}

#[inline]
pub(super) fn item(out: &mut Vec<u8>, id: u32, value: &[u8]) {
    out.extend_from_slice(b"\x93\x02\xa6$/item\x92");
    write_uint(out, id.into()).expect(WRITES);
    out.extend_from_slice(value);
}

pub(super) fn failure(out: &mut Vec<u8>, id: u32, failure: &Told<'_>) {
    out.extend_from_slice(&[0x94, 1]);
    write_uint(out, id.into()).expect(WRITES);
    error(out, failure);
    out.push(NIL);
}

fn error(out: &mut Vec<u8>, failure: &Told<'_>) {
    let entries = 2 + u32::from(failure.data.is_some()) + u32::from(failure.app);
    write_map_len(out, entries).expect(WRITES);
    write_str(out, "code").expect(WRITES);
    write_str(out, &failure.code).expect(WRITES);
    write_str(out, "message").expect(WRITES);
    write_str(out, &failure.message).expect(WRITES);
    if let Some(data) = &failure.data {
        write_str(out, "data").expect(WRITES);
        out.extend_from_slice(data.bytes());
    }
    if failure.app {
        write_str(out, "app").expect(WRITES);
        rmp::encode::write_bool(out, true).expect(WRITES);
    }
}

fn reserved_request<A: Serialize>(out: &mut Vec<u8>, id: u32, method: &str, params: &A) {
    out.extend_from_slice(&[0x94, 0]);
    write_uint(out, id.into()).expect(WRITES);
    write_str(out, method).expect(WRITES);
    encode_arguments_into(out, params, Encoding::MessagePack).expect("reserved params are serializable");
}

pub(super) fn notify<A: Serialize>(out: &mut Vec<u8>, method: &str, params: &A) {
    out.extend_from_slice(&[0x93, 2]);
    write_str(out, method).expect(WRITES);
    encode_arguments_into(out, params, Encoding::MessagePack).expect("reserved params are serializable");
}

pub(super) fn ping(out: &mut Vec<u8>, id: u32) {
    reserved_request(out, id, "$/ping", &());
}

pub(super) fn refused(out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>) {
    out.extend_from_slice(&[0x93, 2]);
    write_str(out, "$/refused").expect(WRITES);
    write_array_len(out, 2).expect(WRITES);
    method(out, namespace, event);
    error(out, failure);
}
