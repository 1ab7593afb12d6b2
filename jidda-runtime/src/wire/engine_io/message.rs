//! Messages in WebSocket frames (RFC 6455, section 5), which a message of Engine.IO is in one of.

use super::super::websocket::{frame, opcode};
use super::{EngineIo, Version, base64_text};

/// One message.
pub(super) enum Message<'a> {
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Writes a message in a frame of its own.
#[inline]
pub(super) fn message(out: &mut Vec<u8>, wire: EngineIo, message: Message<'_>) {
    match message {
        Message::Text(text) => frame(out, opcode::TEXT, |out| {
            out.push(b'4');
            out.extend_from_slice(text);
        }),
        Message::Bytes(bytes) if wire.base64 => frame(out, opcode::TEXT, |out| {
            out.extend_from_slice(if wire.version == Version::V3 { b"b4" } else { b"b" });
            base64_text::encode(out, bytes);
        }),
        Message::Bytes(bytes) => frame(out, opcode::BINARY, |out| {
            if wire.version == Version::V3 {
                out.push(4);
            }
            out.extend_from_slice(bytes);
        }),
    }
}

/// The frame of a heartbeat.
pub(super) fn heartbeat(kind: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, opcode::TEXT, |out| out.extend_from_slice(kind));
    out
}

/// The answer to a WebSocket's own ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame(&mut out, opcode::PONG, |out| out.extend_from_slice(payload));
    out
}
