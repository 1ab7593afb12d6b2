//! Reads one argument after the other, each straight from the message's bytes where that is possible.

use rmpv::Value;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Visitor, value::Error as ValueError};
use serde::forward_to_deserialize_any;

use crate::error::Error;
use crate::payload::wide::{self, Wide};
use crate::payload::{Encoding, explain, from_value, json, mended, to_msgpack};

type MsgpackReader<'a> = rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'a, [u8]>>;

/// Decodes one argument after the other.
#[derive(Debug)]
pub struct ArgumentReader<'a> {
    names: &'static [&'static str],
    taken: usize,
    source: Source<'a>,
}

#[derive(Debug)]
enum Source<'a> {
    Positional {
        list: &'a [u8],
        reader: MsgpackReader<'a>,
        left: usize,
    },
    /// What is left of an array: a bracket or a comma before the next element, or the last bracket.
    Json(&'a [u8]),
    /// What had to be read as values first.
    Values(std::vec::IntoIter<Value>),
    Named(Vec<(String, Value)>),
}

impl<'a> ArgumentReader<'a> {
    #[inline]
    pub(super) fn open(
        bytes: &'a [u8],
        encoding: Encoding,
        names: &'static [&'static str],
    ) -> Result<Self, Error> {
        match encoding {
            Encoding::MessagePack => Self::msgpack(bytes, names),
            Encoding::Json(_) => Self::json(bytes, names),
            Encoding::SocketIoMessagePack(_) => {
                let list = rmpv::decode::read_value(&mut &bytes[..]).map_err(|_| no_list())?;
                Self::values(list, names)
            }
        }
    }

    fn json(bytes: &'a [u8], names: &'static [&'static str]) -> Result<Self, Error> {
        let (text, attachments) = json::parts(bytes);
        if attachments.is_empty() {
            // In an event the bracket of the arguments is the comma behind the name.
            return match text.first() {
                Some(b'[' | b',' | b']') => Ok(Self { names, taken: 0, source: Source::Json(text) }),
                _ => Err(no_list()),
            };
        }
        let list =
            json::read_whole(text, attachments).map_err(|error| Error::new("bad_arguments", error.0))?;
        Self::values(list, names)
    }

    fn values(list: Value, names: &'static [&'static str]) -> Result<Self, Error> {
        let Value::Array(values) = list else { return Err(no_list()) };
        Ok(Self { names, taken: 0, source: Source::Values(values.into_iter()) })
    }

    fn msgpack(bytes: &'a [u8], names: &'static [&'static str]) -> Result<Self, Error> {
        let (length, head) = match *bytes {
            [byte @ 0x90..=0x9f, ..] => (usize::from(byte & 0x0f), 1),
            [0xdc, a, b, ..] => (usize::from(u16::from_be_bytes([a, b])), 3),
            [0xdd, a, b, c, d, ..] => (u32::from_be_bytes([a, b, c, d]) as usize, 5),
            [0x80..=0x8f | 0xde | 0xdf, ..] => {
                let Named(entries) = rmp_serde::from_slice(bytes).map_err(|_| no_list())?;
                return Ok(Self { names, taken: 0, source: Source::Named(entries) });
            }
            _ => return Err(no_list()),
        };
        let list = &bytes[head..];
        let reader = rmp_serde::Deserializer::from_read_ref(list);
        Ok(Self { names, taken: 0, source: Source::Positional { list, reader, left: length } })
    }

    /// The rest of arguments that are named.
    pub(super) fn take_named(&mut self) -> Option<Vec<(String, Value)>> {
        match &mut self.source {
            Source::Named(entries) => Some(std::mem::take(entries)),
            _ => None,
        }
    }

    pub(super) fn has_next(&self) -> bool {
        match &self.source {
            Source::Positional { left, .. } => *left > 0,
            Source::Json(rest) => has_element(rest),
            Source::Values(values) => values.len() > 0,
            Source::Named(entries) => {
                self.names.get(self.taken).is_some_and(|name| entries.iter().any(|(key, _)| key == name))
            }
        }
    }

    /// How many arguments the handler takes.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// The name of the next argument, for its errors.
    #[inline]
    pub(super) fn next_name(&self) -> &'static str {
        self.names.get(self.taken).copied().unwrap_or("?")
    }

    #[inline]
    pub(super) fn decode<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        let position = self.taken;
        self.taken += 1;
        match &mut self.source {
            Source::Positional { list, reader, left } if *left > 0 => {
                *left -= 1;
                T::deserialize(Wide(&mut *reader)).or_else(|error| {
                    let (value, rest) =
                        read_again(list, position, &error).map_err(|text| mistyped(position, name, &text))?;
                    *reader = rmp_serde::Deserializer::from_read_ref(rest);
                    Ok(value)
                })
            }
            Source::Json(rest) if has_element(rest) => {
                let mut values = serde_json::Deserializer::from_slice(&rest[1..]).into_iter::<T>();
                match values.next() {
                    Some(Ok(value)) => {
                        *rest = rest[1 + values.byte_offset()..].trim_ascii_start();
                        Ok(value)
                    }
                    Some(Err(error)) => {
                        let (value, length) = json::read_first_again(&rest[1..], &error)
                            .map_err(|error| mistyped(position, name, &error.0))?;
                        *rest = rest[1 + length..].trim_ascii_start();
                        Ok(value)
                    }
                    None => missing(position, name),
                }
            }
            Source::Values(values) => match values.next() {
                Some(value) => from_value(value).map_err(|error| mistyped(position, name, &error.0)),
                None => missing(position, name),
            },
            Source::Positional { .. } | Source::Json(_) => missing(position, name),
            Source::Named(entries) => match entries.iter().position(|(key, _)| key == name) {
                Some(index) => {
                    read_named(&entries.swap_remove(index).1).map_err(|text| mistyped(position, name, &text))
                }
                None => missing(position, name),
            },
        }
    }
}

