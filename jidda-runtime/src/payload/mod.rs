//! Values between Rust types and bytes: one place that knows how a value is written on a wire.

mod buffer;
mod codec_error;
mod encoding;
mod integers;
pub(crate) mod json;
mod list;
pub(crate) mod mended;
mod message_pack;
pub(crate) mod wide;

use std::cell::Cell;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use codec_error::CodecError;
pub use encoding::Encoding;
pub use integers::Integers;
pub(crate) use message_pack::{decode_msgpack, explain, from_value, to_msgpack};
pub use rmpv::Value;

use buffer::Buffer;
use list::{ArgumentList, ListForm};
use message_pack::from_msgpack;

/// One value, already written in some [`Encoding`]: what a middleware sees of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    encoding: Encoding,
    /// Whether it is a list of values: one of them, or all as a tuple, is what is read.
    is_list: bool,
    bytes: Buffer,
}

impl Payload {
    /// Writes `value`.
    ///
    /// # Errors
    ///
    /// When `value` refuses to be serialized.
    pub fn encode<T: Serialize + ?Sized>(value: &T, encoding: Encoding) -> Result<Self, CodecError> {
        let bytes = with_scratch(|out| encode_into(out, value, encoding), Buffer::exact)?;
        Ok(Self { encoding, is_list: false, bytes })
    }

    /// Writes `value` as the reply to an event: where replies are lists, a tuple is several values.
    pub(crate) fn reply<T: Serialize + ?Sized>(value: &T, encoding: Encoding) -> Result<Self, CodecError> {
        let is_list = encoding.replies_with_list();
        let bytes = Buffer::encode(|out| {
            if is_list {
                encode_arguments_into(out, value, encoding)
            } else {
                encode_into(out, value, encoding)
            }
        })?;
        Ok(Self { encoding, is_list, bytes })
    }

    /// Reads the value back.
    ///
    /// # Errors
    ///
    /// When the bytes are not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        if self.is_list {
            decode_list(&self.bytes, self.encoding)
        } else {
            decode(&self.bytes, self.encoding)
        }
    }

    /// A value that is encoded already.
    pub(crate) fn from_bytes(bytes: &[u8], encoding: Encoding) -> Self {
        Self { encoding, is_list: false, bytes: Buffer::exact(bytes) }
    }

    /// The reply to an event, encoded already.
    pub(crate) fn from_reply(bytes: &[u8], encoding: Encoding) -> Self {
        Self { encoding, is_list: encoding.replies_with_list(), bytes: Buffer::exact(bytes) }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is a list of values.
    #[inline]
    pub(crate) fn is_list(&self) -> bool {
        self.is_list
    }

    /// How the value is written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The value for another wire.
    pub(crate) fn to_value(&self) -> Result<Value, CodecError> {
        self.decode()
    }
}

/// Encodes into a buffer that this thread keeps and hands the bytes to `take`.
#[inline]
pub(crate) fn with_scratch<R>(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    take: impl FnOnce(&[u8]) -> R,
) -> Result<R, CodecError> {
    Buffer::encode(encode).map(|bytes| take(&bytes))
}

/// Appends `value` to `out`.
pub(crate) fn encode_into<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    encoding: Encoding,
) -> Result<(), CodecError> {
    let failed = |error: rmp_serde::encode::Error| CodecError(error.to_string());
    match encoding {
        Encoding::MessagePack => {
            value.serialize(&mut rmp_serde::Serializer::new(out).with_struct_map()).map_err(failed)
        }
        Encoding::SocketIoMessagePack(integers) => {
            let start = out.len();
            let serializer = rmp_serde::Serializer::new(&mut *out).with_struct_map();
            value.serialize(&mut serializer.with_human_readable()).map_err(failed)?;
            integers.check_msgpack(&out[start..])
        }
        Encoding::Json(integers) => {
            let start = out.len();
            let attachments = json::write_value(out, value, integers)?;
            json::bundle(out, start, &attachments);
            Ok(())
        }
    }
}

/// Appends `arguments` as an event's argument list: a tuple is several arguments, `()` none, anything else one.
pub(crate) fn encode_arguments_into<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    arguments: &T,
    encoding: Encoding,
) -> Result<(), CodecError> {
    let failed = |error: rmp_serde::encode::Error| CodecError(error.to_string());
    let form = Cell::new(ListForm::One);
    match encoding {
        Encoding::MessagePack => {
            let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
            arguments.serialize(ArgumentList { serializer: &mut serializer, form: &form }).map_err(failed)
        }
        Encoding::SocketIoMessagePack(integers) => {
            let start = out.len();
            let serializer = rmp_serde::Serializer::new(&mut *out).with_struct_map();
            let mut serializer = serializer.with_human_readable();
            arguments.serialize(ArgumentList { serializer: &mut serializer, form: &form }).map_err(failed)?;
            integers.check_msgpack(&out[start..])
        }
        Encoding::Json(integers) => {
            let start = out.len();
            let attachments = json::write_list(out, arguments, integers)?;
            json::bundle(out, start, &attachments);
            Ok(())
        }
    }
}

