//! The native wire: MessagePack-RPC with reserved methods.
//!
//! A message is `[0, msgid, method, params, meta?]`, `[1, msgid, error, result]` or
//! `[2, method, params, meta?]`, one after the other without other framing. `docs/wire.md` has the whole of it.

use rmp::encode::{write_array_len, write_map_len, write_str, write_uint};
use serde::{Deserialize, Serialize};

use super::decoder::Held;
use super::scan::{self, Limits, ScanError, Scanner};
use super::skip::Skip;
use super::{Decoder, Meta, Packet, WireError};
use crate::failure::{Failure, Told};
use crate::id::SessionId;
use crate::payload::{CodecError, Encoding, Payload, Value, encode_arguments_into};

pub(super) const NIL: u8 = 0xc0;
pub(super) const WRITES: &str = "writing to memory does not fail";

/// Reads the first packet of `bytes`: see [`Decoder::decode`].
#[inline]
pub(super) fn decode<'a>(
    held: &mut Decoder,
    bytes: &'a [u8],
    limits: Limits,
) -> Result<Option<(Packet<'a>, usize)>, WireError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let resumed = match held.take() {
        None | Some(Held::Parts(_)) => None,
        Some(Held::Scanner(scanner)) => Some(scanner),
        Some(Held::Skip(skip)) => return pass_over(held, skip, bytes),
    };
    if resumed.is_none()
        && let Some(event) = usual(bytes, limits)
    {
        return Ok(Some(event));
    }
    if resumed.is_none()
        && let Some(length) = scan::length(bytes, limits)
        && let message @ [0x93..=0x95, ..] = &bytes[..length]
    {
        return Ok(Some((packet(message)?, length)));
    }
    let mut scanner = if let Some(scanner) = resumed {
        scanner
    } else {
        // Told at once, not when the would-be message is complete.
        if !matches!(bytes[0], 0x93..=0x95) {
            return Err(WireError::Malformed("a message is an array of three to five elements"));
        }
        Scanner::default()
    };
    match scanner.advance(bytes, limits) {
        Ok(Some(length)) => Ok(Some((packet(&bytes[..length])?, length))),
        Ok(None) => {
            held.keep(Held::Scanner(scanner));
            Ok(None)
        }
        Err(ScanError::Malformed) => Err(WireError::Malformed("0xc1 is not MessagePack")),
        Err(unread @ (ScanError::TooLarge | ScanError::TooDeep)) => {
            let id = request_id(bytes);
            let error = match unread {
                ScanError::TooDeep => WireError::TooDeep { limit: limits.depth, id },
                _ => WireError::TooLarge { limit: limits.size, id },
            };
            if let Some(skip) = Skip::begin(bytes, &error, limits) {
                held.keep(Held::Skip(skip));
            }
            Err(error)
        }
    }
}

/// Passes over as much as there is of a message that is not read.
#[cold]
fn pass_over<'a>(
    held: &mut Decoder,
    mut skip: Skip,
    bytes: &[u8],
) -> Result<Option<(Packet<'a>, usize)>, WireError> {
    match skip.advance(bytes)? {
        (length, true) => Ok(Some((skip.into_packet(), length))),
        (length, false) => {
            held.keep(Held::Skip(skip));
            Ok((length > 0).then_some((Packet::Alive, length)))
        }
    }
}

/// An event of the usual form: short, shallow, without meta. It is read in one go. `None` says only that it has to be
/// looked at again.
#[inline]
fn usual(bytes: &[u8], limits: Limits) -> Option<(Packet<'_>, usize)> {
    let (id, mut cursor) = match *bytes {
        [0x94, 0, ref rest @ ..] => {
            let mut cursor = Cursor(rest);
            (Some(u32::try_from(cursor.unsigned()?).ok()?), cursor)
        }
        [0x93, 2, ref rest @ ..] => (None, Cursor(rest)),
        _ => return None,
    };
    let method = cursor.text()?;
    if method.starts_with('$') {
        return None;
    }
    let inner = Limits { depth: limits.depth.checked_sub(1)?, ..limits };
    let length = scan::length(cursor.0, inner)?;
    let end = bytes.len() - cursor.0.len() + length;
    if end > limits.size {
        return None;
    }
    let (namespace, event) = split(method);
    Some((event_packet(namespace, event, id, &cursor.0[..length], None), end))
}

