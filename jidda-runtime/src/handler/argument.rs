//! What a handler owns: values decoded from the message, straight from its bytes.

use bytes::Bytes;
use rmpv::Value;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor, value::Error as ValueError};
use serde::forward_to_deserialize_any;

use crate::error::Error;
use crate::payload::{Encoding, describe_decode};

type MsgpackReader<'a> = rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'a, [u8]>>;

/// An event's arguments as they came: not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl<'a> Arguments<'a> {
    /// Wraps the encoded argument list: an array of positional arguments, or a map from names to them.
    pub fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Self { bytes, encoding }
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self.bytes)
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Opens the list; `names` are the names of the handler's arguments, in order.
    ///
    /// # Errors
    ///
    /// `bad_arguments` when it is neither an array nor a map with string keys.
    pub fn reader(self, names: &'static [&'static str]) -> Result<ArgumentReader<'a>, Error> {
        match self.encoding {
            Encoding::MessagePack => ArgumentReader::msgpack(self.bytes, names),
        }
    }
}

/// Decodes one argument after the other.
#[derive(Debug)]
pub struct ArgumentReader<'a> {
    names: &'static [&'static str],
    taken: usize,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    Positional { list: &'a [u8], reader: MsgpackReader<'a>, left: usize },
    Named(Vec<(String, Value)>),
}

impl<'a> ArgumentReader<'a> {
    fn msgpack(bytes: &'a [u8], names: &'static [&'static str]) -> Result<Self, Error> {
        let malformed = || Error::new("bad_arguments", "the arguments are neither an array nor a map");
        let (length, head) = match *bytes {
            [byte @ 0x90..=0x9f, ..] => (usize::from(byte & 0x0f), 1),
            [0xdc, a, b, ..] => (usize::from(u16::from_be_bytes([a, b])), 3),
            [0xdd, a, b, c, d, ..] => (u32::from_be_bytes([a, b, c, d]) as usize, 5),
            [0x80..=0x8f | 0xde | 0xdf, ..] => {
                let Named(entries) = rmp_serde::from_slice(bytes).map_err(|_| malformed())?;
                return Ok(Self { names, taken: 0, source: Source::Named(entries) });
            }
            _ => return Err(malformed()),
        };
        let list = &bytes[head..];
        let reader = rmp_serde::Deserializer::from_read_ref(list);
        Ok(Self { names, taken: 0, source: Source::Positional { list, reader, left: length } })
    }

    /// The next argument; a missing one is `None` for an `Option`.
    ///
    /// # Errors
    ///
    /// `bad_arguments`, saying which argument is missing or what was expected of it.
    #[inline]
    pub fn take<T: Argument>(&mut self) -> Result<T, Error> {
        let name = self.names.get(self.taken).copied().unwrap_or("?");
        T::take(self, name)
    }

    /// The next argument, or its default when it is missing: for arguments marked `#[serde(default)]`.
    ///
    /// # Errors
    ///
    /// `bad_arguments`, saying what was expected of it.
    pub fn take_or_default<T: Argument + Default>(&mut self) -> Result<T, Error> {
        if self.has_next() {
            self.take()
        } else {
            self.taken += 1;
            Ok(T::default())
        }
    }

    fn has_next(&self) -> bool {
        match &self.source {
            Source::Positional { left, .. } => *left > 0,
            Source::Named(entries) => {
                self.names.get(self.taken).is_some_and(|name| entries.iter().any(|(key, _)| key == name))
            }
        }
    }

    #[inline]
    fn decode<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let position = self.taken;
        self.taken += 1;
        match &mut self.source {
            Source::Positional { list, reader, left } if *left > 0 => {
                *left -= 1;
                T::deserialize(reader).map_err(|error| {
                    mistyped(position, name, &explain::<T>(&error, value_at(list, position)))
                })
            }
            Source::Positional { .. } => missing(position, name),
            Source::Named(entries) => match entries.iter().position(|(key, _)| key == name) {
                Some(index) => {
                    from_value(entries.swap_remove(index).1).map_err(|text| mistyped(position, name, &text))
                }
                None => missing(position, name),
            },
        }
    }
}

#[cold]
fn mistyped(position: usize, name: &str, text: &str) -> Error {
    Error::new("bad_arguments", format!("argument {} `{name}`: {text}", position + 1))
}

#[cold]
fn value_at(mut list: &[u8], position: usize) -> Option<Value> {
    for _ in 0..position {
        rmpv::decode::read_value(&mut list).ok()?;
    }
    rmpv::decode::read_value(&mut list).ok()
}

/// serde's own sentence about a value that is no `T`. It names what was expected, where rmp often names only the
/// marker it met; a second reading finds the words then.
#[cold]
fn explain<T: DeserializeOwned>(error: &rmp_serde::decode::Error, value: Option<Value>) -> String {
    use rmp_serde::decode::Error::{Syntax, Uncategorized};
    if matches!(error, Syntax(_) | Uncategorized(_)) {
        return describe_decode(error);
    }
    match value.map(rmpv::ext::from_value::<T>) {
        Some(Err(rmpv::ext::Error::Syntax(text))) => text,
        _ => describe_decode(error),
    }
}

/// Reads a value as if it had come by its position: rmpv's own reader knows enums in another form.
fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &value).map_err(|error| error.to_string())?;
    rmp_serde::from_slice(&bytes).map_err(|error| explain::<T>(&error, Some(value)))
}

