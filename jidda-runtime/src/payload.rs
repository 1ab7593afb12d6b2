//! Values between Rust types and bytes: one place that knows how a value is written on a wire.

use std::cell::Cell;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

pub use rmpv::Value;

/// How values are written. Each wire uses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `MessagePack`; structs are maps from field names to values.
    MessagePack,
}

/// One value, already written in some [`Encoding`]: what a middleware sees of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    encoding: Encoding,
    /// Most replies fit in place and cost no allocation.
    bytes: SmallVec<[u8; 48]>,
}

/// Why a value could not be written or read. The text is one line, lower case, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub(crate) String);

impl Payload {
    /// Writes `value`.
    ///
    /// # Errors
    ///
    /// When `value` refuses to be serialized.
    pub fn encode<T: Serialize + ?Sized>(value: &T, encoding: Encoding) -> Result<Self, CodecError> {
        let bytes = with_scratch(|out| encode_into(out, value, encoding), SmallVec::from_slice)?;
        Ok(Self { encoding, bytes })
    }

    /// Reads the value back.
    ///
    /// # Errors
    ///
    /// When the bytes are not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        match self.encoding {
            Encoding::MessagePack => decode_msgpack(&self.bytes),
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8], encoding: Encoding) -> Self {
        Self { encoding, bytes: SmallVec::from_slice(bytes) }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the value is written.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest scratch buffer a thread keeps.
const KEPT: usize = 64 * 1024;

/// Encodes into this thread's scratch buffer and hands the bytes to `take`.
#[inline]
pub(crate) fn with_scratch<R>(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    take: impl FnOnce(&[u8]) -> R,
) -> Result<R, CodecError> {
    // Taken out, not borrowed: the value's own `Serialize` may encode something, too.
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let result = encode(&mut scratch).map(|()| take(&scratch));
    if scratch.capacity() <= KEPT {
        SCRATCH.set(scratch);
    }
    result
}

/// Appends `value` to `out`.
pub(crate) fn encode_into<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    encoding: Encoding,
) -> Result<(), CodecError> {
    match encoding {
        Encoding::MessagePack => value
            .serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())
            .map_err(|error| CodecError(error.to_string())),
    }
}

/// Appends `arguments` as an event's argument list: a tuple is several arguments, `()` none, anything else one.
pub(crate) fn encode_arguments_into<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    arguments: &T,
    encoding: Encoding,
) -> Result<(), CodecError> {
    match encoding {
        Encoding::MessagePack => {
            let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
            arguments.serialize(ArgumentList(&mut serializer)).map_err(|error| CodecError(error.to_string()))
        }
    }
}

pub(crate) fn decode_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    rmp_serde::from_slice(bytes).map_err(|error| CodecError(describe_decode(&error)))
}

/// serde's own words where there are some; rmp's otherwise.
pub(crate) fn describe_decode(error: &rmp_serde::decode::Error) -> String {
    match error {
        rmp_serde::decode::Error::Syntax(text) | rmp_serde::decode::Error::Uncategorized(text) => {
            text.clone()
        }
        other => other.to_string(),
    }
}

/// A serializer that can open an argument list before it writes a value.
trait ArgumentListSerializer: Serializer {
    fn one(self) -> Self;
    fn none(self) -> Result<Self::Ok, Self::Error>;
}

impl<C> ArgumentListSerializer for &mut rmp_serde::Serializer<&mut Vec<u8>, C>
where
    C: rmp_serde::config::SerializerConfig,
{
    #[inline]
    fn one(self) -> Self {
        self.get_mut().push(0x91);
        self
    }

    #[inline]
    fn none(self) -> Result<(), Self::Error> {
        self.get_mut().push(0x90);
        Ok(())
    }
}

/// Turns the outermost value into an argument list: see [`encode_arguments_into`].
///
/// serde tells a tuple from a list, which no bound on the type can.
struct ArgumentList<S>(S);

macro_rules! one_argument {
    ($($method:ident($($name:ident: $type:ty),*) -> $output:ident;)*) => {$(
        #[inline]
        fn $method(self, $($name: $type),*) -> Result<Self::$output, Self::Error> {
            self.0.one().$method($($name),*)
        }
    )*};
}

impl<S: ArgumentListSerializer> Serializer for ArgumentList<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = S::SerializeSeq;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = S::SerializeMap;
    type SerializeStruct = S::SerializeStruct;
    type SerializeStructVariant = S::SerializeStructVariant;

    one_argument! {
        serialize_bool(value: bool) -> Ok;
        serialize_i8(value: i8) -> Ok;
        serialize_i16(value: i16) -> Ok;
        serialize_i32(value: i32) -> Ok;
        serialize_i64(value: i64) -> Ok;
        serialize_i128(value: i128) -> Ok;
        serialize_u8(value: u8) -> Ok;
        serialize_u16(value: u16) -> Ok;
        serialize_u32(value: u32) -> Ok;
        serialize_u64(value: u64) -> Ok;
        serialize_u128(value: u128) -> Ok;
        serialize_f32(value: f32) -> Ok;
        serialize_f64(value: f64) -> Ok;
        serialize_char(value: char) -> Ok;
        serialize_str(value: &str) -> Ok;
        serialize_bytes(value: &[u8]) -> Ok;
        serialize_none() -> Ok;
        serialize_unit_struct(name: &'static str) -> Ok;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> Ok;
        serialize_seq(length: Option<usize>) -> SerializeSeq;
        serialize_map(length: Option<usize>) -> SerializeMap;
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeTupleVariant;
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeStructVariant;
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, Self::Error> {
        self.0.serialize_tuple(length)
    }

    #[inline]
    fn serialize_unit(self) -> Result<Self::Ok, Self::Error> {
        self.0.none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Self::Error> {
        self.0.one().serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        self.0.one().serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        self.0.one().serialize_newtype_variant(name, index, variant, value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
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
    fn a_payload_reads_back() {
        let payload = Payload::encode(&(1, "a"), Encoding::MessagePack).unwrap();
        assert_eq!(payload.decode::<(i32, String)>().unwrap(), (1, "a".to_owned()));
        assert!(payload.decode::<String>().is_err());
    }
}
