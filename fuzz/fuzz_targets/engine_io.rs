//! Engine.IO over WebSocket frames: frames in any pieces give the packets that they give in one, on every dialect.
#![no_main]

use jidda_runtime::Integers;
use jidda_runtime::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use jidda_runtime::wire::socket_io::Parser;
use jidda_runtime::wire::websocket::{mask, opcode};
use jidda_runtime::wire::{Decoder, Limits, Packet, Protocol, Wire, WireError};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { size: 4096, depth: 8, attachments: 3 };

/// What chance alone seldom finds: the beginnings and wholes of packets.
const WORDS: &[&[u8]] = &[
    b"",
    b"4",
    b"40",
    b"41",
    b"42[\"a\",1]",
    b"420[\"a\"]",
    b"43",
    b"430[]",
    b"451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
    b"462-7[{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]",
    b"42/n,[\"",
    b"b",
    b"b4",
    b"\x04",
    b"\x82\xa4type\x00\xa3nsp\xa1/",
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data",
];

/// One frame: what its first byte says, which word its payload begins with, and what follows that.
type Frame<'a> = (u8, u8, &'a [u8]);

fn write(out: &mut Vec<u8>, (first, word, rest): Frame<'_>) {
    let payload = [WORDS[usize::from(word) % WORDS.len()], rest].concat();
    // Mostly frames that make sense.
    let opcode = match first & 0x0f {
        0..=5 => opcode::TEXT,
        6..=8 => opcode::BINARY,
        9 | 10 => opcode::CONTINUATION,
        11 => opcode::PING,
        12 => opcode::PONG,
        13 => opcode::CLOSE,
        _ => return out.extend_from_slice(rest),
    };
    let is_final = first & 0x30 != 0x30;
    let is_masked = first & 0xc0 != 0xc0;
    out.push(opcode | if is_final { 0x80 } else { 0 });
    let masked = if is_masked { 0x80 } else { 0 };
    match u8::try_from(payload.len()) {
        Ok(short @ 0..126) => out.push(masked | short),
        _ => {
            out.push(masked | 0x7e);
            out.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    let key = [first, word, 0x55, 0];
    if is_masked {
        out.extend_from_slice(&key);
    }
    let start = out.len();
    out.extend_from_slice(&payload);
    if is_masked {
        mask(&mut out[start..], key);
    }
}

fn check(packet: &Packet<'_>) {
    match packet {
        Packet::Event { namespace, event, arguments, .. } => {
            // With its attachments it may be as large as they are together, and the lengths between them.
            assert!(namespace.len() + event.len() <= 3 * LIMITS.size && arguments.len() <= 2 * LIMITS.size);
        }
        Packet::Reply { outcome, .. } => {
            assert!(outcome.as_ref().is_ok_and(|value| value.len() <= 2 * LIMITS.size));
        }
        Packet::Echo { bytes } => assert!(bytes.len() <= 4 + 125),
        Packet::Connect { auth, .. } => assert!(auth.len() <= 8 * LIMITS.size),
        Packet::Disconnect { reason: None, .. } | Packet::Alive | Packet::Bye => {}
        other => panic!("no client of Engine.IO says {other:?}"),
    }
}

fn decode(
    wire: EngineIo,
    bytes: &[u8],
    mut piece: impl FnMut() -> usize,
) -> (Vec<String>, Result<usize, WireError>) {
    let mut decoder = Decoder::default();
    let (mut packets, mut read, mut end) = (Vec::new(), Vec::new(), 0);
    loop {
        // As a connection does it: one buffer, what was used is taken off its front.
        match Wire::EngineIo(wire).decode(&mut decoder, &mut read, LIMITS) {
            Ok(Some((packet, length))) => {
                check(&packet);
                packets.push(format!("{packet:?}"));
                read.drain(..length);
            }
            Ok(None) if end == bytes.len() => return (packets, Ok(read.len())),
            Ok(None) => {
                let next = (end + piece().max(1)).min(bytes.len());
                read.extend_from_slice(&bytes[end..next]);
                end = next;
            }
            Err(error) => return (packets, Err(error)),
        }
    }
}

fuzz_target!(|input: (u8, Vec<Frame<'_>>, Vec<u8>)| {
    let (dialect, frames, sizes) = input;
    let version = if dialect & 1 == 0 { Version::V4 } else { Version::V3 };
    let layer = match dialect >> 1 & 3 {
        0 => Layer::Raw,
        1 => Layer::SocketIo(Parser::MessagePack),
        _ => Layer::SocketIo(Parser::Json),
    };
    let wire = EngineIo { role: Role::Server, version, layer, base64: dialect & 8 != 0, max_attachments: 10, is_parted: false, acknowledgements: Acknowledgements::Plain, integers: Integers::Safe };
    let mut bytes = Vec::new();
    frames.into_iter().for_each(|frame| write(&mut bytes, frame));
    let whole = decode(wire, &bytes, || bytes.len());
    let mut sizes = sizes.into_iter().cycle();
    let pieces = decode(wire, &bytes, || sizes.next().unwrap_or(1).into());
    // Nothing that is kept depends on where the pieces end.
    assert_eq!(whole, pieces);
});
