//! Packets as WebSocket frames.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::WireError;
use super::super::protocol::{Opening, Protocol};
use super::super::socket_io::{Parser, message_pack, text};
use super::super::websocket::{self, close, opcode};
use super::message::{Message, message};
use super::{Acknowledgements, EngineIo, Layer, Role, Version, raw};
use crate::deadline::milliseconds;
use crate::failure::Told;
use crate::payload::{
    CodecError, Encoding, Payload, Value, encode_arguments_into, encode_into, json, list_of,
};

pub(super) fn ping(out: &mut Vec<u8>, wire: EngineIo) {
    wire.frame(out, opcode::TEXT, |out| out.push(b'2'));
}

/// Writes the first packet of a server.
pub(super) fn open(out: &mut Vec<u8>, wire: EngineIo, opening: &Opening<'_>) {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields<'a> {
        sid: &'a str,
        upgrades: &'a [&'a str],
        ping_interval: u64,
        ping_timeout: u64,
        max_payload: usize,
    }
    let fields = Fields {
        sid: opening.session,
        upgrades: if opening.upgrades { &["websocket"] } else { &[] },
        ping_interval: milliseconds(opening.heartbeat),
        ping_timeout: milliseconds(opening.timeout),
        max_payload: opening.max_message,
    };
    wire.frame(out, opcode::TEXT, |out| {
        out.push(b'0');
        serde_json::to_writer(out, &fields).expect("an opening is serializable");
    });
}

/// Writes the last frame.
pub(super) fn end(out: &mut Vec<u8>, wire: EngineIo, error: Option<&WireError>) {
    let code = match error {
        None => close::NORMAL,
        Some(WireError::TooLarge { .. }) => close::TOO_LARGE,
        Some(WireError::NotText) => close::INVALID,
        Some(WireError::Malformed(_)) => close::PROTOCOL,
        Some(WireError::TooDeep { .. } | WireError::Illegal(_) | WireError::Heartbeat) => close::POLICY,
    };
    let reason = error.map(ToString::to_string).unwrap_or_default();
    wire.frame(out, opcode::CLOSE, |out| {
        out.extend_from_slice(&code.to_be_bytes());
        // Ours are short and ASCII.
        out.extend_from_slice(&reason.as_bytes()[..reason.len().min(websocket::CONTROL - 2)]);
    });
}

/// Whether a client takes an encoded value or list, with as many byte strings as it has.
///
/// # Errors
///
/// The message for the sender, if it does not.
#[inline]
pub(super) fn check_attachments(wire: EngineIo, bytes: &[u8]) -> Result<(), CodecError> {
    if wire.layer != Layer::SocketIo(Parser::Json) {
        return Ok(());
    }
    let (_, attachments) = json::parts(bytes);
    if attachments.is_empty() { Ok(()) } else { check_count(wire, attachments.count()) }
}

#[cold]
fn check_count(wire: EngineIo, count: usize) -> Result<(), CodecError> {
    let limit = wire.max_attachments;
    if count <= usize::from(limit) {
        return Ok(());
    }
    let text =
        format!("there are {count} byte strings, and a client of Socket.IO takes {limit} in one event");
    Err(CodecError(text))
}

/// Writes a text message whose JSON `write` appends behind the head, and its attachments behind it.
fn with_attachments(
    out: &mut Vec<u8>,
    wire: EngineIo,
    (kind, namespace, id): (u8, &str, Option<u32>),
    (name, list): (Option<&str>, &[u8]),
) {
    let (list, attachments) = json::parts(list);
    wire.frame(out, opcode::TEXT, |out| {
        out.push(b'4');
        text::head(out, kind, attachments.clone().count(), namespace, id);
        match name {
            Some(name) => {
                text::name(out, name);
                let start = out.len();
                out.extend_from_slice(list);
                text::join_list(out, start);
            }
            None => out.extend_from_slice(list),
        }
    });
    for attachment in attachments {
        message(out, wire, Message::Bytes(attachment));
    }
}

