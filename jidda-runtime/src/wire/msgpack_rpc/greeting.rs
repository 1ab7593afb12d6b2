//! The handshake of a native connection, and requests to join a namespace (`docs/wire.md`, "Reserved methods").

use rmp::encode::{write_array_len, write_map_len, write_str, write_uint};
use serde::Serialize;

use super::super::message_pack::WRITES;
use super::super::protocol::{Introduction, Opening};
use super::write::reply;
use crate::deadline::milliseconds;
use crate::payload::{Encoding, encode_into};

pub(super) fn hello(out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
    reserved_head(out, id, "$/hello", 1 + entries(introduction));
    write_str(out, "wire").expect(WRITES);
    write_uint(out, 1).expect(WRITES);
    introduce(out, introduction);
}

pub(super) fn authenticate(out: &mut Vec<u8>, id: u32, introduction: Introduction<'_>) {
    reserved_head(out, id, "$/authenticate", entries(introduction));
    introduce(out, introduction);
}

/// Opens a request whose only param is a map.
fn reserved_head(out: &mut Vec<u8>, id: u32, method: &str, entries: u32) {
    out.extend_from_slice(&[0x94, 0]);
    write_uint(out, id.into()).expect(WRITES);
    write_str(out, method).expect(WRITES);
    write_array_len(out, 1).expect(WRITES);
    write_map_len(out, entries).expect(WRITES);
}

fn entries(introduction: Introduction<'_>) -> u32 {
    let Introduction { identity, credentials, resume, max_message } = introduction;
    let count = |is_some| u32::from(is_some);
    count(identity.is_some())
        + count(credentials.is_some())
        + count(resume.is_some())
        + count(max_message.is_some())
}

fn introduce(out: &mut Vec<u8>, introduction: Introduction<'_>) {
    if let Some(identity) = introduction.identity {
        write_str(out, "identity").expect(WRITES);
        write_str(out, identity).expect(WRITES);
    }
    if let Some(credentials) = introduction.credentials {
        write_str(out, "credentials").expect(WRITES);
        out.extend_from_slice(credentials.bytes());
    }
    if let Some(session) = introduction.resume {
        write_str(out, "resume").expect(WRITES);
        write_map_len(out, 1).expect(WRITES);
        write_str(out, "session").expect(WRITES);
        write_str(out, session.as_str()).expect(WRITES);
    }
    if let Some(max_message) = introduction.max_message {
        write_str(out, "max_message").expect(WRITES);
        write_uint(out, max_message as u64).expect(WRITES);
    }
}

pub(super) fn hello_reply(out: &mut Vec<u8>, id: u32, opening: Opening<'_>) {
    #[derive(Serialize)]
    struct Fields<'a> {
        wire: u32,
        session: &'a str,
        heartbeat: u64,
        timeout: u64,
        max_message: usize,
        max_in_flight: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        identity: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires: Option<u64>,
    }
    let fields = Fields {
        wire: 1,
        session: opening.session,
        heartbeat: milliseconds(opening.heartbeat),
        timeout: milliseconds(opening.timeout),
        max_message: opening.max_message,
        max_in_flight: opening.max_in_flight,
        identity: opening.identity,
        expires: opening.expires.map(milliseconds),
    };
    reply(out, id, &[]);
    encode_into(out, &fields, Encoding::MessagePack).expect("the reply is serializable");
}

pub(super) fn connect(out: &mut Vec<u8>, id: u32, namespace: &str, auth: &[u8]) {
    out.extend_from_slice(&[0x94, 0]);
    write_uint(out, id.into()).expect(WRITES);
    write_str(out, "$/connect").expect(WRITES);
    write_array_len(out, 2).expect(WRITES);
    write_str(out, namespace).expect(WRITES);
    out.extend_from_slice(auth);
}

pub(super) fn connected(out: &mut Vec<u8>, id: u32, socket: &str) {
    reply(out, id, &[0x81, 0xa2, b'i', b'd']);
    write_str(out, socket).expect(WRITES);
}