/// The number of a request whose rest cannot be read.
fn request_id(bytes: &[u8]) -> Option<u32> {
    let mut cursor = Cursor(bytes.get(1..)?);
    if cursor.unsigned()? != 0 {
        return None;
    }
    cursor.unsigned()?.try_into().ok()
}

/// Reads heads of values from a message that is known to be complete.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let (width, rest) = match *self.0 {
            [byte @ 0x00..=0x7f, ref rest @ ..] => {
                self.0 = rest;
                return Some(u64::from(byte));
            }
            // Signed markers too: some peers write positive numbers with them.
            [0xcc | 0xd0, ref rest @ ..] => (1, rest),
            [0xcd | 0xd1, ref rest @ ..] => (2, rest),
            [0xce | 0xd2, ref rest @ ..] => (4, rest),
            [0xcf | 0xd3, ref rest @ ..] => (8, rest),
            _ => return None,
        };
        let (field, after) = rest.split_at_checked(width)?;
        let negative = matches!(self.0[0], 0xd0..=0xd3) && field[0] >= 0x80;
        self.0 = after;
        (!negative).then(|| field.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a str> {
        let (length, rest) = match *self.0 {
            [byte @ 0xa0..=0xbf, ref rest @ ..] => (usize::from(byte & 0x1f), rest),
            // Old peers have no string type of their own and write raw bytes the same way.
            [0xd9 | 0xc4, length, ref rest @ ..] => (usize::from(length), rest),
            [0xda | 0xc5, a, b, ref rest @ ..] => (usize::from(u16::from_be_bytes([a, b])), rest),
            [0xdb | 0xc6, a, b, c, d, ref rest @ ..] => (u32::from_be_bytes([a, b, c, d]) as usize, rest),
            _ => return None,
        };
        let (text, after) = rest.split_at_checked(length)?;
        self.0 = after;
        std::str::from_utf8(text).ok()
    }

    /// One value as it is.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        let limits = Limits::new(usize::MAX, usize::MAX);
        let length = Scanner::default().advance(self.0, limits).ok()??;
        let (value, after) = self.0.split_at(length);
        self.0 = after;
        Some(value)
    }

    /// Opens a map.
    pub(super) fn map(&mut self) -> Option<u32> {
        let (entries, rest) = match *self.0 {
            [byte @ 0x80..=0x8f, ref rest @ ..] => (u32::from(byte & 0x0f), rest),
            [0xde, a, b, ref rest @ ..] => (u32::from(u16::from_be_bytes([a, b])), rest),
            [0xdf, a, b, c, d, ref rest @ ..] => (u32::from_be_bytes([a, b, c, d]), rest),
            _ => return None,
        };
        self.0 = rest;
        Some(entries)
    }

    /// Opens a params list; a map or a scalar is not one.
    pub(super) fn list(&mut self) -> Option<u32> {
        match *self.0 {
            [byte @ 0x90..=0x9f, ref rest @ ..] => {
                self.0 = rest;
                Some(u32::from(byte & 0x0f))
            }
            [0xdc, a, b, ref rest @ ..] => {
                self.0 = rest;
                Some(u32::from(u16::from_be_bytes([a, b])))
            }
            _ => None,
        }
    }
}

