//! Which whole numbers a peer reads exactly.

use super::codec_error::CodecError;

/// Which whole numbers are sent to the peers of a Socket.IO resource.
///
/// JavaScript reads a whole number beyond 2^53 as another one. Clients in other languages read it exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Integers {
    /// Those that JavaScript has exactly; sending a larger one is an error: send it as text.
    #[default]
    Safe,
    /// All of them: no client of the resource is written in JavaScript.
    All,
}

/// The largest whole number up to which JavaScript has each exactly.
const LARGEST: u128 = 1 << 53;

impl Integers {
    /// Checks a number by its magnitude.
    #[inline]
    pub(super) fn check(self, magnitude: u128) -> Result<(), CodecError> {
        if magnitude > LARGEST && self == Self::Safe { Err(refused(magnitude)) } else { Ok(()) }
    }

    /// Checks the whole numbers of values in `MessagePack`.
    pub(super) fn check_msgpack(self, mut values: &[u8]) -> Result<(), CodecError> {
        if self == Self::All {
            return Ok(());
        }
        while let [head, rest @ ..] = values {
            let length = |width: usize| {
                let length = rest.get(..width).unwrap_or_default();
                width + length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
            };
            let skipped = match head {
                0xa0..=0xbf => usize::from(head & 0x1f),
                0xc4 | 0xd9 => length(1),
                0xc5 | 0xda => length(2),
                0xc6 | 0xdb => length(4),
                0xc7..=0xc9 => length(1 << (head - 0xc7)) + 1,
                0xcc | 0xd0 => 1,
                0xcd | 0xd1 | 0xdc | 0xde => 2,
                0xca | 0xce | 0xd2 | 0xdd | 0xdf => 4,
                0xcb => 8,
                0xcf | 0xd3 => {
                    let bytes = rest.first_chunk().copied().unwrap_or_default();
                    let is_signed = *head == 0xd3;
                    let magnitude = if is_signed {
                        i64::from_be_bytes(bytes).unsigned_abs()
                    } else {
                        u64::from_be_bytes(bytes)
                    };
                    self.check(magnitude.into())?;
                    8
                }
                0xd4..=0xd8 => (1 << (head - 0xd4)) + 1,
                _ => 0,
            };
            values = rest.get(skipped..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cold]
fn refused(magnitude: u128) -> CodecError {
    CodecError(format!(
        "the number {magnitude} is beyond 2^53, where JavaScript is not exact: send it as text"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rmpv::{Integer, Value};

    use super::*;
    use crate::payload::{Encoding, encode_into};

    fn value() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<u64>().prop_map(Integer::from),
            any::<i64>().prop_map(Integer::from),
            any::<i8>().prop_map(Integer::from),
            (0_u64..3).prop_map(|above| Integer::from((1_u64 << 53) + above)),
            (0_i64..3).prop_map(|above| Integer::from(-(1_i64 << 53) - above)),
        ];
        let bytes = || {
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (0_usize..70_000).prop_map(|length| vec![0xcf; length])
            ]
        };
        let leaf = prop_oneof![
            4 => number.prop_map(Value::Integer),
            1 => Just(Value::Nil),
            1 => any::<bool>().prop_map(Value::Boolean),
            1 => any::<f32>().prop_map(Value::F32),
            1 => any::<f64>().prop_map(Value::F64),
            1 => bytes().prop_map(Value::Binary),
            1 => bytes().prop_map(|bytes| Value::from(String::from_utf8_lossy(&bytes).into_owned())),
            1 => (any::<i8>(), bytes()).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
        ];
        leaf.prop_recursive(4, 32, 20, |value| {
            prop_oneof![
                prop::collection::vec(value.clone(), 0..20).prop_map(Value::Array),
                prop::collection::vec((value.clone(), value), 0..20).prop_map(Value::Map),
            ]
        })
    }

    fn has_large(value: &Value) -> bool {
        match value {
            Value::Integer(number) => {
                let magnitude = number.as_u64().unwrap_or_else(|| number.as_i64().unwrap().unsigned_abs());
                magnitude > 1 << 53
            }
            Value::Array(values) => values.iter().any(has_large),
            Value::Map(entries) => entries.iter().any(|(key, value)| has_large(key) || has_large(value)),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_large_number_is_found_wherever_it_is(value in value()) {
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &value).unwrap();
            prop_assert_eq!(Integers::Safe.check_msgpack(&bytes).is_err(), has_large(&value));
            prop_assert_eq!(Integers::All.check_msgpack(&bytes), Ok(()));
        }

        #[test]
        fn incomplete_values_are_read_to_their_end(bytes: Vec<u8>) {
            let _ = Integers::Safe.check_msgpack(&bytes);
        }
    }

    fn packed(value: &impl serde::Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_into(&mut bytes, value, Encoding::MessagePack).unwrap();
        bytes
    }

    #[test]
    fn the_limit_is_exact() {
        assert_eq!(Integers::Safe.check_msgpack(&packed(&(1_u64 << 53, -(1_i64 << 53)))), Ok(()));
        let error = Integers::Safe.check_msgpack(&packed(&((1_u64 << 53) + 1))).unwrap_err();
        assert_eq!(
            error.0,
            "the number 9007199254740993 is beyond 2^53, where JavaScript is not exact: send it as text"
        );
    }
}
