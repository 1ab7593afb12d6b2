//! Packets as the package socket.io-msgpack-parser has them: one map each, with byte strings where they belong.
//!
//! What is given out here is plain `MessagePack`, without the extensions of that package, and what is written is
//! that, too.

use std::borrow::Cow;

use rmpv::Value;

use super::plain::{is_map, plain, rewrite};
use crate::wire::message_pack::{self, Head, ScanError, Scanner};
use crate::wire::{Limits, Packet, WireError};

const NIL: u8 = 0xc0;
const UNDEFINED: [u8; 2] = [0xd4, 0];
const WRITES: &str = "writing to memory does not fail";

const CONNECT: u32 = 0;
const DISCONNECT: u32 = 1;
const EVENT: u32 = 2;
const ACK: u32 = 3;
const CONNECT_ERROR: u32 = 4;

const ENDS: WireError = WireError::Illegal("a packet ends before its values do");
const ID: WireError = WireError::Illegal("an id is an unsigned number of 32 bits");
const DATA: WireError = WireError::Illegal("a packet's data does not fit its type");

/// Reads one packet, which is all of `bytes`.
///
/// # Errors
///
/// When the bytes are no packet that a client may send, or are beyond `limits`.
pub fn packet(bytes: &[u8], limits: Limits) -> Result<Packet<'_>, WireError> {
    if bytes.len() > limits.size {
        return Err(WireError::TooLarge { limit: limits.size, id: None });
    }
    let Fields { kind, namespace, data, id } = Fields::read(bytes, limits)?;
    let kind = kind.and_then(whole_number).ok_or(WireError::Illegal("a packet's type is a number"))?;
    let namespace = namespace.and_then(text).ok_or(WireError::Illegal("a namespace is a string"))?.into();
    let id = id.map(|id| whole_number(id).ok_or(ID)).transpose()?;
    match (kind, data) {
        (CONNECT, None) => Ok(Packet::Connect { id: 0, namespace, auth: Cow::Borrowed(&[]) }),
        (CONNECT, Some(auth)) if is_map(auth[0]) => {
            Ok(Packet::Connect { id: 0, namespace, auth: plain(auth) })
        }
        (DISCONNECT, None) => Ok(Packet::Disconnect { namespace, reason: None }),
        (EVENT, Some(data)) => {
            let (event, arguments) = event_data(data)?;
            Ok(Packet::Event { namespace, event, id, arguments, meta: None })
        }
        (ACK, Some(data)) if list(data).is_some() => {
            let id = id.ok_or(WireError::Illegal("an acknowledgement has the number of its event"))?;
            Ok(Packet::Reply { id, outcome: Ok(plain(data)) })
        }
        (CONNECT..=ACK, _) => Err(DATA),
        (CONNECT_ERROR, _) => Err(WireError::Illegal("a client does not send connect errors")),
        _ => Err(WireError::Illegal("a packet's type is 0 to 4")),
    }
}

/// Whether a namespace was joined, its name, and the encoded data that goes with it.
type AnswerToJoining<'a> = (bool, &'a str, Cow<'a, [u8]>);

/// Reads what a server answers a request to join with, and the encoded data, if there is any: `None` if it is another packet.
///
/// # Errors
///
/// As for [`packet`].
pub(in crate::wire) fn answer_to_joining(
    bytes: &[u8],
    limits: Limits,
) -> Result<Option<AnswerToJoining<'_>>, WireError> {
    if bytes.len() > limits.size {
        return Err(WireError::TooLarge { limit: limits.size, id: None });
    }
    let Fields { kind, namespace, data, .. } = Fields::read(bytes, limits)?;
    let is_joined = match kind.and_then(whole_number) {
        Some(CONNECT) => true,
        Some(CONNECT_ERROR) => false,
        _ => return Ok(None),
    };
    let namespace = namespace.and_then(text).ok_or(WireError::Illegal("a namespace is a string"))?;
    Ok(Some((is_joined, namespace, data.map_or(Cow::Borrowed(&[][..]), plain))))
}