#[cold]
fn no_list() -> Error {
    Error::new("bad_arguments", "the arguments are neither an array nor a map")
}

/// Whether an element of a JSON array follows.
#[inline]
pub(super) fn has_element(rest: &[u8]) -> bool {
    match rest {
        [b',', ..] => true,
        [b'[', rest @ ..] => !rest.trim_ascii_start().starts_with(b"]"),
        _ => false,
    }
}

#[cold]
fn mistyped(position: usize, name: &str, text: &str) -> Error {
    Error::new("bad_arguments", format!("argument {} `{name}`: {text}", position + 1))
}

/// The value at a position of a list, and what follows it.
fn value_at(mut list: &[u8], position: usize) -> Option<(Value, &[u8])> {
    for _ in 0..position {
        rmpv::decode::read_value(&mut list).ok()?;
    }
    Some((rmpv::decode::read_value(&mut list).ok()?, list))
}

/// Reads an argument that was refused with `refusal`, mended; also what follows it.
#[cold]
fn read_again<'a, T: DeserializeOwned>(
    list: &'a [u8],
    position: usize,
    refusal: &rmp_serde::decode::Error,
) -> Result<(T, &'a [u8]), String> {
    let Some((mut value, rest)) = value_at(list, position) else { return Err(explain::<T>(refusal, None)) };
    if !mended::value(&mut value) {
        return Err(explain::<T>(refusal, Some(value)));
    }
    match wide::from_slice(&to_msgpack(&value)) {
        Ok(argument) => Ok((argument, rest)),
        Err(error) => Err(explain::<T>(&error, Some(value))),
    }
}

/// Reads a value as if it had its position: rmpv's own reader knows enums in another form.
fn read_named<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    let bytes = to_msgpack(value);
    wide::from_slice(&bytes).or_else(|error| Ok(read_again(&bytes, 0, &error)?.0))
}

#[cold]
fn missing<T: DeserializeOwned>(position: usize, name: &str) -> Result<T, Error> {
    T::deserialize(Missing).map_err(|_| {
        Error::new("bad_arguments", format!("argument {} `{name}` is missing", position + 1))
            .with_data(Value::from(name))
    })
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
