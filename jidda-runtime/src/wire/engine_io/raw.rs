//! Engine.IO without Socket.IO: a message is the event `message` with one argument, a text or bytes.

use super::super::Packet;
use super::EngineIo;
use super::message::{Message, message as frame};
use crate::payload::{CodecError, Value, json};

/// What stands between the packets of a payload.
const PART: u8 = 0x1e;
const WRITES: &str = "writing to memory does not fail";

fn message(argument: Vec<u8>) -> Packet<'static> {
    Packet::Event {
        namespace: "/".into(),
        event: "message".into(),
        id: None,
        arguments: argument.into(),
        meta: None,
    }
}

pub(super) fn text(text: &str) -> Packet<'static> {
    let mut list = Vec::with_capacity(text.len() + 6);
    list.push(0x91);
    rmp::encode::write_str(&mut list, text).expect(WRITES);
    message(list)
}

pub(super) fn bytes(bytes: &[u8]) -> Packet<'static> {
    let mut list = Vec::with_capacity(bytes.len() + 6);
    list.push(0x91);
    rmp::encode::write_bin(&mut list, bytes).expect(WRITES);
    message(list)
}

/// Writes the message of an encoded argument list. A text is sent as it is, bytes as bytes, and any other value
/// as JSON, which has no U+001E.
pub(super) fn event(
    out: &mut Vec<u8>,
    wire: EngineIo,
    event: &str,
    arguments: &[u8],
) -> Result<(), CodecError> {
    if event != "message" {
        let text = format!("there are no events on a raw connection, only messages: not `{event}`");
        return Err(CodecError(text));
    }
    let list =
        rmpv::decode::read_value(&mut &arguments[..]).map_err(|error| CodecError(error.to_string()))?;
    let [value] = list.as_array().map_or(&[][..], |list| list) else {
        return Err(CodecError("a message on a raw connection is one value".into()));
    };
    match value {
        Value::String(text) if wire.is_parted && text.as_bytes().contains(&PART) => {
            let text = "a text with U+001E, which ends a packet of long polling, cannot be sent to a peer that polls: send bytes";
            return Err(CodecError(text.into()));
        }
        Value::String(text) => frame(out, wire, Message::Text(text.as_bytes())),
        Value::Binary(bytes) => frame(out, wire, Message::Bytes(bytes)),
        other => {
            let mut text = Vec::new();
            if !json::write_value(&mut text, other, wire.integers)?.is_empty() {
                return Err(CodecError("bytes within a value cannot be sent on a raw connection".into()));
            }
            frame(out, wire, Message::Text(&text));
        }
    }
    Ok(())
}