#[inline]
fn packet(message: &[u8]) -> Result<Packet<'_>, WireError> {
    const ID: WireError = WireError::Malformed("a message id is an unsigned number of 32 bits");
    const METHOD: WireError = WireError::Malformed("a method is a string");
    let elements = message[0] & 0x0f;
    let mut cursor = Cursor(&message[1..]);
    let id = |cursor: &mut Cursor<'_>| -> Result<u32, WireError> {
        cursor.unsigned().and_then(|id| u32::try_from(id).ok()).ok_or(ID)
    };
    match (cursor.unsigned(), elements) {
        (Some(0), 4 | 5) => {
            let id = id(&mut cursor)?;
            let method = cursor.text().ok_or(METHOD)?;
            let (params, meta) = tail(cursor, elements == 5)?;
            if let Some(reserved) = method.strip_prefix("$/") {
                return request_packet(reserved, id, params, method);
            }
            let (namespace, event) = split(method);
            Ok(event_packet(namespace, event, Some(id), params, meta.and_then(Meta::read)))
        }
        (Some(1), 4) => {
            let id = id(&mut cursor)?;
            let error = cursor.value().ok_or(WireError::Malformed("a response has an error and a result"))?;
            let outcome = if error == [NIL] { Ok(cursor.0.into()) } else { Err(error) };
            Ok(Packet::Reply { id, outcome })
        }
        (Some(2), 3 | 4) => {
            let method = cursor.text().ok_or(METHOD)?;
            let (params, meta) = tail(cursor, elements == 4)?;
            if let Some(reserved) = method.strip_prefix("$/") {
                return notification_packet(reserved, params, method);
            }
            let (namespace, event) = split(method);
            Ok(event_packet(namespace, event, None, params, meta.and_then(Meta::read)))
        }
        (Some(0..=2), _) => {
            Err(WireError::Malformed("a message of this type has another number of elements"))
        }
        _ => Err(WireError::Malformed("a message's type is 0, 1 or 2")),
    }
}

#[inline]
fn event_packet<'a>(
    namespace: &'a str,
    event: &'a str,
    id: Option<u32>,
    arguments: &'a [u8],
    meta: Option<Box<Meta>>,
) -> Packet<'a> {
    Packet::Event { namespace: namespace.into(), event: event.into(), id, arguments: arguments.into(), meta }
}

#[inline]
fn tail(mut cursor: Cursor<'_>, with_meta: bool) -> Result<(&[u8], Option<&[u8]>), WireError> {
    if !with_meta {
        return Ok((cursor.0, None));
    }
    let params = cursor.value().ok_or(WireError::Malformed("a message ends before its params"))?;
    Ok((params, Some(cursor.0)))
}

/// `/chat:post` is `post` in `/chat`; anything that does not start with `/` is in the root namespace.
#[inline]
fn split(method: &str) -> (&str, &str) {
    if !method.starts_with('/') {
        return ("/", method);
    }
    method.split_once(':').unwrap_or((method, ""))
}

fn nil() -> Value {
    Value::Nil
}

const RESERVED_PARAMS: WireError = WireError::Malformed("the params of a reserved method do not fit it");

fn request_packet<'a>(
    reserved: &str,
    id: u32,
    params: &'a [u8],
    method: &'a str,
) -> Result<Packet<'a>, WireError> {
    let mut cursor = Cursor(params);
    match reserved {
        "hello" => {
            #[derive(Deserialize)]
            struct Hello {
                wire: u64,
                #[serde(default = "nil")]
                identity: Value,
                #[serde(default = "nil")]
                credentials: Value,
                resume: Option<Resume>,
                max_message: Option<u64>,
            }
            #[derive(Deserialize)]
            struct Resume {
                session: String,
            }
            let (Hello { wire, identity, credentials, resume, max_message },) =
                rmp_serde::from_slice(params).map_err(|_| RESERVED_PARAMS)?;
            let resume = resume.and_then(|resume| SessionId::parse(&resume.session));
            Ok(Packet::Hello { id, wire, identity, credentials, resume, max_message })
        }
        "authenticate" => {
            #[derive(Deserialize)]
            struct Authenticate {
                #[serde(default = "nil")]
                identity: Value,
                #[serde(default = "nil")]
                credentials: Value,
            }
            let (Authenticate { identity, credentials },) =
                rmp_serde::from_slice(params).map_err(|_| RESERVED_PARAMS)?;
            Ok(Packet::Authenticate { id, identity, credentials })
        }
        "connect" => {
            let elements = cursor.list().ok_or(RESERVED_PARAMS)?;
            let namespace = cursor.text().ok_or(RESERVED_PARAMS)?;
            let auth = if elements > 1 { cursor.value().ok_or(RESERVED_PARAMS)? } else { &[] };
            let auth = if auth == [NIL] { &[] } else { auth };
            Ok(Packet::Connect { id, namespace: namespace.into(), auth: auth.into() })
        }
        "ping" => Ok(Packet::Ping { id }),
        // Not a handler's name, ever: answered as an event nobody handles.
        _ => Ok(event_packet("/", method, Some(id), params, None)),
    }
}

