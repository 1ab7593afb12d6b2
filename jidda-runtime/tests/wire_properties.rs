//! What must hold for any bytes and any packets.
#![allow(missing_docs)]

use std::time::Duration;

use jidda_runtime::wire::{Decoder, Introduction, Limits, Meta, Opening, Packet, Protocol, Wire, WireError};
use jidda_runtime::{Encoding, Failure, Payload, Value};
use proptest::collection::vec;
use proptest::prelude::*;

const WIRE: Wire = Wire::MessagePackRpc;
const LIMITS: Limits = Limits::new(100_000, 64);

/// One packet to write, with all that it is made of.
#[derive(Clone, Debug)]
enum Said {
    Event { namespace: String, event: String, arguments: Vec<Value> },
    Request { id: u32, namespace: String, event: String, arguments: Vec<Value>, meta: Meta },
    Reply { id: u32, value: Value },
    Failure { id: u32, code: String, message: String, data: Option<Value> },
    Hello { id: u32 },
    Welcome { id: u32, session: String, heartbeat: u32, max_message: usize },
    Connect { id: u32, namespace: String, auth: Value },
    Connected { id: u32, socket: String },
    Disconnect { namespace: String, reason: String },
    Ping { id: u32 },
    Pong { id: u32 },
    Cancel { id: u32 },
    Item { id: u32, value: Value },
    More { id: u32, count: u32 },
    Close { reason: String },
    Refused { namespace: String, event: String, code: String, message: String },
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("comparable", |number| !number.is_nan()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        vec(any::<u8>(), 0..300).prop_map(Value::from),
        (any::<i8>(), vec(any::<u8>(), 0..20)).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
    ];
    leaf.prop_recursive(4, 64, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::Array),
            vec((inner.clone(), inner), 0..20).prop_map(Value::Map),
        ]
    })
}

/// A namespace that can be joined: one with a colon cannot.
fn namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[^:]{1,40}"]
}

/// A method that starts with `$/` is the protocol's own.
fn event() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("not reserved", |event| !event.starts_with("$/"))
}

fn meta() -> impl Strategy<Value = Meta> {
    // Longer ones are not kept.
    let text = || proptest::option::of("\\PC{0,100}".prop_map(Into::into));
    let identity = proptest::option::of(value().prop_filter("nil is none", |value| !value.is_nil()));
    let via = vec("[a-zA-Z0-9_-]{0,64}".prop_map(Into::into), 0..3).prop_map(FromIterator::from_iter);
    (any::<Option<u32>>(), text(), text(), identity, via, any::<Option<u32>>(), any::<bool>()).prop_map(
        |(deadline, traceparent, tracestate, identity, via, credit, open)| Meta {
            deadline: deadline.map(|milliseconds| Duration::from_millis(milliseconds.into())),
            traceparent,
            tracestate,
            identity: identity.map(|identity| encoded(&identity).into()),
            via,
            credit,
            open,
        },
    )
}

/// Each size that a number may be written in.
fn id() -> impl Strategy<Value = u32> {
    prop_oneof![0..0x80u32, 0x80..0x100u32, 0x100..0x1_0000u32, any::<u32>()]
}

fn said() -> impl Strategy<Value = Said> {
    let arguments = || vec(value(), 0..4);
    prop_oneof![
        (namespace(), event(), arguments()).prop_map(|(namespace, event, arguments)| Said::Event {
            namespace,
            event,
            arguments
        }),
        (id(), namespace(), event(), arguments(), meta()).prop_map(
            |(id, namespace, event, arguments, meta)| {
                Said::Request { id, namespace, event, arguments, meta }
            }
        ),
        (id(), value()).prop_map(|(id, value)| Said::Reply { id, value }),
        (any::<u32>(), any::<String>(), any::<String>(), proptest::option::of(value()))
            .prop_map(|(id, code, message, data)| Said::Failure { id, code, message, data }),
        any::<u32>().prop_map(|id| Said::Hello { id }),
        (any::<u32>(), any::<String>(), any::<u32>(), any::<usize>()).prop_map(
            |(id, session, heartbeat, max_message)| Said::Welcome { id, session, heartbeat, max_message }
        ),
        (any::<u32>(), namespace(), value()).prop_map(|(id, namespace, auth)| Said::Connect {
            id,
            namespace,
            auth
        }),
        (any::<u32>(), any::<String>()).prop_map(|(id, socket)| Said::Connected { id, socket }),
        (namespace(), any::<String>()).prop_map(|(namespace, reason)| Said::Disconnect { namespace, reason }),
        any::<u32>().prop_map(|id| Said::Ping { id }),
        any::<u32>().prop_map(|id| Said::Pong { id }),
        any::<u32>().prop_map(|id| Said::Cancel { id }),
        (any::<u32>(), value()).prop_map(|(id, value)| Said::Item { id, value }),
        (any::<u32>(), any::<u32>()).prop_map(|(id, count)| Said::More { id, count }),
        any::<String>().prop_map(|reason| Said::Close { reason }),
        (namespace(), event(), any::<String>(), any::<String>())
            .prop_map(|(namespace, event, code, message)| Said::Refused { namespace, event, code, message }),
    ]
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).unwrap();
    out
}

