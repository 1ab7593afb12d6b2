//! Reads the messages of the native wire (`docs/wire.md`, "Messages").

use serde::Deserialize;

use super::super::decoder::{Decoder, Held};
use super::super::message_pack::{Cursor, NIL, ScanError, Scanner, length};
use super::super::{Limits, Meta, Packet, WireError};
use super::skip::Skip;
use crate::id::SessionId;
use crate::payload::Value;

/// Reads the first packet of `bytes`.
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
        && let Some(event) = try_decode_event(bytes, limits)
    {
        return Ok(Some(event));
    }
    if resumed.is_none()
        && let Some(length) = length(bytes, limits)
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

/// Reads an event of the most frequent form in one pass: short, shallow, without meta. `None` only means that the general
/// path has to read it.
#[inline]
fn try_decode_event(bytes: &[u8], limits: Limits) -> Option<(Packet<'_>, usize)> {
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
    let length = length(cursor.0, inner)?;
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
        // Never the name of a handler: answered as an event without a handler.
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
        "open" => {
            let id = cursor.unsigned().and_then(|id| id.try_into().ok()).ok_or(RESERVED_PARAMS)?;
            Ok(Packet::Open { id })
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
        // Possibly one of a later version: refused as an event without a handler.
        _ => Ok(event_packet("/", method, None, params, None)),
    }
}
