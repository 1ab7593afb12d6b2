//! What must hold for packets of socket.io-msgpack-parser, whatever is in them and whatever bytes they are.
#![allow(missing_docs)]

use jidda_runtime::Value;
use jidda_runtime::wire::socket_io::message_pack::{self, packet};
use jidda_runtime::wire::{Limits, Packet, WireError};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

const LIMITS: Limits = Limits::new(100_000, 64);

/// What a program in `JavaScript` may send.
#[derive(Clone, Debug)]
enum Js {
    Plain(Value),
    Undefined,
    Date(i64),
    Buffer(Vec<u8>),
    Array(Vec<Js>),
    Object(Vec<(String, Js)>),
}

impl Js {
    /// As the reference writes it.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Plain(value) => rmpv::encode::write_value(out, value).unwrap(),
            Self::Undefined => out.extend([0xd4, 0, 0]),
            Self::Date(milliseconds) => {
                out.extend([0xd7, 0]);
                out.extend(milliseconds.to_be_bytes());
            }
            Self::Buffer(bytes) => {
                match u8::try_from(bytes.len()) {
                    Ok(length) => out.extend([0xc7, length, 0]),
                    Err(_) => {
                        out.push(0xc8);
                        out.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
                        out.push(0);
                    }
                }
                out.extend(bytes);
            }
            Self::Array(all) => {
                rmp::encode::write_array_len(out, all.len().try_into().unwrap()).unwrap();
                for value in all {
                    value.write(out);
                }
            }
            Self::Object(all) => {
                rmp::encode::write_map_len(out, all.len().try_into().unwrap()).unwrap();
                for (key, value) in all {
                    rmp::encode::write_str(out, key).unwrap();
                    value.write(out);
                }
            }
        }
    }

    /// What is to be made of it.
    fn plain(&self) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Undefined => Value::Nil,
            Self::Date(milliseconds) => Value::from(*milliseconds),
            Self::Buffer(bytes) => Value::from(bytes.clone()),
            Self::Array(all) => Value::Array(all.iter().map(Self::plain).collect()),
            Self::Object(all) => {
                let defined = all.iter().filter(|(_, value)| !matches!(value, Self::Undefined));
                Value::Map(defined.map(|(key, value)| (key.as_str().into(), value.plain())).collect())
            }
        }
    }
}

fn js() -> impl Strategy<Value = Js> {
    let leaf = prop_oneof![
        Just(Js::Undefined),
        any::<i64>().prop_map(Js::Date),
        prop_oneof![9 => vec(any::<u8>(), 0..30), 1 => vec(any::<u8>(), 250..300)].prop_map(Js::Buffer),
        prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("comparable", |number| !number.is_nan()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            vec(any::<u8>(), 0..40).prop_map(Value::from),
            (1..=127i8, vec(any::<u8>(), 0..20)).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
        ]
        .prop_map(Js::Plain),
    ];
    leaf.prop_recursive(4, 24, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Js::Array),
            vec((any::<String>(), inner), 0..20).prop_map(Js::Object),
        ]
    })
}

fn string(text: &str) -> Js {
    Js::Plain(text.into())
}

/// A client's packet, with its keys in any order.
fn sent() -> impl Strategy<Value = (u8, Vec<u8>, Js, Option<u32>)> {
    let object = vec((any::<String>(), js()), 0..5).prop_map(Js::Object);
    let event = ("[a-z]{1,40}", vec(js(), 0..5)).prop_map(|(event, mut data)| {
        data.insert(0, string(&event));
        (2, Js::Array(data))
    });
    let kind_and_data = prop_oneof![
        prop_oneof![Just(Js::Undefined), object].prop_map(|data| (0, data)),
        Just((1, Js::Undefined)),
        event,
        vec(js(), 0..5).prop_map(|data| (3, Js::Array(data))),
    ];
    let options = Js::Object(vec![("compress".to_owned(), Js::Plain(true.into()))]);
    (kind_and_data, any::<u32>(), any::<bool>()).prop_flat_map(move |((kind, data), id, with_id)| {
        let id = (kind == 3 || with_id && kind == 2).then_some(id);
        let entries = vec![
            ("type", Js::Plain(kind.into())),
            ("nsp", string("/chat")),
            ("data", data.clone()),
            ("options", options.clone()),
            ("id", id.map_or(Js::Undefined, |id| Js::Plain(id.into()))),
        ];
        Just(entries).prop_shuffle().prop_map(move |entries| {
            let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            let mut bytes = Vec::new();
            Js::Object(entries).write(&mut bytes);
            (kind, bytes, data.clone(), id)
        })
    })
}

fn value(encoded: &[u8]) -> Value {
    let mut rest = encoded;
    let value = rmpv::decode::read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
    value
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).unwrap();
    out
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

