//! What a handler owns: values decoded from the message, straight from its bytes.

use bytes::Bytes;
use rmpv::Value;
use serde::de::DeserializeOwned;

use super::reader::ArgumentReader;
use crate::error::Error;
use crate::payload::Encoding;

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
        ArgumentReader::open(self.bytes, self.encoding, names)
    }
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

impl ArgumentReader<'_> {
    /// The next argument; a missing one is `None` for an `Option`.
    ///
    /// # Errors
    ///
    /// `bad_arguments`, saying which argument is missing or what was expected of it.
    #[inline]
    pub fn take<T: Argument>(&mut self) -> Result<T, Error> {
        let name = self.next_name();
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
            self.skip();
            Ok(T::default())
        }
    }
}

/// All arguments that are left, as values: for catch-all handlers and forwarders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args(pub Vec<Value>);

impl Argument for Args {
    fn take(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error> {
        if let Some(entries) = reader.take_named() {
            let entries = entries.into_iter().map(|(key, value)| (key.into(), value));
            return Ok(Self(vec![Value::Map(entries.collect())]));
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
