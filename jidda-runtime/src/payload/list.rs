//! What an event's arguments are: a tuple is several, `()` none, anything else one.

use std::cell::Cell;

use serde::{Serialize, Serializer};

/// What is written as the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListForm {
    /// A value that is its only element, or nothing at all.
    One,
    /// A tuple, which is the list itself; it is not begun.
    Several,
    /// The same, begun.
    Open,
}

/// A serializer that can open an argument list before it writes a value.
pub(super) trait ArgumentListSerializer: Serializer {
    /// Opens a list of one, whose element is written next.
    fn one(self) -> Self;
    /// Writes an empty list.
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

/// Turns the outermost value into an argument list: see [`encode_arguments_into`](super::encode_arguments_into).
///
/// serde distinguishes tuples from lists, which no trait bound can.
pub(super) struct ArgumentList<'a, S> {
    pub(super) serializer: S,
    /// For a serializer whose writer has to know.
    pub(super) form: &'a Cell<ListForm>,
}

macro_rules! one_argument {
    ($($method:ident($($name:ident: $type:ty),*) -> $output:ident;)*) => {$(
        #[inline]
        fn $method(self, $($name: $type),*) -> Result<Self::$output, Self::Error> {
            self.serializer.one().$method($($name),*)
        }
    )*};
}

impl<S: ArgumentListSerializer> Serializer for ArgumentList<'_, S> {
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
        self.form.set(ListForm::Several);
        self.serializer.serialize_tuple(length)
    }

    #[inline]
    fn serialize_unit(self) -> Result<Self::Ok, Self::Error> {
        self.serializer.none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, Self::Error> {
        self.serializer.one().serialize_some(value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        self.serializer.one().serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Self::Ok, Self::Error> {
        self.serializer.one().serialize_newtype_variant(name, index, variant, value)
    }

    fn is_human_readable(&self) -> bool {
        self.serializer.is_human_readable()
    }
}
