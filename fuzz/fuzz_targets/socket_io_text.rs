//! The texts of Socket.IO's own parser: what is read is what `serde_json` reads, and survives being written.
#![no_main]

use jidda_runtime::Integers;
use jidda_runtime::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use jidda_runtime::wire::socket_io::Parser;
use jidda_runtime::wire::websocket::{self, opcode};
use jidda_runtime::wire::{Decoder, Limits, Meta, Packet, Protocol, Wire, WireError};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

const LIMITS: Limits = Limits::new(1 << 20, 32);

fn wire(version: Version) -> Wire {
    Wire::EngineIo(EngineIo { role: Role::Server, version, layer: Layer::SocketIo(Parser::Json), base64: false, max_attachments: 10, is_parted: false, acknowledgements: Acknowledgements::Plain, integers: Integers::Safe })
}

/// A client's frame, masked with nothing.
fn framed(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let start = out.len();
    websocket::frame(out, opcode, |out| out.extend_from_slice(payload));
    out[start + 1] |= 0x80;
    let size = out.len() - payload.len();
    out.splice(size..size, [0; 4]);
}

/// What the server's own frames are, as a client would have sent them.
fn returned(mut written: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(head) = websocket::head(written).unwrap() {
        let (frame, rest) = written.split_at(head.size + head.length);
        framed(&mut out, head.opcode, &frame[head.size..]);
        written = rest;
    }
    out
}

/// What a packet says, with bytes of its own.
#[derive(Debug, PartialEq)]
enum Said {
    Event {
        namespace: String,
        event: String,
        id: Option<u32>,
        arguments: Vec<u8>,
    },
    Reply {
        id: u32,
        value: Vec<u8>,
    },
    Connect {
        auth: Vec<u8>,
    },
    Disconnect,
    /// Its attachments are to come.
    Nothing,
}

/// The first packet that is more than a sign of life.
fn read(version: Version, mut bytes: &mut [u8]) -> Result<Said, WireError> {
    let mut decoder = Decoder::default();
    loop {
        let Some((packet, length)) = wire(version).decode(&mut decoder, bytes, LIMITS)? else {
            return Ok(Said::Nothing);
        };
        return Ok(match packet {
            Packet::Alive => {
                bytes = &mut bytes[length..];
                continue;
            }
            Packet::Event { namespace, event, id, arguments, meta: None } => Said::Event {
                namespace: namespace.into_owned(),
                event: event.into_owned(),
                id,
                arguments: arguments.into_owned(),
            },
            Packet::Reply { id, outcome: Ok(value) } => Said::Reply { id, value: value.into_owned() },
            Packet::Connect { auth, .. } => Said::Connect { auth: auth.into_owned() },
            Packet::Disconnect { reason: None, .. } => Said::Disconnect,
            other => panic!("a text is no {other:?}"),
        });
    }
}

/// An argument list as an array of its own: that of an event begins where its name ends.
fn array(arguments: &[u8]) -> Vec<u8> {
    match arguments {
        [b',', rest @ ..] => [b"[", rest].concat(),
        b"]" => b"[]".to_vec(),
        whole => whole.to_vec(),
    }
}

/// A text's value, unless a number in it is larger than any.
fn json(text: &[u8]) -> Option<Value> {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(text) {
        panic!("{error}: {}", String::from_utf8_lossy(text));
    }
    serde_json::from_slice(text).ok()
}

fn check(version: Version, text: &str, attachments: &[&[u8]]) {
    let mut bytes = Vec::new();
    framed(&mut bytes, opcode::TEXT, format!("4{text}").as_bytes());
    attachments.iter().for_each(|attachment| match version {
        Version::V4 => framed(&mut bytes, opcode::BINARY, attachment),
        Version::V3 => framed(&mut bytes, opcode::BINARY, &[&[4], *attachment].concat()),
    });
    let said = match read(version, &mut bytes) {
        Err(WireError::Malformed(_) | WireError::NotText | WireError::Heartbeat) => panic!("of other layers"),
        Err(_) => return,
        Ok(said) => said,
    };
    let mut again = Vec::new();
    match &said {
        Said::Event { namespace, event, id, arguments } => {
            let arguments = array(arguments);
            // A bundle begins with what begins no text.
            if arguments[0] == b'[' {
                let arguments = json(&arguments);
                let start = text.find('[').expect("an event has a list");
                // What stands in a namespace may look like one.
                if namespace == "/"
                    && let (Some(list), Some(arguments)) = (json(text[start..].as_bytes()), arguments)
                {
                    assert_eq!(list.as_array().unwrap()[1..], arguments.as_array().unwrap()[..]);
                    assert!(list[0].as_str().is_none_or(|name| name == event));
                }
            }
            match id {
                Some(id) => {
                    wire(version)
                        .request(&mut again, *id, (namespace, event), &arguments, &Meta::default())
                        .unwrap();
                }
                None => wire(version).event_encoded(&mut again, namespace, event, &arguments).unwrap(),
            }
            let again = read(version, &mut returned(&again)).unwrap();
            let Said::Event { arguments: others, .. } = &again else { panic!("{again:?}") };
            assert_eq!(array(others), arguments);
            assert_eq!(
                again,
                Said::Event {
                    namespace: namespace.clone(),
                    event: event.clone(),
                    id: *id,
                    arguments: others.clone()
                }
            );
        }
        Said::Reply { value, .. } if value[0] == b'[' => {
            assert!(json(value).is_none_or(|value| value.is_array()));
        }
        Said::Connect { auth } if !auth.is_empty() => {
            assert!(json(auth).is_none_or(|auth| auth.is_object()));
        }
        Said::Reply { .. } | Said::Connect { .. } | Said::Disconnect | Said::Nothing => {}
    }
}

fuzz_target!(|input: (&str, Vec<&[u8]>)| {
    let (text, mut attachments) = input;
    attachments.truncate(12);
    for version in [Version::V4, Version::V3] {
        check(version, text, &attachments);
        // Chance alone seldom finds more than the type.
        for head in ["2[\"a\",", "2/n,7[\"a\",", "37[", "0{", "51-[\"a\",{\"_placeholder\":true,\"num\":0},"]
        {
            check(version, &[head, text].concat(), &attachments);
            let closed = if head == "0{" { "}" } else { "]" };
            check(version, &[head, text, closed].concat(), &attachments);
        }
    }
});