fn notification_packet<'a>(
    reserved: &str,
    params: &'a [u8],
    method: &'a str,
) -> Result<Packet<'a>, WireError> {
    let mut cursor = Cursor(params);
    let elements = cursor.list().ok_or(RESERVED_PARAMS)?;
    match reserved {
        "disconnect" => {
            let namespace = cursor.text().ok_or(RESERVED_PARAMS)?;
            let namespace = namespace.into();
            Ok(Packet::Disconnect { namespace, reason: if elements > 1 { cursor.text() } else { None } })
        }
        "cancel" => {
            let id = cursor.unsigned().and_then(|id| id.try_into().ok()).ok_or(RESERVED_PARAMS)?;
            Ok(Packet::Cancel { id })
        }
        "item" => {
            let id = cursor.unsigned().and_then(|id| id.try_into().ok()).ok_or(RESERVED_PARAMS)?;
            Ok(Packet::Item { id, value: cursor.value().ok_or(RESERVED_PARAMS)? })
        }
        "more" => {
            let id = cursor.unsigned().and_then(|id| id.try_into().ok()).ok_or(RESERVED_PARAMS)?;
            // Refused by the stream it is meant for, which ends; the connection goes on.
            let count = cursor.unsigned().map_or(0, |count| count.try_into().unwrap_or(u32::MAX));
            Ok(Packet::More { id, count })
        }
        "expiring" => Ok(Packet::Expiring { left: cursor.unsigned().ok_or(RESERVED_PARAMS)? }),
        "close" => Ok(Packet::Close { reason: if elements > 0 { cursor.text() } else { None } }),
        "refused" => {
            let (namespace, event) = split(cursor.text().ok_or(RESERVED_PARAMS)?);
            Ok(Packet::Refused { namespace, event, error: cursor.0 })
        }
        // One of a later version, perhaps: refused like an event nobody handles.
        _ => Ok(event_packet("/", method, None, params, None)),
    }
}

#[inline]
fn method(out: &mut Vec<u8>, namespace: &str, event: &str) {
    if namespace == "/" && !event.starts_with('/') {
        write_str(out, event).expect(WRITES);
        return;
    }
    let length = u32::try_from(namespace.len() + 1 + event.len()).expect("names are shorter than 4 GiB");
    rmp::encode::write_str_len(out, length).expect(WRITES);
    out.extend_from_slice(namespace.as_bytes());
    out.push(b':');
    out.extend_from_slice(event.as_bytes());
}

pub(super) fn event<A: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    namespace: &str,
    event: &str,
    arguments: &A,
) -> Result<(), CodecError> {
    let start = out.len();
    out.extend_from_slice(&[0x93, 2]);
    method(out, namespace, event);
    encode_arguments_into(out, arguments, Encoding::MessagePack).inspect_err(|_| out.truncate(start))
}

/// Makes an event without meta one that has some.
pub(super) fn attach(out: &mut Vec<u8>, start: usize, meta: &Meta) {
    if !meta.is_empty() && out.get(start) == Some(&0x93) {
        out[start] = 0x94;
        meta.write(out);
    }
}

pub(super) fn event_encoded(out: &mut Vec<u8>, namespace: &str, event: &str, arguments: &[u8]) {
    out.extend_from_slice(&[0x93, 2]);
    method(out, namespace, event);
    out.extend_from_slice(arguments);
}

pub(super) fn request(
    out: &mut Vec<u8>,
    id: u32,
    (namespace, event): (&str, &str),
    arguments: &[u8],
    meta: &Meta,
) {
    let has_meta = !meta.is_empty();
    out.extend_from_slice(&[if has_meta { 0x95 } else { 0x94 }, 0]);
    write_uint(out, id.into()).expect(WRITES);
    method(out, namespace, event);
    out.extend_from_slice(arguments);
    if has_meta {
        meta.write(out);
    }
}