/// The argument list of a value that is encoded already, or of none.
pub(crate) fn list_of(argument: Option<&Payload>, encoding: Encoding) -> Vec<u8> {
    match (encoding, argument) {
        (Encoding::Json(_), None) => b"[]".to_vec(),
        (Encoding::Json(_), Some(argument)) => [b"[", argument.bytes(), b"]"].concat(),
        (_, None) => vec![0x90],
        (_, Some(argument)) => [&[0x91], argument.bytes()].concat(),
    }
}

/// Reads a value.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], encoding: Encoding) -> Result<T, CodecError> {
    match encoding {
        Encoding::MessagePack => decode_msgpack(bytes),
        Encoding::SocketIoMessagePack(_) => from_msgpack(bytes),
        Encoding::Json(_) => json::read(bytes),
    }
}

/// Reads a list of values: the only one, or all of them as a tuple; none is unit.
fn decode_list<T: DeserializeOwned>(bytes: &[u8], encoding: Encoding) -> Result<T, CodecError> {
    if matches!(encoding, Encoding::Json(_)) {
        let (text, attachments) = json::parts(bytes);
        if attachments.is_empty() {
            let elements: Vec<&serde_json::value::RawValue> = json::read_borrowed(text)?;
            return match &*elements {
                [] => json::read(b"null"),
                [one] => json::read(one.get().as_bytes()),
                _ => json::read(text),
            };
        }
        return from_value(single(json::read_whole(text, attachments)?));
    }
    let list = rmpv::decode::read_value(&mut &bytes[..]).map_err(|error| CodecError(error.to_string()))?;
    from_value(single(list))
}

fn single(list: Value) -> Value {
    match list {
        Value::Array(mut elements) if elements.len() < 2 => elements.pop().unwrap_or(Value::Nil),
        list => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments<T: Serialize>(value: &T) -> Value {
        let mut out = Vec::new();
        encode_arguments_into(&mut out, value, Encoding::MessagePack).unwrap();
        rmpv::decode::read_value(&mut out.as_slice()).unwrap()
    }

    #[derive(Serialize)]
    struct Point {
        x: i32,
    }

    #[test]
    fn a_tuple_is_several_arguments_and_all_else_is_one() {
        let one = |value: Value| Value::Array(vec![value]);
        assert_eq!(arguments(&()), Value::Array(vec![]));
        assert_eq!(arguments(&(1, "a")), Value::Array(vec![1.into(), "a".into()]));
        assert_eq!(arguments(&("a",)), one("a".into()));
        assert_eq!(arguments(&"a"), one("a".into()));
        assert_eq!(arguments(&vec![1, 2]), one(Value::Array(vec![1.into(), 2.into()])));
        assert_eq!(arguments(&Some(1)), one(1.into()));
        assert_eq!(arguments(&None::<i32>), one(Value::Nil));
        assert_eq!(arguments(&Point { x: 1 }), one(Value::Map(vec![("x".into(), 1.into())])));
    }

    #[test]
    fn a_reply_is_read_as_other_languages_write_it() {
        let replies = [
            (&b"[2.1e1]"[..], Encoding::Json(Integers::Safe)),
            (&[0xcb, 0x40, 0x35, 0, 0, 0, 0, 0, 0], Encoding::MessagePack),
            (&[0x91, 0xca, 0x41, 0xa8, 0, 0], Encoding::SocketIoMessagePack(Integers::Safe)),
        ];
        for (bytes, encoding) in replies {
            let reply = Payload::from_reply(bytes, encoding);
            assert_eq!(reply.decode::<i64>().unwrap(), 21, "{encoding:?}");
            assert_eq!(reply.decode::<Option<f64>>().unwrap().map(f64::to_bits), Some(21.0_f64.to_bits()));
            assert!(reply.decode::<String>().unwrap_err().0.starts_with("invalid type: "), "{encoding:?}");
        }
        let reply = Payload::from_reply(br#"["\ud83d",{"n":1.0}]"#, Encoding::Json(Integers::Safe));
        let (text, map): (String, std::collections::BTreeMap<String, u8>) = reply.decode().unwrap();
        assert_eq!((&*text, map["n"]), ("\u{fffd}", 1));
    }

    #[test]
    fn a_payload_reads_back() {
        let payload = Payload::encode(&(1, "a"), Encoding::MessagePack).unwrap();
        assert_eq!(payload.decode::<(i32, String)>().unwrap(), (1, "a".to_owned()));
        assert!(payload.decode::<String>().is_err());
    }
}
