//! What a server of Socket.IO may send to a client: any bytes, in any pieces, give the packets that they give in one.
#![no_main]

use jidda_runtime::Integers;
use jidda_runtime::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use jidda_runtime::wire::socket_io::Parser;
use jidda_runtime::wire::websocket::{self, opcode};
use jidda_runtime::wire::{Decoder, Limits, Protocol, Wire, WireError};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits::new(1 << 16, 16);

fn decode(wire: Wire, bytes: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<String>, Result<usize, WireError>) {
    let mut decoder = Decoder::default();
    let (mut packets, mut start, mut end) = (Vec::new(), 0, 0);
    loop {
        match wire.decode(&mut decoder, &mut bytes[start..end].to_vec(), LIMITS) {
            Ok(Some((packet, length))) => {
                assert!(length > 0 && start + length <= end);
                assert!(decoder.kept() <= LIMITS.size + 64, "{} bytes are kept", decoder.kept());
                // Keys of masks are random.
                let shown = format!("{packet:?}");
                packets.push(if shown.starts_with("Echo") { "Echo".to_owned() } else { shown });
                start += length;
            }
            Ok(None) if end == bytes.len() => return (packets, Ok(end - start)),
            Ok(None) => end = (end + piece().max(1)).min(bytes.len()),
            Err(error) => return (packets, Err(error)),
        }
    }
}

fuzz_target!(|input: (u8, Vec<(bool, &str, &[u8])>, &[u8], Vec<u8>)| {
    let (dialect, messages, rest, sizes) = input;
    let wire = Wire::EngineIo(EngineIo {
        role: Role::Client,
        version: if dialect & 1 == 0 { Version::V4 } else { Version::V3 },
        layer: Layer::SocketIo(if dialect & 2 == 0 { Parser::Json } else { Parser::MessagePack }),
        base64: false,
        max_attachments: 10,
        is_parted: false,
        acknowledgements: if dialect & 4 == 0 { Acknowledgements::Plain } else { Acknowledgements::Wrapped },
        integers: Integers::Safe,
    });
    let mut bytes = Vec::new();
    for (is_text, text, binary) in messages {
        if is_text {
            websocket::frame(&mut bytes, opcode::TEXT, |out| out.extend_from_slice(text.as_bytes()));
        } else {
            websocket::frame(&mut bytes, opcode::BINARY, |out| out.extend_from_slice(binary));
        }
    }
    bytes.extend_from_slice(rest);
    let whole = decode(wire, &bytes, || bytes.len());
    let mut sizes = sizes.into_iter().cycle();
    let pieces = decode(wire, &bytes, || sizes.next().unwrap_or(1).into());
    assert_eq!(whole.0, pieces.0);
    match (whole.1, pieces.1) {
        (Ok(left), Ok(other)) => assert_eq!(left, other),
        (Err(error), Err(other)) => assert_eq!(error.code(), other.code()),
        (whole, pieces) => panic!("{whole:?} in one piece, {pieces:?} in several"),
    }
});