pub(super) fn binary(out: &mut Vec<u8>, wire: EngineIo, write: impl FnOnce(&mut Vec<u8>)) {
    if wire.base64 {
        let mut bytes = Vec::new();
        write(&mut bytes);
        return message(out, wire, Message::Bytes(&bytes));
    }
    wire.frame(out, opcode::BINARY, |out| {
        if wire.version == Version::V3 {
            out.push(4);
        }
        write(out);
    });
}

/// Writes an event whose arguments are to be encoded.
#[inline]
pub(super) fn event<A: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    wire: EngineIo,
    namespace: &str,
    event: &str,
    arguments: &A,
) -> Result<(), CodecError> {
    if wire.layer != Layer::SocketIo(Parser::Json) {
        let mut list = Vec::new();
        encode_arguments_into(&mut list, arguments, wire.encoding())?;
        return event_encoded(out, wire, (namespace, event), None, &list);
    }
    let start = wire.begin(out, opcode::TEXT);
    out.push(b'4');
    text::head(out, b'2', 0, namespace, None);
    text::name(out, event);
    let list = out.len();
    let attachments = json::write_list(out, arguments, wire.integers).inspect_err(|_| out.truncate(start))?;
    if attachments.is_empty() {
        text::join_list(out, list);
        wire.finish(out, start);
        return Ok(());
    }
    check_count(wire, attachments.len()).inspect_err(|_| out.truncate(start))?;
    // Their number stands in front, which was not known there.
    let mut list = out.split_off(list);
    out.truncate(start);
    json::bundle(&mut list, 0, &attachments);
    with_attachments(out, wire, (b'2', namespace, None), (Some(event), &list));
    Ok(())
}

/// Writes an event whose argument list is encoded already.
pub(super) fn event_encoded(
    out: &mut Vec<u8>,
    wire: EngineIo,
    (namespace, event): (&str, &str),
    id: Option<u32>,
    arguments: &[u8],
) -> Result<(), CodecError> {
    match wire.layer {
        Layer::Raw => return raw::event(out, wire, event, arguments),
        Layer::SocketIo(Parser::Json) => {
            check_attachments(wire, arguments)?;
            with_attachments(out, wire, (b'2', namespace, id), (Some(event), arguments));
        }
        Layer::SocketIo(Parser::MessagePack) => {
            binary(out, wire, |out| message_pack::event(out, namespace, event, arguments, id));
        }
    }
    Ok(())
}

/// Writes the acknowledgement of an event that was handled.
#[inline]
pub(super) fn reply(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, id: u32, value: &Payload) {
    let made;
    // A client's acknowledgements are plain: servers read no others.
    let acknowledgements = match wire.role {
        Role::Server => wire.acknowledgements,
        Role::Client => Acknowledgements::Plain,
    };
    let list = match acknowledgements {
        Acknowledgements::Plain if value.is_list() => value.bytes(),
        Acknowledgements::Plain => {
            made = list_of(Some(value), wire.encoding());
            &made
        }
        Acknowledgements::Wrapped => {
            made = wrapped(wire, value);
            &made
        }
    };
    match wire.layer {
        Layer::Raw => {}
        Layer::SocketIo(Parser::Json)
            if wire.role == Role::Server && namespace == "/" && text::short_ack(out, id, list) => {}
        Layer::SocketIo(Parser::Json) => {
            with_attachments(out, wire, (b'3', namespace, Some(id)), (None, list));
        }
        Layer::SocketIo(Parser::MessagePack) => {
            binary(out, wire, |out| message_pack::ack(out, namespace, id, list));
        }
    }
}