#[cold]
fn missing<T: DeserializeOwned>(position: usize, name: &str) -> Result<T, Error> {
    T::deserialize(Missing).map_err(|_| {
        Error::new("bad_arguments", format!("argument {} `{name}` is missing", position + 1))
            .with_data(Value::from(name))
    })
}

/// A type that a handler can take by value: it is decoded from the message.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` from the message",
    label = "`{Self}` cannot be decoded",
    note = "what a handler owns comes from the message, what it borrows comes from the connection",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}` or to what it holds; if it belongs to the connection, borrow it"
)]
pub trait Argument: Sized {
    #[doc(hidden)]
    fn take(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error>;
}

// The words above are what users need to read, not serde's.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Argument for T {
    #[inline]
    fn take(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error> {
        reader.decode(name)
    }
}

/// All arguments that are left, as values: for catch-all handlers and forwarders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub Vec<Value>);

impl Argument for Args {
    fn take(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error> {
        if let Source::Named(entries) = &mut reader.source {
            let entries = std::mem::take(entries).into_iter();
            return Ok(Self(vec![Value::Map(entries.map(|(key, value)| (key.into(), value)).collect())]));
        }
        let mut values = Vec::new();
        while reader.has_next() {
            values.push(reader.decode(name)?);
        }
        Ok(Self(values))
    }
}

impl serde::Serialize for Args {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            tuple.serialize_element(value)?;
        }
        tuple.end()
    }
}

/// A map with string keys, in order.
struct Named(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Named;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of arguments by name")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// Deserializes only what may be absent.
struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ValueError> {
        Err(serde::de::Error::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::encode_arguments_into;

    const NAMES: &[&str] = &["text", "n"];

    fn encoded(value: impl serde::Serialize) -> Vec<u8> {
        let mut out = Vec::new();
        encode_arguments_into(&mut out, &value, Encoding::MessagePack).unwrap();
        out
    }

    fn arguments(bytes: &[u8]) -> ArgumentReader<'_> {
        Arguments::new(bytes, Encoding::MessagePack).reader(NAMES).unwrap()
    }

    #[test]
    fn positional_arguments_come_in_order() {
        let bytes = encoded(("a", 7, "surplus"));
        let mut reader = arguments(&bytes);
        assert_eq!(reader.take::<String>().unwrap(), "a");
        assert_eq!(reader.take::<u8>().unwrap(), 7);
    }

    #[test]
    fn a_missing_option_is_none_and_anything_else_is_named() {
        let bytes = encoded(("a",));
        let mut reader = arguments(&bytes);
        reader.take::<String>().unwrap();
        assert_eq!(reader.take::<Option<u8>>().unwrap(), None);
        let mut reader = arguments(&bytes);
        reader.take::<String>().unwrap();
        let error = reader.take::<u8>().unwrap_err();
        assert_eq!(error.message(), "argument 2 `n` is missing");
        let mut reader = arguments(&bytes);
        reader.take::<String>().unwrap();
        assert_eq!(reader.take_or_default::<u8>().unwrap(), 0);
    }

    #[test]
    fn a_wrong_type_says_which_and_what_was_expected() {
        let bytes = encoded(("a", "b"));
        let mut reader = arguments(&bytes);
        reader.take::<String>().unwrap();
        let error = reader.take::<u8>().unwrap_err();
        assert_eq!(error.code(), "bad_arguments");
        assert_eq!(error.message(), "argument 2 `n`: invalid type: string \"b\", expected u8");
    }

    #[test]
    fn named_arguments_are_found_by_name() {
        let mut bytes = Vec::new();
        let map = Value::Map(vec![("n".into(), 7.into()), ("text".into(), "a".into())]);
        rmpv::encode::write_value(&mut bytes, &map).unwrap();
        let mut reader = arguments(&bytes);
        assert_eq!(reader.take::<String>().unwrap(), "a");
        assert_eq!(reader.take::<u8>().unwrap(), 7);
    }

    #[test]
    fn an_enum_is_read_by_position_and_by_name_alike() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        enum Size {
            Small,
            Of { wool: u8 },
        }
        for size in [Size::Small, Size::Of { wool: 3 }] {
            let list = encoded((&size,));
            assert_eq!(arguments(&list).take::<Option<Size>>().unwrap().as_ref(), Some(&size));
            let value = rmpv::decode::read_value(&mut &list[1..]).unwrap();
            let mut map = Vec::new();
            rmpv::encode::write_value(&mut map, &Value::Map(vec![("text".into(), value)])).unwrap();
            assert_eq!(arguments(&map).take::<Option<Size>>().unwrap().as_ref(), Some(&size));
        }
        let error = arguments(&encoded(("Huge",))).take::<Size>().unwrap_err();
        assert_eq!(error.message(), "argument 1 `text`: unknown variant `Huge`, expected `Small` or `Of`");
    }

    #[test]
    fn args_takes_what_is_left() {
        let bytes = encoded(("a", 7, true));
        let mut reader = arguments(&bytes);
        reader.take::<String>().unwrap();
        assert_eq!(reader.take::<Args>().unwrap(), Args(vec![7.into(), true.into()]));
    }

    #[test]
    fn arguments_that_are_no_list_are_refused() {
        for bytes in [&[0xc0][..], &[0x01], &[], &[0xa1, b'x']] {
            let error = Arguments::new(bytes, Encoding::MessagePack).reader(NAMES).unwrap_err();
            assert_eq!(error.code(), "bad_arguments");
        }
    }
}
