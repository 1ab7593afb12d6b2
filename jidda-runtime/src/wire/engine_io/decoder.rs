//! Packets from WebSocket frames.

use std::borrow::Cow;

use bstr::ByteSlice;

use super::super::protocol::{Heartbeat, Protocol};
use super::super::socket_io::{self, Parser, Pending};
use super::super::websocket::{self, opcode};
use super::super::{Decoder, Limits, Packet, WireError};
use super::parts::Fragments;
use super::{EngineIo, Layer, Role, Version, base64_text, client, message};

type Decoded<'a> = Result<Packet<'a>, WireError>;

/// Reads the first packet of a stream of frames.
#[inline]
pub(super) fn decode<'a>(
    held: &mut Decoder,
    wire: EngineIo,
    bytes: &'a mut [u8],
    limits: Limits,
) -> Result<Option<(Packet<'a>, usize)>, WireError> {
    Reader { held, wire }.decode(bytes, limits)
}

struct Reader<'h> {
    held: &'h mut Decoder,
    wire: EngineIo,
}

impl Reader<'_> {
    #[inline]
    fn decode<'a>(
        &mut self,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError> {
        let Some(head) = websocket::head(bytes).map_err(WireError::Malformed)? else { return Ok(None) };
        if head.length > limits.size {
            // Refused at its head, before its bytes are received.
            return Err(WireError::TooLarge { limit: limits.size, id: None });
        }
        let mask = match (head.mask, self.wire.role) {
            (Some(mask), Role::Server) => mask,
            (None, Role::Client) => [0; 4],
            (None, Role::Server) => return Err(WireError::Malformed("a client masks its frames")),
            (Some(_), Role::Client) => return Err(WireError::Malformed("a server does not mask its frames")),
        };
        let end = head.size + head.length;
        let Some(payload) = bytes.get_mut(head.size..end) else { return Ok(None) };
        if mask != [0; 4] {
            websocket::mask(payload, mask);
        }
        let payload = &*payload;
        let packet = match (head.opcode, head.is_final) {
            (opcode::TEXT | opcode::BINARY, true) => {
                if self.held.parts().is_some_and(|parts| parts.fragments.is_some()) {
                    return Err(WireError::Malformed("a message begins within another"));
                }
                self.message(head.opcode, payload, limits)
            }
            (opcode::PING, _) => Ok(Packet::Echo { bytes: message::pong(self.wire, payload) }),
            (opcode::PONG, _) => Ok(Packet::Alive),
            (opcode::CLOSE, _) => closed(payload),
            _ => self.fragment(head, payload, limits),
        };
        packet.map(|packet| Some((packet, end)))
    }

    /// Takes a piece of a message in; the last one makes it a packet.
    #[cold]
    fn fragment(
        &mut self,
        head: websocket::Head,
        payload: &[u8],
        limits: Limits,
    ) -> Result<Packet<'static>, WireError> {
        let parts = self.held.parts_or_new();
        let begun = match (&mut parts.fragments, head.opcode) {
            (Some(_), opcode::TEXT | opcode::BINARY) => {
                return Err(WireError::Malformed("a message begins within another"));
            }
            (None, opcode::CONTINUATION) => {
                return Err(WireError::Malformed("a message is continued that was not begun"));
            }
            (Some(begun), _) => begun,
            (fragments @ None, opcode) => {
                fragments.insert(Fragments { opcode, bytes: Vec::new(), checked: 0 })
            }
        };
        if begun.bytes.len() + payload.len() > limits.size {
            return Err(WireError::TooLarge { limit: limits.size, id: None });
        }
        begun.add(payload)?;
        if !head.is_final {
            return Ok(Packet::Alive);
        }
        let Some(Fragments { opcode, bytes: message, .. }) = parts.fragments.take() else {
            return Ok(Packet::Alive);
        };
        self.held.tidy();
        self.message(opcode, &message, limits).map(Packet::into_owned)
    }

    #[inline]
    fn message<'a>(&mut self, opcode: u8, payload: &'a [u8], limits: Limits) -> Decoded<'a> {
        if opcode == opcode::BINARY {
            return self.binary(payload, limits);
        }
        let text = payload.to_str().map_err(|_| WireError::NotText)?;
        let asks_itself = self.wire.heartbeat() == Heartbeat::Theirs;
        match (payload.first(), self.wire.version) {
            (Some(b'4'), _) => self.text(&text[1..], limits),
            (Some(b'2'), _) if asks_itself => Ok(Packet::Echo { bytes: message::heartbeat(self.wire, b"3") }),
            (Some(b'3'), _) if !asks_itself => Ok(Packet::Alive),
            (Some(b'0' | b'5' | b'6'), _) => Ok(Packet::Alive),
            (Some(b'2' | b'3'), _) => Err(WireError::Heartbeat),
            (Some(b'1'), _) => Ok(Packet::Bye),
            (Some(b'b'), version) => {
                let text = match version {
                    Version::V4 => Some(&text[1..]),
                    Version::V3 => text.strip_prefix("b4"),
                };
                let bytes = text.and_then(|text| base64_text::decode(text).ok());
                let bytes = bytes.ok_or(WireError::Malformed("a binary packet is no base64"))?;
                self.bytes(&bytes, limits).map(Packet::into_owned)
            }
            _ => Err(WireError::Malformed("the packet's type is unknown")),
        }
    }

    fn binary<'a>(&mut self, payload: &'a [u8], limits: Limits) -> Decoded<'a> {
        match (self.wire.version, payload) {
            (Version::V4, bytes) | (Version::V3, [4, bytes @ ..]) => self.bytes(bytes, limits),
            (Version::V3, [0..=6, ..]) => Ok(Packet::Alive),
            (Version::V3, _) => Err(WireError::Malformed("the packet's type is unknown")),
        }
    }

    /// The text of a message.
    #[inline]
    fn text<'a>(&mut self, text: &'a str, limits: Limits) -> Decoded<'a> {
        let Layer::SocketIo(parser) = self.wire.layer else { return Ok(super::raw::text(text)) };
        if parser != Parser::Json {
            return Err(WireError::Illegal("the msgpack parser has no texts"));
        }
        if self.held.parts().is_some_and(|parts| parts.pending.is_some()) {
            return Err(WireError::Illegal("a text in place of an attachment"));
        }
        if self.wire.role == Role::Client
            && let Some(packet) = client::text(self.wire, text, limits)
        {
            return packet;
        }
        let wait = |pending| self.held.parts_or_new().pending = Some(pending);
        socket_io::text::packet(text, self.wire.version, limits, wait)
    }

    /// The bytes of a message.
    fn bytes<'a>(&mut self, bytes: &'a [u8], limits: Limits) -> Decoded<'a> {
        match self.wire.layer {
            Layer::Raw => Ok(super::raw::bytes(bytes)),
            Layer::SocketIo(Parser::MessagePack) if self.wire.role == Role::Client => {
                client::bytes(self.wire, bytes, limits)
            }
            Layer::SocketIo(Parser::MessagePack) => socket_io::message_pack::packet(bytes, limits),
            Layer::SocketIo(Parser::Json) => {
                let pending = self.held.parts().and_then(|parts| parts.pending.as_mut());
                let pending = pending.ok_or(WireError::Illegal("an attachment of no packet"))?;
                if !pending.add(bytes, limits)? {
                    return Ok(Packet::Alive);
                }
                let pending = self.held.parts().and_then(|parts| parts.pending.take());
                self.held.tidy();
                Ok(pending.map_or(Packet::Alive, Pending::into_packet))
            }
        }
    }
}