/// The list of one object that has the values of a reply as `ok`: none are null, several a list.
fn wrapped(wire: EngineIo, value: &Payload) -> Vec<u8> {
    if wire.layer == Layer::SocketIo(Parser::Json) {
        let (text, attachments) = json::parts(value.bytes());
        let elements: Vec<&RawValue> = if value.is_list() {
            json::read_borrowed(text).unwrap_or_default()
        } else {
            json::read_borrowed(text).map_or_else(|_| Vec::new(), |value| vec![value])
        };
        let ok = match &*elements {
            [] => b"null",
            [one] => one.get().as_bytes(),
            _ => text,
        };
        let mut list = [br#"[{"ok":"#, ok, b"}]"].concat();
        let attachments: Vec<_> = attachments.map(<[u8]>::to_vec).collect();
        json::bundle(&mut list, 0, &attachments);
        return list;
    }
    let ok = match value.bytes() {
        [0x90] if value.is_list() => &[0xc0],
        [0x91, one @ ..] if value.is_list() => one,
        bytes => bytes,
    };
    [&b"\x91\x81\xa2ok"[..], ok].concat()
}

/// Writes one item of a stream: an event with the number that the acknowledgement contained.
pub(super) fn item(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, number: u32, value: &Payload) {
    let number = number.to_string();
    let list = if wire.layer == Layer::SocketIo(Parser::Json) {
        let (text, attachments) = json::parts(value.bytes());
        let mut list = [b"[\"", number.as_bytes(), b"\",", text, b"]"].concat();
        let attachments: Vec<_> = attachments.map(<[u8]>::to_vec).collect();
        json::bundle(&mut list, 0, &attachments);
        list
    } else {
        let mut list = vec![0x92];
        rmp::encode::write_str(&mut list, &number).expect("writing to memory does not fail");
        list.extend_from_slice(value.bytes());
        list
    };
    // A raw connection has no calls, and so no streams.
    event_encoded(out, wire, (namespace, "$/item"), None, &list).ok();
}

/// Writes the end of a stream: an event with its number, and the error if it did not end well.
pub(super) fn end_of_items(
    out: &mut Vec<u8>,
    wire: EngineIo,
    namespace: &str,
    number: u32,
    failure: Option<&Told<'_>>,
) {
    let number = number.to_string();
    let Some(failure) = failure else {
        self::event(out, wire, namespace, "$/end", &(number,)).ok();
        return;
    };
    let write = |out: &mut Vec<u8>, failure: &Told<'_>| {
        self::event(out, wire, namespace, "$/end", &(&number, described(failure)))
    };
    if write(out, failure).is_err() {
        write(out, &failure.without_data()).ok();
    }
}

/// A failure as a value.
fn described(failure: &Told<'_>) -> Value {
    let mut entries: Vec<(Value, Value)> =
        vec![("code".into(), (&*failure.code).into()), ("message".into(), (&*failure.message).into())];
    if let Some(data) = failure.data.as_ref().and_then(|data| data.to_value().ok()) {
        entries.push(("data".into(), data));
    }
    Value::Map(entries)
}

/// Writes an acknowledgement that contains an error.
pub(super) fn failure(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, id: u32, failure: &Told<'_>) {
    let error = |failure: &Told<'_>| Value::Map(vec![("error".into(), described(failure))]);
    // Data may be of a kind that the encoding has no form for; an answer there is in any case.
    let payload = Payload::reply(&error(failure), wire.encoding())
        .and_then(|payload| check_attachments(wire, payload.bytes()).map(|()| payload))
        .or_else(|_| Payload::reply(&error(&failure.without_data()), wire.encoding()));
    if let Ok(payload) = payload {
        let as_it_is = EngineIo { acknowledgements: Acknowledgements::Plain, ..wire };
        reply(out, as_it_is, namespace, id, &payload);
    }
}

/// Writes that an event without an id was refused: an event of its own, which clients that do not know it pass
/// over.
pub(super) fn refused(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, event: &str, failure: &Told<'_>) {
    if wire.layer != Layer::Raw {
        let write = |out: &mut Vec<u8>, failure: &Told<'_>| {
            self::event(out, wire, namespace, "$/refused", &(event, described(failure)))
        };
        if write(out, failure).is_err() {
            write(out, &failure.without_data()).ok();
        }
    }
}

