//! Whole numbers of 128 bits in `MessagePack`, which has none: they are written as their sixteen bytes, and small ones
//! may be received as integers like any other.
//!
//! `rmp_serde` casts what it reads for a `u128`, so that -1 would be the largest number there is. All else is its own.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// Reads a value from `MessagePack`.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, rmp_serde::decode::Error> {
    T::deserialize(Wide(&mut rmp_serde::Deserializer::from_read_ref(bytes)))
}

/// A deserializer of `rmp_serde`'s, with that mended, also in what is inside of a value.
pub(crate) struct Wide<D>(pub(crate) D);

/// What is read by itself: there is nothing inside of it.
macro_rules! plain {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(visitor)
        }
    )*};
}

/// What may have other values inside.
macro_rules! nested {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Wide(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Wide<D> {
    type Error = D::Error;

    plain! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_identifier deserialize_ignored_any
    }

    nested! {
        deserialize_any();
        deserialize_option();
        deserialize_seq();
        deserialize_map();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Unsigned(visitor))
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Takes a number of 128 bits in either form, by its sign; anything else is no such number.
struct Unsigned<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Unsigned<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(f)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<V::Value, E> {
        match u128::try_from(number) {
            Ok(number) => self.0.visit_u128(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<V::Value, E> {
        self.0.visit_u128(number.into())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        match bytes.try_into() {
            Ok(bytes) => self.0.visit_u128(u128::from_be_bytes(bytes)),
            Err(_) => Err(E::invalid_length(bytes.len(), &self)),
        }
    }
}

macro_rules! visited {
    ($($method:ident($type:ty);)*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Wide<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(f)
    }

    visited! {
        visit_bool(bool);
        visit_i8(i8);
        visit_i16(i16);
        visit_i32(i32);
        visit_i64(i64);
        visit_i128(i128);
        visit_u8(u8);
        visit_u16(u16);
        visit_u32(u32);
        visit_u64(u64);
        visit_u128(u128);
        visit_f32(f32);
        visit_f64(f64);
        visit_char(char);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Wide(deserializer))
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Wide(deserializer))
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Wide(elements))
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Wide(entries))
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Wide(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Wide<S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Wide(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Wide<A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Wide(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Wide<A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Wide(seed))
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Wide(seed))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Wide<A> {
    type Error = A::Error;
    type Variant = Wide<A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (variant, rest) = self.0.variant_seed(Wide(seed))?;
        Ok((variant, Wide(rest)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Wide<A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Wide(seed))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Wide(visitor))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Wide(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use proptest::prelude::*;
    use rmpv::Value;
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    use super::super::{Encoding, Integers, decode, to_msgpack};
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        One(u128),
        Two(u128, Option<u128>),
        Named { n: u128 },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Nested {
        list: Vec<u128>,
        map: BTreeMap<String, u128>,
        shape: Shape,
        small: Option<i8>,
    }

    fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
        let read = decode(&to_msgpack(value), Encoding::MessagePack).map_err(|error| error.0);
        let for_people = decode::<T>(&to_msgpack(value), Encoding::SocketIoMessagePack(Integers::Safe))
            .map_err(|error| error.0);
        assert_eq!(read.is_ok(), for_people.is_ok());
        read
    }

    #[test]
    fn a_negative_number_is_no_unsigned_one_wherever_it_stands() {
        let text = |text: &str| Value::from(text);
        let map = |name: &str, value: Value| Value::Map(vec![(text(name), value)]);
        for number in [-1_i64, -32, -33, -129, -70_000, i64::MIN] {
            let number = Value::from(number);
            let list = Value::Array(vec![1.into(), number.clone()]);
            for refused in [
                read::<u128>(&number).map(drop),
                read::<Option<u128>>(&number).map(drop),
                read::<Vec<u128>>(&list).map(drop),
                read::<(u8, u128)>(&list).map(drop),
                read::<BTreeMap<String, u128>>(&map("a", number.clone())).map(drop),
                read::<Shape>(&map("One", number.clone())).map(drop),
                read::<Shape>(&map("Two", list.clone())).map(drop),
                read::<Shape>(&map("Named", map("n", number.clone()))).map(drop),
            ] {
                let error = refused.expect_err("a negative number");
                assert!(
                    error.contains("invalid value: integer `-") && error.contains("expected u128"),
                    "{error}"
                );
            }
            assert_eq!(read::<i128>(&number), Ok(number.as_i64().unwrap().into()));
        }
        for (value, number) in [(Value::from(0), 0), (7.into(), 7), (u64::MAX.into(), u64::MAX.into())] {
            assert_eq!(read::<u128>(&value), Ok(number));
        }
        for no_number in
            [text("1"), Value::Nil, true.into(), Value::Binary(vec![1; 15]), Value::Array(vec![])]
        {
            assert!(read::<u128>(&no_number).is_err(), "{no_number}");
        }
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        prop_oneof![
            Just(Shape::Unit),
            any::<u128>().prop_map(Shape::One),
            (any::<u128>(), any::<Option<u128>>()).prop_map(|(one, two)| Shape::Two(one, two)),
            any::<u128>().prop_map(|n| Shape::Named { n }),
        ]
    }

    fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
        let bytes = rmp_serde::to_vec_named(value).unwrap();
        assert_eq!(from_slice::<T>(&bytes).unwrap(), *value);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            list in prop::collection::vec(any::<u128>(), 0..4),
            map in prop::collection::btree_map(".{0,3}", any::<u128>(), 0..4),
            shape in shapes(),
            small in any::<Option<i8>>(),
            signed in any::<i128>(),
        ) {
            survives(&signed);
            survives(&Nested { list, map, shape, small });
        }
    }
}