/// What a close frame says is checked as far as RFC 6455 asks for it (section 7.4).
fn closed(payload: &[u8]) -> Result<Packet<'static>, WireError> {
    match payload {
        [] => Ok(Packet::Bye),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            let is_known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            match std::str::from_utf8(reason) {
                Ok(_) if is_known => Ok(Packet::Bye),
                Ok(_) => Err(WireError::Malformed("the close code is unknown")),
                Err(_) => Err(WireError::NotText),
            }
        }
        [_] => Err(WireError::Malformed("a close code has two bytes")),
    }
}

impl Packet<'_> {
    /// The same with bytes of its own.
    fn into_owned(self) -> Packet<'static> {
        fn owned<B: ?Sized + ToOwned>(cow: Cow<'_, B>) -> Cow<'static, B> {
            Cow::Owned(cow.into_owned())
        }
        match self {
            Packet::Event { namespace, event, id, arguments, meta } => Packet::Event {
                namespace: owned(namespace),
                event: owned(event),
                id,
                arguments: owned(arguments),
                meta,
            },
            Packet::Reply { id, outcome: Ok(value) } => Packet::Reply { id, outcome: Ok(owned(value)) },
            Packet::Connect { id, namespace, auth } => {
                Packet::Connect { id, namespace: owned(namespace), auth: owned(auth) }
            }
            Packet::Joined { namespace, socket, private } => {
                Packet::Joined { namespace: owned(namespace), socket, private }
            }
            Packet::Refusal { namespace, failure } => {
                Packet::Refusal { namespace: owned(namespace), failure }
            }
            Packet::Failed { id, failure } => Packet::Failed { id, failure },
            Packet::Disconnect { namespace, reason: _ } => {
                Packet::Disconnect { namespace: owned(namespace), reason: None }
            }
            Packet::Echo { bytes } => Packet::Echo { bytes },
            Packet::Bye => Packet::Bye,
            // The others are not of this protocol.
            _ => Packet::Alive,
        }
    }
}