fn failure(code: &str, message: &str, data: Option<&Value>) -> Failure {
    let mut failure = Failure::new(code.to_owned(), message.to_owned());
    failure.data = data.map(|data| Payload::encode(data, Encoding::MessagePack).unwrap());
    failure
}

impl Said {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Event { namespace, event, arguments } => {
                WIRE.event_encoded(out, namespace, event, &encoded(&Value::Array(arguments.clone())))
                    .unwrap();
            }
            Self::Request { id, namespace, event, arguments, meta } => WIRE
                .request(out, *id, (namespace, event), &encoded(&Value::Array(arguments.clone())), meta)
                .unwrap(),
            Self::Reply { id, value } => {
                WIRE.reply(out, "/", *id, &Payload::encode(value, Encoding::MessagePack).unwrap());
            }
            Self::Failure { id, code, message, data } => {
                WIRE.failure(out, "/", *id, &failure(code, message, data.as_ref()).told(usize::MAX));
            }
            Self::Hello { id } => {
                WIRE.hello(out, *id, Introduction { identity: Some("ada"), ..Introduction::default() });
            }
            Self::Welcome { id, session, heartbeat, max_message } => {
                let heartbeat = Duration::from_millis((*heartbeat).into());
                let welcome = Opening {
                    upgrades: false,
                    session,
                    heartbeat,
                    timeout: heartbeat,
                    max_message: *max_message,
                    max_in_flight: 1024,
                    identity: Some("ada"),
                    expires: None,
                };
                WIRE.hello_reply(out, *id, welcome);
            }
            Self::Connect { id, namespace, auth } => WIRE.connect(out, *id, namespace, &encoded(auth)),
            Self::Connected { id, socket } => WIRE.connected(out, "/", *id, socket),
            Self::Disconnect { namespace, reason } => WIRE.disconnect(out, namespace, reason),
            Self::Ping { id } => WIRE.ping(out, *id),
            Self::Pong { id } => WIRE.pong(out, *id),
            Self::Cancel { id } => WIRE.cancel(out, *id),
            Self::Item { id, value } => {
                WIRE.item(out, "/", *id, &Payload::encode(value, Encoding::MessagePack).unwrap());
            }
            Self::More { id, count } => WIRE.more(out, *id, *count),
            Self::Close { reason } => WIRE.close_reason(out, reason),
            Self::Refused { namespace, event, code, message } => {
                WIRE.refused(out, namespace, event, &failure(code, message, None).told(usize::MAX));
            }
        }
    }

    /// Whether `packet` is this, read back.
    // Each field of the packet has its field's first letter.
    #[allow(clippy::many_single_char_names)]
    fn is(&self, packet: &Packet<'_>) -> bool {
        match (self, packet) {
            (
                Self::Event { namespace, event, arguments },
                Packet::Event { namespace: n, event: e, id: None, arguments: a, meta: None },
            ) => namespace == n && event == e && encoded(&Value::Array(arguments.clone()))[..] == **a,
            (
                Self::Request { id, namespace, event, arguments, meta },
                Packet::Event { namespace: n, event: e, id: Some(i), arguments: a, meta: m },
            ) => {
                id == i
                    && namespace == n
                    && event == e
                    && encoded(&Value::Array(arguments.clone()))[..] == **a
                    && (!meta.is_empty()).then_some(meta) == m.as_deref()
            }
            (Self::Reply { id, value }, Packet::Reply { id: i, outcome: Ok(bytes) }) => {
                id == i && encoded(value)[..] == **bytes
            }
            (Self::Failure { id, code, message, data }, Packet::Reply { id: i, outcome: Err(error) }) => {
                id == i && WIRE.read_failure(error) == failure(code, message, data.as_ref())
            }
            (Self::Pong { id }, Packet::Reply { id: i, outcome: Ok(bytes) }) => id == i && **bytes == [0xc0],
            (
                Self::Hello { id },
                Packet::Hello {
                    id: i,
                    wire: 1,
                    identity,
                    credentials: Value::Nil,
                    resume: None,
                    max_message: None,
                },
            ) => id == i && identity.as_str() == Some("ada"),
            (Self::Ping { id }, Packet::Ping { id: i }) | (Self::Cancel { id }, Packet::Cancel { id: i }) => {
                id == i
            }
            (
                Self::Welcome { id, session, heartbeat, max_message },
                Packet::Reply { id: i, outcome: Ok(bytes) },
            ) => {
                let fields = rmpv::decode::read_value(&mut &bytes[..]).unwrap();
                id == i
                    && fields["wire"] == 1.into()
                    && fields["session"] == session.as_str().into()
                    && fields["heartbeat"] == (*heartbeat).into()
                    && fields["timeout"] == (*heartbeat).into()
                    && fields["max_message"] == (*max_message).into()
            }
            (Self::Connect { id, namespace, auth }, Packet::Connect { id: i, namespace: n, auth: a }) => {
                id == i && namespace == n && sent(auth) == **a
            }
            (Self::Connected { id, socket }, Packet::Reply { id: i, outcome: Ok(bytes) }) => {
                let granted = rmpv::decode::read_value(&mut &bytes[..]).unwrap();
                id == i && granted["id"] == socket.as_str().into()
            }
            (Self::Disconnect { namespace, reason }, Packet::Disconnect { namespace: n, reason: r }) => {
                namespace == n && Some(reason.as_str()) == *r
            }
            (Self::Item { id, value }, Packet::Item { id: i, value: v }) => {
                id == i && encoded(value)[..] == **v
            }
            (Self::More { id, count }, Packet::More { id: i, count: c }) => id == i && count == c,
            (Self::Close { reason }, Packet::Close { reason: r }) => Some(reason.as_str()) == *r,
            (
                Self::Refused { namespace, event, code, message },
                Packet::Refused { namespace: n, event: e, error },
            ) => namespace == n && event == e && WIRE.read_failure(error) == failure(code, message, None),
            _ => false,
        }
    }
}