/// A packet with one byte another, or any bytes.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let changed = (sent(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(sent, place, byte)| {
        let mut bytes = sent.1;
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes
    });
    prop_oneof![changed, vec(any::<u8>(), 0..100)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_clients_send_is_read((kind, bytes, data, sent_id) in sent()) {
        let data = data.plain();
        match packet(&bytes, LIMITS).unwrap() {
            Packet::Connect { id: 0, namespace, auth } => {
                prop_assert_eq!((kind, &*namespace), (0, "/chat"));
                prop_assert_eq!(if auth.is_empty() { Value::Nil } else { value(&auth) }, data);
            }
            Packet::Disconnect { namespace, reason: None } => {
                prop_assert_eq!((kind, &*namespace), (1, "/chat"));
            }
            Packet::Event { namespace, event, id, arguments, meta: None } => {
                prop_assert_eq!((kind, &*namespace, id), (2, "/chat", sent_id));
                let Value::Array(mut all) = value(&arguments) else { panic!("{arguments:x?}") };
                all.insert(0, (*event).into());
                prop_assert_eq!(Value::Array(all), data);
            }
            Packet::Reply { id, outcome: Ok(list) } => {
                prop_assert_eq!((kind, Some(id)), (3, sent_id));
                prop_assert_eq!(value(&list), data);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_read(
        namespace in any::<String>(),
        name in any::<String>(),
        all in vec(js(), 0..5),
        id in of(any::<u32>()),
    ) {
        let list = encoded(&Value::Array(all.iter().map(Js::plain).collect()));
        let mut out = Vec::new();
        message_pack::event(&mut out, &namespace, &name, &list, id);
        let wanted = Packet::Event {
            namespace: (&*namespace).into(),
            event: (&*name).into(),
            id,
            arguments: (&*list).into(),
            meta: None,
        };
        prop_assert_eq!(packet(&out, LIMITS), Ok(wanted));
        out.clear();
        message_pack::ack(&mut out, &namespace, id.unwrap_or(0), &list);
        let wanted = Packet::Reply { id: id.unwrap_or(0), outcome: Ok((&*list).into()) };
        prop_assert_eq!(packet(&out, LIMITS), Ok(wanted));
        out.clear();
        message_pack::disconnect(&mut out, &namespace);
        let wanted = Packet::Disconnect { namespace: (&*namespace).into(), reason: None };
        prop_assert_eq!(packet(&out, LIMITS), Ok(wanted));
    }

    #[test]
    fn a_part_of_a_packet_is_no_packet((_, bytes, ..) in sent(), more in any::<u8>()) {
        for end in 0..bytes.len() {
            prop_assert!(packet(&bytes[..end], LIMITS).is_err());
        }
        prop_assert!(packet(&[&bytes[..], &[more]].concat(), LIMITS).is_err());
    }

    #[test]
    fn any_bytes_are_harmless(bytes in likely_bytes()) {
        let read = match packet(&bytes, LIMITS) {
            Ok(Packet::Event { arguments: read, .. } | Packet::Reply { outcome: Ok(read), .. }) => read,
            Ok(Packet::Connect { auth, .. }) if !auth.is_empty() => auth,
            _ => return Ok(()),
        };
        prop_assert!(read.len() <= bytes.len());
        // Text that is not UTF-8 is the handler's to refuse.
        if let Ok(value) = rmpv::decode::read_value(&mut &read[..]) {
            prop_assert!(is_plain(&value), "{:?}", value);
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn other_encoders_are_read_too() {
    // Nil in place of nothing, and doubles for all numbers.
    let connect = bytes("84 a36e7370 a12f a464617461 c0 a474797065 cb0000000000000000 a26964 c0");
    assert_eq!(
        packet(&connect, LIMITS),
        Ok(Packet::Connect { id: 0, namespace: "/".into(), auth: (&[]).into() })
    );
    for (name, event) in [
        ("a161", "a"),
        ("d90161", "a"),
        ("07", "7"),
        ("d3ffffffffffffffff", "-1"),
        ("cb3ff8000000000000", "1.5"),
        ("cb4000000000000000", "2"),
    ] {
        let bytes = bytes(&format!("de0003 a474797065 cc02 a464617461 dc0001 {name} a36e7370 d9012f"));
        let wanted = Packet::Event {
            namespace: "/".into(),
            event: event.into(),
            id: None,
            arguments: (&[0x90]).into(),
            meta: None,
        };
        assert_eq!(packet(&bytes, LIMITS), Ok(wanted), "{name}");
    }
}

#[test]
fn what_the_reference_refuses_is_refused() {
    let packet_of = |entries: &str, count: u8| [vec![0x80 | count], bytes(entries)].concat();
    let (kind, data, nsp, id) = ("a474797065", "a464617461", "a36e7370a12f", "a26964");
    for (count, entries) in [
        (0, String::new()),
        (1, nsp.to_owned()),
        (1, format!("{kind}02")),
        (2, format!("{kind}05{nsp}")),
        (2, format!("{kind}ff{nsp}")),
        (2, format!("{kind}a130{nsp}")),
        (2, format!("{kind}cb3ff8000000000000{nsp}")),
        (2, format!("{kind}00a36e737007")),
        (2, format!("{kind}00a36e7370a1ff")),
        (3, format!("{kind}00{data}90{nsp}")),
        (3, format!("{kind}01{data}80{nsp}")),
        (2, format!("{kind}02{nsp}")),
        (3, format!("{kind}02{data}c0{nsp}")),
        (3, format!("{kind}02{data}80{nsp}")),
        (3, format!("{kind}02{data}90{nsp}")),
        (3, format!("{kind}02{data}91c0{nsp}")),
        (3, format!("{kind}02{data}91a1ff{nsp}")),
        (3, format!("{kind}02{data}91cb7ff0000000000000{nsp}")),
        (3, format!("{kind}03{data}90{nsp}")),
        (4, format!("{kind}03{data}80{nsp}{id}01")),
        (4, format!("{kind}03{data}90{nsp}{id}ff")),
        (4, format!("{kind}03{data}90{nsp}{id}cf0000000100000000")),
        (4, format!("{kind}02{data}91a161{nsp}{id}a131")),
        (3, format!("{kind}04{data}80{nsp}")),
        (2, format!("{kind}01{nsp}c0")),
    ] {
        let bytes = packet_of(&entries, count);
        assert!(matches!(packet(&bytes, LIMITS), Err(WireError::Illegal(_))), "{entries}");
    }
    assert!(packet(&[], LIMITS).is_err());
    assert!(packet(&[0x91, 0xc0], LIMITS).is_err());
}
