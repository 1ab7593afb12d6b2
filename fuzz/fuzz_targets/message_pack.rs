//! The packets of socket.io-msgpack-parser: what is read is plain MessagePack, and survives being written.
#![no_main]

use jidda_runtime::Value;
use jidda_runtime::wire::socket_io::message_pack::{ack, event, packet};
use jidda_runtime::wire::{Limits, Packet, WireError};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits::new(4096, 16);

/// The value, unless it has what only a handler would refuse.
fn decode(bytes: &[u8]) -> Option<Value> {
    let mut rest = bytes;
    let value = rmpv::decode::read_value(&mut rest).ok()?;
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    Some(value)
}

/// Whether there is nothing left that only the reference understands.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Ext(0, bytes) => matches!(bytes.len(), 2 | 4 | 16),
        Value::Array(all) => all.iter().all(is_plain),
        Value::Map(all) => all.iter().all(|(key, value)| is_plain(key) && is_plain(value)),
        _ => true,
    }
}

/// A packet whose data the bytes are: chance alone seldom finds the keys.
fn packet_of(kind: u8, data: &[u8]) -> Vec<u8> {
    [b"\x84\xa4type", &[kind][..], b"\xa3nsp\xa1/\xa2id\x07\xa4data", data].concat()
}

fn check(bytes: &[u8]) {
    let read = match packet(bytes, LIMITS) {
        Ok(read) => read,
        Err(WireError::Malformed(_) | WireError::NotText | WireError::Heartbeat) => panic!("of other layers"),
        Err(_) => return,
    };
    assert!(bytes.len() <= LIMITS.size);
    assert!(packet(&bytes[..bytes.len() - 1], LIMITS).is_err());
    let mut again = Vec::new();
    let value = match &read {
        Packet::Event { namespace, event: name, id, arguments, .. } => {
            event(&mut again, namespace, name, arguments, *id);
            arguments
        }
        Packet::Reply { id, outcome: Ok(value) } => {
            ack(&mut again, "/", *id, value);
            value
        }
        Packet::Connect { auth, .. } if !auth.is_empty() => auth,
        Packet::Connect { .. } | Packet::Disconnect { .. } => return,
        other => panic!("{other:?}"),
    };
    assert!(value.len() <= bytes.len());
    assert!(decode(value).is_none_or(|value| is_plain(&value)));
    if !again.is_empty() {
        let limits = Limits::new(usize::MAX, LIMITS.depth);
        assert_eq!(packet(&again, limits), Ok(read));
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    for kind in 0..=4 {
        check(&packet_of(kind, bytes));
    }
});