/// Writes a request to join a namespace; `auth` is an encoded map.
pub(in crate::wire) fn ask_to_join(out: &mut Vec<u8>, namespace: &str, auth: Option<&[u8]>) {
    begin(out, CONNECT, auth.is_some(), None);
    out.extend_from_slice(auth.unwrap_or_default());
    end(out, namespace, None);
}

/// The values of a packet's map, each whole; `undefined` and nil are the same as nothing.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a [u8]>,
    namespace: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Reads the map with its keys in any order. Of keys that are there twice the last one counts, as it does in
    /// `JavaScript`; others, as `options`, say nothing to a server.
    fn read(bytes: &'a [u8], limits: Limits) -> Result<Self, WireError> {
        let head = match bytes.first() {
            Some(marker) if is_map(*marker) => Head::read(bytes).ok().flatten().ok_or(ENDS)?,
            _ => return Err(WireError::Illegal("a packet is a map")),
        };
        let inner = limits.depth.checked_sub(1).ok_or(too_deep(limits))?;
        let mut rest = &bytes[head.size..];
        let mut value = || {
            let length = length(rest, limits, inner)?;
            let (value, after) = rest.split_at(length);
            rest = after;
            Ok(value)
        };
        let mut fields = Self::default();
        for _ in 0..head.values / 2 {
            let (key, value) = (value()?, value()?);
            let value = (value != [NIL] && !value.starts_with(&UNDEFINED)).then_some(value);
            match text(key) {
                Some("type") => fields.kind = value,
                Some("nsp") => fields.namespace = value,
                Some("data") => fields.data = value,
                Some("id") => fields.id = value,
                _ => {}
            }
        }
        if rest.is_empty() { Ok(fields) } else { Err(WireError::Illegal("a message is one packet")) }
    }
}

fn too_deep(limits: Limits) -> WireError {
    WireError::TooDeep { limit: limits.depth, id: None }
}

/// How long the value that `bytes` begin with is.
fn length(bytes: &[u8], limits: Limits, depth: usize) -> Result<usize, WireError> {
    let inner = Limits { depth, ..limits };
    if let Some(length) = message_pack::length(bytes, inner) {
        return Ok(length);
    }
    match Scanner::default().advance(bytes, inner) {
        Ok(length) => length.ok_or(ENDS),
        Err(ScanError::TooLarge) => Err(WireError::TooLarge { limit: limits.size, id: None }),
        Err(ScanError::TooDeep) => Err(too_deep(limits)),
        Err(ScanError::Malformed) => Err(WireError::Illegal("0xc1 is not MessagePack")),
    }
}

fn text(value: &[u8]) -> Option<&str> {
    let head = match value[0] {
        0xa0..=0xbf => 1,
        0xd9 => 2,
        0xda => 3,
        0xdb => 5,
        _ => return None,
    };
    std::str::from_utf8(&value[head..]).ok()
}

fn number(value: &[u8]) -> Option<Value> {
    // Nothing that holds values is decoded.
    let is_number = matches!(value[0], 0x00..=0x7f | 0xca..=0xd3 | 0xe0..=0xff);
    is_number.then(|| rmpv::decode::read_value(&mut &*value).ok())?
}

/// A number without sign or fraction, whatever it is written as: in `JavaScript` 2 and 2.0 are the same.
fn whole_number(value: &[u8]) -> Option<u32> {
    let number = number(value)?;
    if let Value::Integer(number) = number {
        return number.as_u64()?.try_into().ok();
    }
    let number = number.as_f64()?;
    let is_whole = number >= 0.0 && number <= u32::MAX.into() && number.fract() == 0.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    is_whole.then_some(number as u32)
}

/// How many values an array has, and their bytes.
fn list(value: &[u8]) -> Option<(u32, &[u8])> {
    match Head::read(value) {
        Ok(Some(head)) if head.is_container && !is_map(value[0]) => Some((head.values, &value[head.size..])),
        _ => None,
    }
}

