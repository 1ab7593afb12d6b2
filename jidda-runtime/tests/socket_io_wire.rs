//! Engine.IO and Socket.IO as bytes: what is written, what is read, in whatever pieces it comes.

use jidda_runtime::handler::Reply;
use jidda_runtime::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use jidda_runtime::wire::socket_io::Parser;
use jidda_runtime::wire::websocket::{self, opcode};
use jidda_runtime::wire::{Decoder, Limits, Meta, Protocol, Wire, WireError};
use jidda_runtime::{Encoding, Failure, Integers, Payload, Value};
use proptest::prelude::*;

const LIMITS: Limits = Limits::new(100_000, 32);
const V4: EngineIo = EngineIo {
    role: Role::Server,
    version: Version::V4,
    layer: Layer::SocketIo(Parser::Json),
    base64: false,
    max_attachments: 10,
    is_parted: false,
    acknowledgements: Acknowledgements::Plain,
    integers: Integers::Safe,
};
const V3: EngineIo = EngineIo { role: Role::Server, version: Version::V3, ..V4 };

/// The frames of what a server wrote: opcode and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some(head) = websocket::head(bytes).expect("a frame") {
        let (frame, rest) = bytes.split_at(head.size + head.length);
        frames.push((head.opcode, frame[head.size..].to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}

fn texts(wire: EngineIo, write: impl FnOnce(Wire, &mut Vec<u8>)) -> Vec<String> {
    let mut out = Vec::new();
    write(Wire::EngineIo(wire), &mut out);
    let text = |(opcode, payload): (u8, Vec<u8>)| match opcode {
        opcode::TEXT => String::from_utf8(payload).expect("a text"),
        _ => format!("{payload:?}"),
    };
    frames(&out).into_iter().map(text).collect()
}

/// A client's frame, in one piece or in several.
fn framed(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: [u8; 4], pieces: usize) {
    let size = payload.len().div_ceil(pieces.max(1)).max(1);
    let mut chunks: Vec<_> = payload.chunks(size).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    for (index, chunk) in chunks.iter().enumerate() {
        let opcode = if index == 0 { opcode } else { opcode::CONTINUATION };
        let is_final = index + 1 == chunks.len();
        out.push(opcode | if is_final { 0x80 } else { 0 });
        match u16::try_from(chunk.len()) {
            Ok(length @ 0..126) => out.push(0x80 | length.to_le_bytes()[0]),
            Ok(length) => {
                out.push(0xfe);
                out.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                out.push(0xff);
                out.extend_from_slice(&(chunk.len() as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&mask);
        let start = out.len();
        out.extend_from_slice(chunk);
        websocket::mask(&mut out[start..], mask);
    }
}

/// Every packet, printed, and how it ended, when the bytes come in pieces that end at `cuts`.
fn decode(wire: EngineIo, bytes: &[u8], cuts: &[usize]) -> (Vec<String>, Result<usize, WireError>) {
    let mut decoder = Decoder::default();
    let (mut packets, mut read) = (Vec::new(), Vec::new());
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    for end in ends {
        // As a connection does it: one buffer, what was used is taken off its front.
        read.extend_from_slice(&bytes[start..end]);
        start = end;
        loop {
            match Wire::EngineIo(wire).decode(&mut decoder, &mut read, LIMITS) {
                Ok(Some((packet, length))) => {
                    packets.push(format!("{packet:?}"));
                    read.drain(..length);
                }
                Ok(None) => break,
                Err(error) => return (packets, Err(error)),
            }
        }
    }
    (packets, Ok(read.len()))
}

#[test]
fn an_event_is_written_as_the_reference_writes_it() {
    let event = |wire, namespace, event, value: &Value| {
        texts(wire, |wire, out| wire.event(out, namespace, event, value).unwrap())
    };
    assert_eq!(event(V4, "/", "foo", &1.into()), [r#"42["foo",1]"#]);
    assert_eq!(event(V4, "/admin", "a\"b", &"é".into()), [r#"42/admin,["a\"b","é"]"#]);
    let bytes = Value::Array(vec![Value::Binary(vec![1, 2]), Value::Binary(vec![3])]);
    let placeholders = r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(
        event(V4, "/", "b", &bytes),
        [format!(r#"452-["b",{placeholders}]"#), "[1, 2]".into(), "[3]".into()]
    );
    assert_eq!(event(V3, "/", "b", &bytes)[1..], ["[4, 1, 2]", "[4, 3]"]);
    let base64 = EngineIo { base64: true, ..V4 };
    assert_eq!(event(base64, "/", "b", &bytes)[1..], ["bAQI=", "bAw=="]);
    assert_eq!(event(EngineIo { base64: true, ..V3 }, "/", "b", &bytes)[1..], ["b4AQI=", "b4Aw=="]);
}

#[test]
fn a_tuple_is_several_arguments_and_nothing_is_none() {
    let none = texts(V4, |wire, out| wire.event(out, "/", "e", &()).unwrap());
    assert_eq!(none, [r#"42["e"]"#]);
    let several = texts(V4, |wire, out| wire.event(out, "/", "e", &(1, "a", [2])).unwrap());
    assert_eq!(several, [r#"42["e",1,"a",[2]]"#]);
    let encoded = texts(V4, |wire, out| wire.event_encoded(out, "/a", "e", b"[1,2]").unwrap());
    assert_eq!(encoded, [r#"42/a,["e",1,2]"#]);
    let request = texts(V4, |wire, out| wire.request(out, 7, ("/a", "e"), b"[]", &Meta::default()).unwrap());
    assert_eq!(request, [r#"42/a,7["e"]"#]);
}

#[test]
fn control_packets_are_written_as_the_reference_writes_them() {
    let sid = "0123456789abcdefghij";
    assert_eq!(texts(V4, |wire, out| wire.connected(out, "/", 0, sid)), [format!(r#"40{{"sid":"{sid}"}}"#)]);
    assert_eq!(
        texts(V4, |wire, out| wire.connected(out, "/a", 0, sid)),
        [format!(r#"40/a,{{"sid":"{sid}"}}"#)]
    );
    assert_eq!(texts(V3, |wire, out| wire.connected(out, "/", 0, sid)), ["40"]);
    assert_eq!(texts(V3, |wire, out| wire.connected(out, "/a", 0, sid)), ["40/a,"]);
    let unknown = |wire| texts(wire, |wire, out| wire.unknown_namespace(out, "/random", 0));
    assert_eq!(unknown(V4), [r#"44/random,{"message":"Invalid namespace"}"#]);
    assert_eq!(unknown(V3), [r#"44/random,"Invalid namespace""#]);
    let mut failure = Failure::new("denied", "not you");
    let refused = |wire, failure: &Failure| {
        texts(wire, |wire, out| wire.connect_refused(out, "/", 0, &failure.told(usize::MAX)))
    };
    assert_eq!(refused(V4, &failure), [r#"44{"message":"not you","data":{"code":"denied"}}"#]);
    assert_eq!(refused(V3, &failure), [r#"44"not you""#]);
    failure.data = Payload::encode(&5, Encoding::MessagePack).ok();
    assert_eq!(refused(V4, &failure), [r#"44{"message":"not you","data":5}"#]);
    assert_eq!(refused(V3, &failure), ["445"]);
    failure.data = Payload::encode(&Value::Binary(vec![1, 2]), Encoding::MessagePack).ok();
    assert_eq!(refused(V4, &failure), [r#"44{"message":"not you","data":{"code":"denied"}}"#]);
    assert_eq!(refused(V3, &failure), [r#"44"not you""#]);
    failure.data = Payload::encode(&5, Encoding::MessagePack).ok();
    assert_eq!(texts(V4, |wire, out| wire.disconnect(out, "/a", "why")), ["41/a,"]);
    assert_eq!(texts(V4, |wire, out| wire.ping(out, 0)), ["2"]);
    let error = texts(V4, |wire, out| wire.failure(out, "/a", 3, &failure.told(usize::MAX)));
    assert_eq!(error, [r#"43/a,3[{"error":{"code":"denied","message":"not you","data":5}}]"#]);
}

#[test]
fn an_acknowledgement_has_the_form_of_its_resource() {
    let wrapped = EngineIo { acknowledgements: Acknowledgements::Wrapped, ..V4 };
    let value = |reply: Reply| reply.payload().cloned().unwrap();
    for (reply, plain, ok) in [
        (Reply::value(&(), Encoding::Json(Integers::Safe)), "433[]", r#"433[{"ok":null}]"#),
        (Reply::value(&7, Encoding::Json(Integers::Safe)), "433[7]", r#"433[{"ok":7}]"#),
        (Reply::value(&(1, 2), Encoding::Json(Integers::Safe)), "433[1,2]", r#"433[{"ok":[1,2]}]"#),
        (Reply::value(&vec![1, 2], Encoding::Json(Integers::Safe)), "433[[1,2]]", r#"433[{"ok":[1,2]}]"#),
    ] {
        let payload = value(reply);
        assert_eq!(texts(V4, |wire, out| wire.reply(out, "/", 3, &payload)), [plain]);
        assert_eq!(texts(wrapped, |wire, out| wire.reply(out, "/", 3, &payload)), [ok]);
    }
    let bytes = value(Reply::value(&Value::Binary(vec![1]), Encoding::Json(Integers::Safe)));
    let frames = texts(wrapped, |wire, out| wire.reply(out, "/a", 3, &bytes));
    assert_eq!(frames, [r#"461-/a,3[{"ok":{"_placeholder":true,"num":0}}]"#, "[1]"]);
    let failure = Failure::new("denied", "not you");
    let failed = texts(wrapped, |wire, out| wire.failure(out, "/", 3, &failure.told(usize::MAX)));
    assert_eq!(failed, [r#"433[{"error":{"code":"denied","message":"not you"}}]"#]);
    let message_pack = EngineIo { layer: Layer::SocketIo(Parser::MessagePack), ..wrapped };
    for (reply, ok) in [
        (Reply::value(&(), Encoding::SocketIoMessagePack(Integers::Safe)), vec![0xc0]),
        (Reply::value(&7, Encoding::SocketIoMessagePack(Integers::Safe)), vec![7]),
        (Reply::value(&(1, 2), Encoding::SocketIoMessagePack(Integers::Safe)), vec![0x92, 1, 2]),
    ] {
        let [frame] = &*texts(message_pack, |wire, out| wire.reply(out, "/", 3, &value(reply.clone())))
        else {
            panic!("one frame")
        };
        let data = [&b"\x91\x81\xa2ok"[..], &ok].concat();
        let listed = format!("{data:?}");
        assert!(frame.contains(listed.trim_matches(['[', ']'])), "{frame} has {listed}");
    }
}

/// The usual reply is written in a way of its own: what is read is the same at every border of it.
#[test]
fn a_reply_reads_the_same_whatever_its_size_and_number() {
    for id in [0, 9, 10, 127, 128, 255, 256, 65_535, 65_536, u32::MAX] {
        for size in [0, 1, 105, 110, 115, 120, 121, 122, 125, 126, 200, 70_000] {
            let text = "x".repeat(size);
            let reply = Reply::value(text.as_str(), Encoding::Json(Integers::Safe));
            let value = reply.payload().unwrap();
            for namespace in ["/", "/a"] {
                let mut out = Vec::new();
                Wire::EngineIo(V4).reply(&mut out, namespace, id, value);
                let head = if namespace == "/" { String::new() } else { format!("{namespace},") };
                let expected = format!("43{head}{id}[\"{text}\"]").into_bytes();
                assert!(frames(&out) == [(1, expected)], "{id} {size} {namespace}");
            }
        }
    }
}

#[test]
fn a_raw_message_is_a_text_bytes_or_json() {
    let raw = EngineIo { layer: Layer::Raw, ..V4 };
    let sent = |value: Value| texts(raw, |wire, out| wire.event(out, "/", "message", &(value,)).unwrap());
    assert_eq!(sent("hi".into()), ["4hi"]);
    assert_eq!(sent(Value::Binary(vec![1])), ["[1]"]);
    assert_eq!(sent(Value::Array(vec![1.into()])), ["4[1]"]);
    let mut out = Vec::new();
    let refused = Wire::EngineIo(raw).event(&mut out, "/", "other", &());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "there are no events on a raw connection, only messages: not `other`"
    );
    assert!(out.is_empty());
}

#[test]
fn heartbeats_go_one_way() {
    let said = |wire, text: &str| {
        let mut bytes = Vec::new();
        framed(&mut bytes, opcode::TEXT, text.as_bytes(), [1, 2, 3, 4], 1);
        decode(wire, &bytes, &[])
    };
    assert_eq!(said(V4, "3").0, ["Alive"]);
    assert_eq!(said(V4, "2").1, Err(WireError::Heartbeat));
    assert_eq!(said(V3, "2").0, [format!("Echo {{ bytes: {:?} }}", [0x81, 1, b'3'])]);
    assert_eq!(said(V3, "3").1, Err(WireError::Heartbeat));
    assert_eq!(said(V4, "1").0, ["Bye"]);
    assert!(matches!(said(V4, "abc").1, Err(WireError::Malformed(_))));
    assert!(matches!(said(V4, "").1, Err(WireError::Malformed(_))));
}

#[test]
fn what_rfc_6455_forbids_ends_the_connection() {
    let read = |bytes: &[u8]| decode(V4, bytes, &[]).1;
    let malformed = |bytes: &[u8]| assert!(matches!(read(bytes), Err(WireError::Malformed(_))), "{bytes:?}");
    malformed(b"\x81\x01\x33");
    malformed(b"\xc1\x81\0\0\0\x003");
    malformed(b"\x83\x81\0\0\0\x003");
    malformed(b"\x80\x81\0\0\0\x003");
    malformed(b"\x01\x81\0\0\0\x003\x81\x81\0\0\0\x003");
    malformed(b"\x01\x81\0\0\0\x003\x01\x81\0\0\0\x003");
    malformed(b"\x09\x80\0\0\0\0");
    malformed(b"\x89\xfe\x00\x7e\0\0\0\0");
    malformed(b"\x88\x81\0\0\0\0x");
    malformed(b"\x88\x82\0\0\0\0\x03\xee");
    assert_eq!(read(b"\x81\x82\0\0\0\x004\xff"), Err(WireError::NotText));
    assert_eq!(read(b"\x88\x83\0\0\0\0\x03\xe8\xff"), Err(WireError::NotText));
    let too_large = Err(WireError::TooLarge { limit: LIMITS.size, id: None });
    assert_eq!(read(b"\x82\xff\0\0\0\0\0\x01\x86\xa1\0\0\0\0"), too_large);
    assert!(read(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0").is_err());
}

#[test]
fn endless_continuations_are_too_large() {
    let mut bytes = vec![0x01, 0x80, 0, 0, 0, 0];
    for _ in 0..200 {
        bytes.extend_from_slice(&[0x00, 0xfe, 0x03, 0xe8, 0, 0, 0, 0]);
        bytes.extend_from_slice(&[b'4'; 1000]);
    }
    assert_eq!(decode(V4, &bytes, &[]).1, Err(WireError::TooLarge { limit: LIMITS.size, id: None }));
}

#[test]
fn a_control_frame_may_arrive_within_a_message() {
    let mut bytes = b"\x01\x82\0\0\0\x0042".to_vec();
    framed(&mut bytes, opcode::PING, b"hi", [9, 9, 9, 9], 1);
    bytes.extend_from_slice(b"\x80\x85\0\0\0\0[\"a\"]");
    let (packets, left) = decode(V4, &bytes, &[]);
    assert_eq!(left, Ok(0));
    assert_eq!(packets[0], "Alive");
    assert_eq!(packets[1], format!("Echo {{ bytes: {:?} }}", [0x8a, 2, b'h', b'i']));
    assert!(packets[2].contains(r#"event: "a""#), "{packets:?}");
}

#[test]
fn attachments_arrive_in_order_without_other_packets_between_them() {
    let event = |out: &mut Vec<u8>| {
        let text = br#"452-["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
        framed(out, opcode::TEXT, text, [1, 1, 1, 1], 1);
    };
    let mut bytes = Vec::new();
    event(&mut bytes);
    framed(&mut bytes, opcode::BINARY, b"one", [1, 1, 1, 1], 2);
    framed(&mut bytes, opcode::TEXT, b"3", [1, 1, 1, 1], 1);
    framed(&mut bytes, opcode::BINARY, b"two", [1, 1, 1, 1], 1);
    let (packets, left) = decode(V4, &bytes, &[]);
    assert_eq!(left, Ok(0));
    assert!(packets.last().unwrap().starts_with("Event"), "{packets:?}");
    let mut bytes = Vec::new();
    event(&mut bytes);
    framed(&mut bytes, opcode::TEXT, br#"42["x"]"#, [1, 1, 1, 1], 1);
    assert!(matches!(decode(V4, &bytes, &[]).1, Err(WireError::Illegal(_))));
    let mut bytes = Vec::new();
    framed(&mut bytes, opcode::BINARY, b"x", [1, 1, 1, 1], 1);
    assert!(matches!(decode(V4, &bytes, &[]).1, Err(WireError::Illegal(_))));
    let mut bytes = Vec::new();
    event(&mut bytes);
    for _ in 0..2 {
        framed(&mut bytes, opcode::BINARY, &vec![7; 60_000], [1, 1, 1, 1], 1);
    }
    assert_eq!(decode(V4, &bytes, &[]).1, Err(WireError::TooLarge { limit: LIMITS.size, id: None }));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        // What JavaScript has exactly: others are refused where they are encoded.
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        (0..=1_u64 << 53).prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        ".*".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec(("[a-z]{1,4}", inner), 0..5).prop_map(|entries| Value::Map(
                entries.into_iter().map(|(key, value)| (key.into(), value)).collect()
            )),
        ]
    })
}

fn attachments(value: &Value) -> usize {
    match value {
        Value::Binary(_) => 1,
        Value::Array(elements) => elements.iter().map(attachments).sum(),
        Value::Map(entries) => entries.iter().map(|(_, value)| attachments(value)).sum(),
        _ => 0,
    }
}

/// What a server writes, sent back by a client: frames with another mask.
fn returned(written: &[u8], mask: [u8; 4], pieces: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (opcode, payload) in frames(written) {
        framed(&mut bytes, opcode, &payload, mask, pieces);
    }
    bytes
}

proptest! {
    #[test]
    fn an_event_survives_in_any_pieces(
        arguments in proptest::collection::vec(json(), 0..4),
        event in "[^\\x00]{1,12}",
        namespace in prop_oneof![Just("/".to_owned()), "/[a-z0-9é]{1,6}"],
        mask in any::<[u8; 4]>(),
        pieces in 1usize..4,
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
        is_v3 in any::<bool>(),
        base64 in any::<bool>(),
        parser in prop_oneof![Just(Parser::Json), Just(Parser::MessagePack)],
    ) {
        let arguments = Value::Array(arguments);
        prop_assume!(attachments(&arguments) <= LIMITS.attachments);
        let version = if is_v3 { Version::V3 } else { Version::V4 };
        let wire = EngineIo { role: Role::Server, version, base64, layer: Layer::SocketIo(parser), max_attachments: 10, is_parted: false, acknowledgements: Acknowledgements::Plain, integers: Integers::Safe };
        let encoding = Wire::EngineIo(wire).encoding();
        // A value that is encoded is no list yet: JSON shows the array itself, which is what a list looks like.
        let list = Payload::encode(&arguments, encoding).unwrap();
        let mut written = Vec::new();
        let list = list_of(&list);
        Wire::EngineIo(wire).event_encoded(&mut written, &namespace, &event, &list).unwrap();
        let bytes = returned(&written, mask, pieces);
        let (whole, left) = decode(wire, &bytes, &[]);
        prop_assert_eq!(left, Ok(0), "{:?}", whole);
        let last = whole.last().unwrap();
        let head = format!("Event {{ namespace: {namespace:?}, event: {event:?}, id: None");
        prop_assert!(last.starts_with(&head), "{} {}", last, head);
        prop_assert_eq!(decode(wire, &bytes, &cuts), (whole, Ok(0)));
    }

    #[test]
    fn a_stream_cut_anywhere_waits_for_more(cut in any::<usize>(), mask in any::<[u8; 4]>()) {
        let mut bytes = Vec::new();
        framed(&mut bytes, opcode::TEXT, br#"42/a,7["event",{"a":[1,2,"\u00e9"]}]"#, mask, 1);
        let end = cut % bytes.len();
        prop_assert_eq!(decode(V4, &bytes[..end], &[]), (vec![], Ok(end)));
    }

    #[test]
    fn no_input_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        texts in proptest::collection::vec((0u8..12, "[0-9b]?[0-6]?[0-9]?-?(/[a-z]*,)?[0-9]{0,3}[\\[{\"a-z,:\\]}0-9_]{0,30}"), 0..6),
        is_v3 in any::<bool>(),
        layer in prop_oneof![
            Just(Layer::Raw), Just(Layer::SocketIo(Parser::Json)), Just(Layer::SocketIo(Parser::MessagePack))
        ],
    ) {
        let wire = EngineIo { role: Role::Server, version: if is_v3 { Version::V3 } else { Version::V4 }, layer, base64: false, max_attachments: 10, is_parted: false, acknowledgements: Acknowledgements::Plain, integers: Integers::Safe };
        decode(wire, &bytes, &[]).1.ok();
        let mut framed_texts = Vec::new();
        for (opcode, text) in &texts {
            framed(&mut framed_texts, *opcode & 0x0b, text.as_bytes(), [3, 1, 4, 1], 1);
        }
        decode(wire, &framed_texts, &[]).1.ok();
    }
}

/// The encoded array as the list it is.
fn list_of(payload: &Payload) -> Vec<u8> {
    let mut out = Vec::new();
    // A reply that is a list and one that is a value differ in what stands around them only.
    Wire::MessagePackRpc.reply(&mut out, "/", 0, payload);
    out.split_off(4)
}

#[test]
fn an_item_is_an_event_that_names_its_stream() {
    let item = |encoding| Payload::encode(&(1, [Value::Binary(vec![1, 2])]), encoding).unwrap();
    assert_eq!(
        texts(V4, |wire, out| wire.item(out, "/a", 7, &item(Encoding::Json(Integers::Safe)))),
        [r#"451-/a,["$/item","7",[1,[{"_placeholder":true,"num":0}]]]"#, "[1, 2]"]
    );
    let failure = Failure::new("broke", "it broke");
    assert_eq!(
        texts(V3, |wire, out| {
            wire.end_of_items(out, "/", 7, None);
            wire.end_of_items(out, "/", 8, Some(&failure.told(usize::MAX)));
        }),
        [r#"42["$/end","7"]"#, r#"42["$/end","8",{"code":"broke","message":"it broke"}]"#]
    );
    let wire = EngineIo { layer: Layer::SocketIo(Parser::MessagePack), ..V4 };
    let mut out = Vec::new();
    Wire::EngineIo(wire).item(&mut out, "/a", 7, &item(Encoding::SocketIoMessagePack(Integers::Safe)));
    Wire::EngineIo(wire).end_of_items(&mut out, "/a", 7, None);
    let packets: Vec<_> = frames(&out)
        .into_iter()
        .map(|(_, bytes)| rmpv::decode::read_value(&mut &bytes[..]).unwrap())
        .collect();
    let pair = Value::Array(vec![1.into(), Value::Array(vec![Value::Binary(vec![1, 2])])]);
    assert_eq!(packets[0]["data"], Value::Array(vec!["$/item".into(), "7".into(), pair]));
    assert_eq!(packets[0]["nsp"], "/a".into());
    assert_eq!(packets[1]["data"], Value::Array(vec!["$/end".into(), "7".into()]));
}
