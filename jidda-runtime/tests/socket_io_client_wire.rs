//! The client's role of Socket.IO: what the server's role writes is what it reads, and the other way round, however the bytes are
//! divided.
#![allow(missing_docs)]

use jidda_runtime::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use jidda_runtime::wire::socket_io::Parser;
use jidda_runtime::wire::{Decoder, Limits, Meta, Protocol, Wire};
use jidda_runtime::{Failure, Integers, Payload, Value};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMITS: Limits = Limits::new(100_000, 64);

fn wire(role: Role, version: Version, parser: Parser) -> Wire {
    Wire::EngineIo(EngineIo {
        role,
        version,
        layer: Layer::SocketIo(parser),
        base64: false,
        max_attachments: 10,
        is_parted: false,
        acknowledgements: Acknowledgements::Plain,
        integers: Integers::All,
    })
}

/// All packets that there are in `bytes`, received in pieces of such sizes.
fn read(wire: Wire, bytes: &[u8], sizes: &[usize]) -> Vec<String> {
    let mut decoder = Decoder::default();
    let (mut packets, mut start, mut end) = (Vec::new(), 0, 0);
    let mut sizes = sizes.iter().cycle();
    loop {
        // A copy: a packet's bytes are unmasked where they are.
        match wire.decode(&mut decoder, &mut bytes[start..end].to_vec(), LIMITS).unwrap() {
            Some((packet, length)) => {
                start += length;
                let shown = format!("{packet:?}");
                if shown != "Alive" {
                    packets.push(shown);
                }
            }
            None if end == bytes.len() => return packets,
            None => end = (end + sizes.next().unwrap()).min(bytes.len()),
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        vec(any::<u8>(), 0..40).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 8, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((".{0,8}".prop_map(Value::from), inner), 0..3).prop_map(Value::Map),
        ]
    })
}

fn dialect() -> impl Strategy<Value = (Version, Parser)> {
    (
        prop_oneof![Just(Version::V4), Just(Version::V3)],
        prop_oneof![Just(Parser::Json), Just(Parser::MessagePack)],
    )
}

/// Events and answers of one side.
fn write(wire: Wire, namespace: &str, event: &str, id: u32, values: &[Value]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    wire.event(&mut out, namespace, event, &values).ok()?;
    let answer = Payload::encode(&event, wire.encoding()).ok()?;
    wire.reply(&mut out, namespace, id, &answer);
    wire.disconnect(&mut out, namespace, "");
    Some(out)
}

proptest! {
    #[test]
    fn each_role_reads_what_the_other_writes(
        (version, parser) in dialect(),
        namespace in prop_oneof![Just("/".to_owned()), "/[a-z]{1,8}"],
        event in "[^$].{0,12}",
        id in any::<u32>(),
        values in vec(value(), 0..3),
        sizes in vec(1..80_usize, 1..8),
    ) {
        let [server, client] = [Role::Server, Role::Client].map(|role| wire(role, version, parser));
        let said_by_server = write(server, &namespace, &event, id, &values);
        let said_by_client = write(client, &namespace, &event, id, &values);
        prop_assert_eq!(said_by_server.is_some(), said_by_client.is_some());
        let (Some(said_by_server), Some(said_by_client)) = (said_by_server, said_by_client) else { return Ok(()) };
        let heard_by_client = read(client, &said_by_server, &[usize::MAX / 2]);
        prop_assert_eq!(heard_by_client.len(), 3);
        prop_assert_eq!(&read(client, &said_by_server, &sizes), &heard_by_client);
        prop_assert_eq!(&read(server, &said_by_client, &sizes), &heard_by_client);
    }

    #[test]
    fn refusals_and_failures_are_read(
        (version, parser) in dialect(),
        namespace in prop_oneof![Just("/".to_owned()), "/[a-z]{1,8}"],
        message in ".{0,20}",
        id in any::<u32>(),
        sizes in vec(1..80_usize, 1..8),
    ) {
        let [server, client] = [Role::Server, Role::Client].map(|role| wire(role, version, parser));
        let failure = Failure::new("denied", message.clone());
        let mut out = Vec::new();
        server.connected(&mut out, &namespace, 0, "abcdefghijklmnopqrst");
        server.connect_refused(&mut out, &namespace, 0, &failure.told(100_000));
        server.failure(&mut out, &namespace, id, &failure.told(100_000));
        let heard = read(client, &out, &sizes);
        prop_assert_eq!(heard.len(), 3);
        prop_assert!(heard[0].starts_with("Joined"), "{}", heard[0]);
        prop_assert!(heard[1].starts_with("Refusal") && heard[1].contains(&format!("{message:?}")), "{}", heard[1]);
        prop_assert!(heard[2].starts_with("Failed") && heard[2].contains(&format!("{message:?}")), "{}", heard[2]);
    }

    #[test]
    fn a_server_reads_requests_to_join_and_calls(
        (version, parser) in dialect(),
        token in "[a-z]{0,10}",
        sizes in vec(1..80_usize, 1..8),
    ) {
        let [server, client] = [Role::Server, Role::Client].map(|role| wire(role, version, parser));
        let mut auth = Vec::new();
        rmpv::encode::write_value(&mut auth, &Value::Map(vec![("token".into(), token.as_str().into())])).unwrap();
        let mut out = Vec::new();
        client.connect(&mut out, 1, "/room", &auth);
        let list: &[u8] = if parser == Parser::Json { br#"[1,"two"]"# } else { b"\x92\x01\xa3two" };
        client.request(&mut out, 7, ("/room", "ask"), list, &Meta::default()).unwrap();
        let heard = read(server, &out, &sizes);
        prop_assert_eq!(heard.len(), 2);
        prop_assert!(heard[0].starts_with("Connect") && heard[0].contains("/room"), "{}", heard[0]);
        prop_assert!(heard[1].starts_with("Event") && heard[1].contains("Some(7)"), "{}", heard[1]);
    }
}