/// The name of an event, and its arguments as an array of their own.
fn event_data(data: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, [u8]>), WireError> {
    const NAME: WireError = WireError::Illegal("an event's name is a string or a number");
    let (count, values) = list(data).filter(|(count, _)| *count > 0).ok_or(DATA)?;
    let head = Head::read(values).ok().flatten().ok_or(ENDS)?;
    let (name, values) = values.split_at(head.size + head.content as usize);
    let event = match (text(name), number(name)) {
        (Some(name), _) => Cow::Borrowed(name),
        (None, Some(Value::Integer(name))) => name.to_string().into(),
        (None, Some(name)) => name.as_f64().filter(|name| name.is_finite()).ok_or(NAME)?.to_string().into(),
        (None, None) => return Err(NAME),
    };
    let mut arguments = Vec::with_capacity(values.len() + 5);
    write_array(&mut arguments, count - 1);
    let copied = rewrite(&mut arguments, values);
    arguments.extend_from_slice(&values[copied..]);
    Ok((event, arguments.into()))
}

fn write_array(out: &mut Vec<u8>, length: u32) {
    rmp::encode::write_array_len(out, length).expect(WRITES);
}

fn write_map(out: &mut Vec<u8>, length: u32) {
    rmp::encode::write_map_len(out, length).expect(WRITES);
}

fn write_number(out: &mut Vec<u8>, number: u32) {
    rmp::encode::write_uint(out, number.into()).expect(WRITES);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    rmp::encode::write_str(out, text).expect(WRITES);
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    rmpv::encode::write_value(out, value).expect(WRITES);
}

/// Writes the beginning of a packet, up to its data.
fn begin(out: &mut Vec<u8>, kind: u32, data: bool, id: Option<u32>) {
    write_map(out, 2 + u32::from(data) + u32::from(id.is_some()));
    write_text(out, "type");
    write_number(out, kind);
    if data {
        write_text(out, "data");
    }
}

/// Writes the end of a packet, behind its data.
fn end(out: &mut Vec<u8>, namespace: &str, id: Option<u32>) {
    write_text(out, "nsp");
    write_text(out, namespace);
    if let Some(id) = id {
        write_text(out, "id");
        write_number(out, id);
    }
}

/// Writes an event; `arguments` is an encoded array.
pub fn event(out: &mut Vec<u8>, namespace: &str, event: &str, arguments: &[u8], id: Option<u32>) {
    begin(out, EVENT, true, id);
    // What is no array could only be one argument.
    let (count, arguments) = list(arguments).unwrap_or((u32::from(!arguments.is_empty()), arguments));
    write_array(out, count + 1);
    write_text(out, event);
    out.extend_from_slice(arguments);
    end(out, namespace, id);
}

/// Writes the answer to an event; `arguments` is an encoded array.
pub fn ack(out: &mut Vec<u8>, namespace: &str, id: u32, arguments: &[u8]) {
    begin(out, ACK, true, Some(id));
    out.extend_from_slice(arguments);
    end(out, namespace, Some(id));
}

/// Writes that a namespace was joined, and as which socket.
pub fn connect(out: &mut Vec<u8>, namespace: &str, sid: &str) {
    begin(out, CONNECT, true, None);
    write_map(out, 1);
    write_text(out, "sid");
    write_text(out, sid);
    end(out, namespace, None);
}

/// Writes that it was not, and why: a map with a `message`, or nothing but a string.
pub fn connect_error(out: &mut Vec<u8>, namespace: &str, error: &Value) {
    begin(out, CONNECT_ERROR, true, None);
    write_value(out, error);
    end(out, namespace, None);
}