#[inline]
pub(super) fn reply(out: &mut Vec<u8>, id: u32, value: &[u8]) {
    let [a, b, c, d] = id.to_be_bytes();
    let (head, length) = match id {
        0..=0x7f => ([0x94, 1, d, NIL, 0, 0, 0, 0], 4),
        0x80..=0xff => ([0x94, 1, 0xcc, d, NIL, 0, 0, 0], 5),
        0x100..=0xffff => ([0x94, 1, 0xcd, c, d, NIL, 0, 0], 6),
        _ => ([0x94, 1, 0xce, a, b, c, d, NIL], 8),
    };
    let start = out.len();
    // Of a size that is known when this is compiled, then cut.
    out.extend_from_slice(&head);
    out.truncate(start + length);
    out.extend_from_slice(value);
}

#[inline]
pub(super) fn item(out: &mut Vec<u8>, id: u32, value: &[u8]) {
    out.extend_from_slice(b"\x93\x02\xa6$/item\x92");
    write_uint(out, id.into()).expect(WRITES);
    out.extend_from_slice(value);
}

pub(super) fn failure(out: &mut Vec<u8>, id: u32, failure: &Told<'_>) {
    out.extend_from_slice(&[0x94, 1]);
    write_uint(out, id.into()).expect(WRITES);
    error(out, failure);
    out.push(NIL);
}

fn error(out: &mut Vec<u8>, failure: &Told<'_>) {
    let entries = 2 + u32::from(failure.data.is_some()) + u32::from(failure.app);
    write_map_len(out, entries).expect(WRITES);
    write_str(out, "code").expect(WRITES);
    write_str(out, &failure.code).expect(WRITES);
    write_str(out, "message").expect(WRITES);
    write_str(out, &failure.message).expect(WRITES);
    if let Some(data) = &failure.data {
        write_str(out, "data").expect(WRITES);
        out.extend_from_slice(data.bytes());
    }
    if failure.app {
        write_str(out, "app").expect(WRITES);
        rmp::encode::write_bool(out, true).expect(WRITES);
    }
}

pub(super) fn read_failure(bytes: &[u8]) -> Failure {
    let value = rmpv::decode::read_value(&mut &bytes[..]).unwrap_or(Value::Nil);
    let whole = |value: Value| {
        let message = match &value {
            Value::String(text) => text.as_str().unwrap_or_default().to_owned(),
            other => other.to_string(),
        };
        Failure {
            code: "error".into(),
            message: message.into(),
            data: Payload::encode(&value, Encoding::MessagePack).ok(),
            app: false,
            cause: None,
        }
    };
    let Value::Map(entries) = &value else { return whole(value) };
    let text = |name: &str| {
        entries.iter().find(|(key, _)| key.as_str() == Some(name)).and_then(|(_, value)| value.as_str())
    };
    let (Some(code), Some(message)) = (text("code"), text("message")) else { return whole(value) };
    let field =
        |name: &str| entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
    Failure {
        code: code.to_owned().into(),
        message: message.to_owned().into(),
        data: field("data").and_then(|data| Payload::encode(data, Encoding::MessagePack).ok()),
        app: field("app").and_then(Value::as_bool).unwrap_or(false),
        cause: None,
    }
}

fn reserved_request<A: Serialize>(out: &mut Vec<u8>, id: u32, method: &str, params: &A) {
    out.extend_from_slice(&[0x94, 0]);
    write_uint(out, id.into()).expect(WRITES);
    write_str(out, method).expect(WRITES);
    encode_arguments_into(out, params, Encoding::MessagePack).expect("reserved params are serializable");
}

pub(super) fn notify<A: Serialize>(out: &mut Vec<u8>, method: &str, params: &A) {
    out.extend_from_slice(&[0x93, 2]);
    write_str(out, method).expect(WRITES);
    encode_arguments_into(out, params, Encoding::MessagePack).expect("reserved params are serializable");
}

pub(super) fn ping(out: &mut Vec<u8>, id: u32) {
    reserved_request(out, id, "$/ping", &());
}

pub(super) fn refused(out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Told<'_>) {
    out.extend_from_slice(&[0x93, 2]);
    write_str(out, "$/refused").expect(WRITES);
    write_array_len(out, 2).expect(WRITES);
    method(out, namespace, event);
    error(out, failure);
}