/// An auth value as it is told: nil is none.
fn sent(auth: &Value) -> Vec<u8> {
    if auth.is_nil() { Vec::new() } else { encoded(auth) }
}

/// Every packet of `bytes`, printed, and how it ended. The bytes come in pieces that end at `cuts`.
fn decode_in_pieces(bytes: &[u8], cuts: &[usize]) -> (Vec<String>, Result<usize, WireError>) {
    let mut decoder = Decoder::default();
    let (mut packets, mut start) = (Vec::new(), 0);
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    for end in ends {
        loop {
            // A piece may end inside of what was read before.
            match WIRE.decode(&mut decoder, &mut bytes[start..end.max(start)].to_vec(), LIMITS) {
                Ok(Some((packet, length))) => {
                    assert!((1..=LIMITS.size).contains(&length));
                    packets.push(format!("{packet:?}"));
                    start += length;
                }
                Ok(None) => break,
                Err(error) => return (packets, Err(error)),
            }
        }
    }
    (packets, Ok(bytes.len() - start))
}

/// Bytes that look like the protocol more often than chance would have it.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..40),
        said().prop_map(|said| {
            let mut out = Vec::new();
            said.write(&mut out);
            out
        }),
        (said(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(said, place, byte)| {
            let mut out = Vec::new();
            said.write(&mut out);
            let place = place.index(out.len());
            out[place] = byte;
            out
        }),
        Just(vec![0x94, 0, 1]),
        Just(vec![0x93, 2]),
        Just(vec![0x91; 100]),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_survives_the_wire(all in vec(said(), 1..6)) {
        let mut bytes = Vec::new();
        for said in &all {
            said.write(&mut bytes);
        }
        let mut decoder = Decoder::default();
        let mut start = 0;
        for said in &all {
            let mut rest = bytes[start..].to_vec();
            let (packet, length) = WIRE.decode(&mut decoder, &mut rest, LIMITS).unwrap().expect("it is all there");
            prop_assert!(said.is(&packet), "{said:?} came as {packet:?}");
            start += length;
        }
        prop_assert_eq!(start, bytes.len());
        prop_assert_eq!(WIRE.decode(&mut decoder, &mut [], LIMITS), Ok(None));
    }

    #[test]
    fn what_is_written_is_messagepack(said in said()) {
        let mut bytes = Vec::new();
        said.write(&mut bytes);
        let mut rest = bytes.as_slice();
        let message = rmpv::decode::read_value(&mut rest).unwrap();
        prop_assert!(rest.is_empty());
        let elements = message.as_array().map_or(0, Vec::len);
        prop_assert!((3..=5).contains(&elements));
    }

    #[test]
    fn a_part_of_a_message_is_never_a_message(said in said()) {
        let mut bytes = Vec::new();
        said.write(&mut bytes);
        for end in 0..bytes.len() {
            let mut part = bytes[..end].to_vec();
            prop_assert_eq!(WIRE.decode(&mut Decoder::default(), &mut part, LIMITS), Ok(None));
        }
        prop_assert!(WIRE.decode(&mut Decoder::default(), &mut bytes.clone(), LIMITS).unwrap().is_some());
    }

    #[test]
    fn any_pieces_give_the_same_packets(bytes in likely_bytes(), cuts in vec(any::<usize>(), 0..30)) {
        let whole = decode_in_pieces(&bytes, &[]);
        let pieces = decode_in_pieces(&bytes, &cuts);
        prop_assert_eq!(&whole.0, &pieces.0);
        // An error may come sooner or know less when less of its message is there, but it is an error.
        match (whole.1, pieces.1) {
            (Ok(left), Ok(other)) => prop_assert_eq!(left, other),
            (Err(error), Err(other)) => prop_assert_eq!(error.code(), other.code()),
            (whole, pieces) => prop_assert!(false, "{:?} in one piece, {:?} in several", whole, pieces),
        }
    }

    #[test]
    fn byte_by_byte_is_the_same_too(bytes in likely_bytes()) {
        let cuts: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(decode_in_pieces(&bytes, &[]).0, decode_in_pieces(&bytes, &cuts).0);
    }

    #[test]
    fn any_bytes_are_harmless(bytes in vec(any::<u8>(), 0..2000)) {
        let (packets, _) = decode_in_pieces(&bytes, &[]);
        prop_assert!(packets.len() <= bytes.len() / 3);
        WIRE.read_failure(&bytes);
    }

    #[test]
    fn size_is_limited_for_any_fragmentation(said in said(), limit in 1usize..200) {
        let mut bytes = Vec::new();
        said.write(&mut bytes);
        let limits = Limits::new(limit, 64);
        let mut decoder = Decoder::default();
        let mut ended = None;
        for end in 1..=bytes.len() {
            let mut part = bytes[..end].to_vec();
            match WIRE.decode(&mut decoder, &mut part, limits).map(|decoded| decoded.map(|(packet, length)| (format!("{packet:?}"), length))) {
                Ok(None) => {}
                other => {
                    ended = Some((end, other));
                    break;
                }
            }
        }
        let (end, ending) = ended.expect("a packet or an error");
        if bytes.len() <= limit {
            prop_assert_eq!(end, bytes.len());
            prop_assert!(ending.is_ok());
        } else {
            prop_assert!(matches!(ending, Err(WireError::TooLarge { .. })), "{:?}", ending);
            prop_assert!(end <= limit + 1, "told after {end} bytes where {limit} are allowed");
        }
    }

    #[test]
    fn depth_is_limited(depth in 1usize..100) {
        let mut deep = Value::Nil;
        for _ in 0..depth {
            deep = Value::Array(vec![deep]);
        }
        let mut bytes = Vec::new();
        WIRE.request(&mut bytes, 7, ("/", "echo"), &encoded(&Value::Array(vec![deep])), &Meta::default()).unwrap();
        // The message and its params are two levels.
        match WIRE.decode(&mut Decoder::default(), &mut bytes.clone(), LIMITS) {
            Ok(Some(_)) => prop_assert!(depth + 2 <= 64),
            Err(error) => {
                prop_assert!(depth + 2 > 64);
                prop_assert_eq!(error, WireError::TooDeep { limit: 64, id: Some(7) });
            }
            Ok(None) => prop_assert!(false, "it is all there"),
        }
    }
}