/// Writes that a namespace is left.
pub fn disconnect(out: &mut Vec<u8>, namespace: &str) {
    begin(out, DISCONNECT, false, None);
    end(out, namespace, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::new(1000, 8);

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn value(encoded: &[u8]) -> Value {
        rmpv::decode::read_value(&mut &*encoded).unwrap()
    }

    fn connected<'a>(namespace: &'a str, auth: &'a [u8]) -> Packet<'a> {
        Packet::Connect { id: 0, namespace: namespace.into(), auth: auth.into() }
    }

    #[test]
    fn what_the_reference_encodes_is_read() {
        let connect = bytes("83 a474797065 00 a464617461 d40000 a36e7370 a12f");
        assert_eq!(packet(&connect, LIMITS), Ok(connected("/", &[])));
        // { token: "x", at: undefined, d: new Date(1700000000000) }
        let connect = bytes(
            "83 a474797065 00 a464617461 83 a5746f6b656e a178 a26174 d40000 a164 d7000000018bcfe56800
             a36e7370 a6 2f61646d696e",
        );
        let auth = bytes("82 a5746f6b656e a178 a164 cf0000018bcfe56800");
        assert_eq!(packet(&connect, LIMITS), Ok(connected("/admin", &auth)));
        // ["hello", { x: undefined, y: [undefined] }, new Uint8Array([1, 2, 3]), 1.5, undefined]
        let event = bytes(
            "85 a474797065 02 a464617461 95 a568656c6c6f 82 a178 d40000 a179 91 d40000 c70300010203
             cb3ff8000000000000 d40000 a76f7074696f6e73 81 a8636f6d7072657373 c3 a26964 00 a36e7370 a12f",
        );
        let wanted = Packet::Event {
            namespace: "/".into(),
            event: "hello".into(),
            id: Some(0),
            arguments: bytes("94 81 a179 91 c0 c403010203 cb3ff8000000000000 c0").into(),
            meta: None,
        };
        assert_eq!(packet(&event, LIMITS), Ok(wanted));
        let ack = bytes("84 a474797065 03 a464617461 92 d40000 cd012c a26964 ce00011170 a36e7370 a22f61");
        let wanted = Packet::Reply { id: 70_000, outcome: Ok(bytes("92 c0 cd012c").into()) };
        assert_eq!(packet(&ack, LIMITS), Ok(wanted));
        let disconnect = bytes("82 a474797065 01 a36e7370 a22f61");
        let wanted = Packet::Disconnect { namespace: "/a".into(), reason: None };
        assert_eq!(packet(&disconnect, LIMITS), Ok(wanted));
    }

    #[test]
    fn size_and_depth_are_limited() {
        let nested = |depth: usize| {
            let mut bytes = bytes("83 a474797065 02 a36e7370 a12f a464617461 92 a161");
            bytes.extend(vec![0x91; depth]);
            bytes.push(NIL);
            bytes
        };
        assert!(packet(&nested(6), LIMITS).is_ok());
        assert_eq!(packet(&nested(7), LIMITS), Err(WireError::TooDeep { limit: 8, id: None }));
        assert_eq!(packet(&nested(900), LIMITS), Err(WireError::TooDeep { limit: 8, id: None }));
        assert_eq!(packet(&nested(1000), LIMITS), Err(WireError::TooLarge { limit: 1000, id: None }));
        assert_eq!(packet(&[0xdf, 255, 255, 255, 255], LIMITS), Err(ENDS));
        let claim = WireError::TooLarge { limit: 1000, id: None };
        assert_eq!(packet(&[0x81, 0xdd, 255, 255, 255, 255], LIMITS), Err(claim));
    }

    #[test]
    fn packets_are_written_as_the_reference_writes_them() {
        let mut out = Vec::new();
        connect(&mut out, "/", "abc");
        assert_eq!(out, bytes("83 a474797065 00 a464617461 81 a3736964 a3616263 a36e7370 a12f"));
        out.clear();
        event(&mut out, "/a", "e", &[0x92, 1, 2], Some(300));
        assert_eq!(out, bytes("84 a474797065 02 a464617461 93 a165 01 02 a36e7370 a22f61 a26964 cd012c"));
        out.clear();
        event(&mut out, "/", "e", &[0xdc, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None);
        assert_eq!(&out[..16], bytes("83 a474797065 02 a464617461 dc0010 a1"));
        out.clear();
        ack(&mut out, "/", 0, &[0x91, 7]);
        assert_eq!(out, bytes("84 a474797065 03 a464617461 91 07 a36e7370 a12f a26964 00"));
        out.clear();
        connect_error(&mut out, "/", &Value::Map(vec![("message".into(), "no".into())]));
        assert_eq!(value(&out)["data"]["message"], "no".into());
        out.clear();
        disconnect(&mut out, "/a");
        assert_eq!(out, bytes("82 a474797065 01 a36e7370 a22f61"));
    }
}