/// Writes that the credentials expire; a raw connection has no form for it.
pub(super) fn expiring(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, left: u64) {
    if wire.layer != Layer::Raw {
        // A number can be written on every wire.
        self::event(out, wire, namespace, "$/expiring", &(left,)).ok();
    }
}

pub(super) fn control(
    out: &mut Vec<u8>,
    wire: EngineIo,
    namespace: &str,
    kind: u8,
    write: impl FnOnce(&mut Vec<u8>),
) {
    wire.frame(out, opcode::TEXT, |out| {
        out.push(b'4');
        text::head(out, kind, 0, namespace, None);
        write(out);
    });
}

/// Writes that a namespace was joined.
pub(super) fn connected(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, socket: &str) {
    match wire.layer {
        Layer::Raw => {}
        Layer::SocketIo(Parser::Json) => control(out, wire, namespace, b'0', |out| {
            // The clients of version 3 name themselves.
            if wire.version == Version::V4 {
                out.extend_from_slice(br#"{"sid":""#);
                out.extend_from_slice(socket.as_bytes());
                out.extend_from_slice(br#""}"#);
            }
        }),
        Layer::SocketIo(Parser::MessagePack) => {
            binary(out, wire, |out| message_pack::connect(out, namespace, socket));
        }
    }
}

/// Writes that a namespace may not be joined.
pub(super) fn connect_refused(
    out: &mut Vec<u8>,
    wire: EngineIo,
    namespace: &str,
    failure: Option<&Told<'_>>,
) {
    let message: Value = failure.map_or("Invalid namespace", |failure| &*failure.message).into();
    let own = failure.filter(|failure| failure.is_own).and_then(|failure| failure.data);
    let own = own.and_then(|data| data.to_value().ok());
    let coded = failure.map(|failure| {
        let mut entries = vec![("code".into(), (&*failure.code).into())];
        if !failure.is_own
            && let Some(id) = failure.data.and_then(|id| id.to_value().ok())
        {
            entries.push(("id".into(), id));
        }
        Value::Map(entries)
    });
    let error = |data: Option<Value>| match (wire.version, data) {
        (Version::V4, None) => Value::Map(vec![("message".into(), message.clone())]),
        (Version::V4, Some(data)) => {
            Value::Map(vec![("message".into(), message.clone()), ("data".into(), data)])
        }
        // One value: the data, as the reference has it, or the message.
        (Version::V3, data) => data.unwrap_or_else(|| message.clone()),
    };
    // Sent instead if the packet cannot contain data of this kind.
    let plain = error(if wire.version == Version::V4 { coded } else { None });
    let error = own.map_or_else(|| plain.clone(), |own| error(Some(own)));
    match wire.layer {
        Layer::Raw => {}
        Layer::SocketIo(Parser::Json) => {
            let mut json = Vec::new();
            // Bytes would need attachments, and this packet has none.
            let fits = encode_into(&mut json, &error, Encoding::Json(wire.integers)).is_ok()
                && json.first() != Some(&0);
            if !fits {
                json.clear();
                encode_into(&mut json, &plain, Encoding::Json(wire.integers)).ok();
            }
            control(out, wire, namespace, b'4', |out| out.extend_from_slice(&json));
        }
        Layer::SocketIo(Parser::MessagePack) => {
            binary(out, wire, |out| message_pack::connect_error(out, namespace, &error));
        }
    }
}

/// Writes that a namespace was left.
pub(super) fn disconnect(out: &mut Vec<u8>, wire: EngineIo, namespace: &str) {
    match wire.layer {
        Layer::Raw => {}
        Layer::SocketIo(Parser::Json) => control(out, wire, namespace, b'1', |_| {}),
        Layer::SocketIo(Parser::MessagePack) => {
            binary(out, wire, |out| message_pack::disconnect(out, namespace));
        }
    }
}
