//! Values of any kind, bytes among them.

use std::fmt::{self, Write};

use rmpv::Value;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Any number of values as the arguments of one event. A `Vec` would be one argument.
pub(crate) struct Arguments(pub(crate) Vec<Value>);

impl Serialize for Arguments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            tuple.serialize_element(value)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Arguments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Arguments, A::Error> {
                let mut all = Vec::new();
                while let Some(value) = values.next_element()? {
                    all.push(value);
                }
                Ok(Arguments(all))
            }
        }

        // A sequence would be the first argument; a tuple is all of them, however many it says there are.
        deserializer.deserialize_tuple(2, All)
    }
}

pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Bytes as text, so that a client sees what arrived as bytes.
pub(crate) fn hexed(value: Value) -> Value {
    match value {
        Value::Binary(bytes) => {
            let mut text = "hex:".to_owned();
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            text.into()
        }
        Value::Array(values) => Value::Array(values.into_iter().map(hexed).collect()),
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, hexed(value))).collect())
        }
        other => other,
    }
}

/// Text, bytes, and bytes in something, by turns.
pub(crate) fn item(number: u32) -> Value {
    let byte = number.to_le_bytes()[0];
    let bytes = |bytes: &[u8]| Value::Binary(bytes.to_vec());
    match number % 3 {
        0 => format!("text {number}").into(),
        1 => bytes(&[byte]),
        _ => map([("a", bytes(&[byte])), ("b", Value::Array(vec![bytes(&[byte]), bytes(&[byte, byte])]))]),
    }
}
