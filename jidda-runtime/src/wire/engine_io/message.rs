//! Messages in WebSocket frames (RFC 6455, section 5), which a message of Engine.IO is in one of.

use super::super::websocket::{self, opcode};
use super::{EngineIo, Role, Version, base64_text};

impl EngineIo {
    /// Writes a whole frame, whose payload is what `write` appends.
    #[inline]
    pub(super) fn frame<R>(self, out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        match self.role {
            Role::Server => websocket::frame(out, opcode, write),
            Role::Client => websocket::client_frame(out, opcode, write),
        }
    }

    /// Begins a frame whose payload is appended behind it; where it starts.
    #[inline]
    pub(super) fn begin(self, out: &mut Vec<u8>, opcode: u8) -> usize {
        match self.role {
            Role::Server => {
                let start = out.len();
                out.extend_from_slice(&[0x80 | opcode, 0]);
                start
            }
            Role::Client => websocket::begin_client_frame(out, opcode),
        }
    }

    /// Ends the frame that begins at `start`.
    #[inline]
    pub(super) fn finish(self, out: &mut Vec<u8>, start: usize) {
        match self.role {
            Role::Server => websocket::finish(out, start),
            Role::Client => websocket::finish_client_frame(out, start),
        }
    }
}

/// One message.
pub(super) enum Message<'a> {
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// Writes a message in a frame of its own.
#[inline]
pub(super) fn message(out: &mut Vec<u8>, wire: EngineIo, message: Message<'_>) {
    match message {
        Message::Text(text) => wire.frame(out, opcode::TEXT, |out| {
            out.push(b'4');
            out.extend_from_slice(text);
        }),
        Message::Bytes(bytes) if wire.base64 => wire.frame(out, opcode::TEXT, |out| {
            out.extend_from_slice(if wire.version == Version::V3 { b"b4" } else { b"b" });
            base64_text::encode(out, bytes);
        }),
        Message::Bytes(bytes) => wire.frame(out, opcode::BINARY, |out| {
            if wire.version == Version::V3 {
                out.push(4);
            }
            out.extend_from_slice(bytes);
        }),
    }
}

/// The frame of a heartbeat.
pub(super) fn heartbeat(wire: EngineIo, kind: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire.frame(&mut out, opcode::TEXT, |out| out.extend_from_slice(kind));
    out
}

/// The answer to a WebSocket's own ping.
pub(super) fn pong(wire: EngineIo, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire.frame(&mut out, opcode::PONG, |out| out.extend_from_slice(payload));
    out
}
