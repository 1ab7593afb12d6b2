//! What a handler owns: values decoded from the message, straight from its bytes.

use bytes::Bytes;
use rmpv::Value;
use serde::de::DeserializeOwned;

use super::Context;
use super::reader::{self, ArgumentReader};
use crate::error::Error;
use crate::foreign::printable;
use crate::payload::Encoding;

/// An event's arguments as they were received: not decoded yet.
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

/// Says in the log that a caller sent more than the handler takes, which is ignored, as callers in JavaScript expect.
#[cold]
fn note_surplus(context: &Context, takes: usize) {
    tracing::debug!(
        namespace = %printable(context.origin().namespace()),
        event = %printable(context.event()),
        takes,
        "surplus arguments are ignored"
    );
}

impl Arguments<'_> {
    /// Ends the arguments of a handler that takes none.
    #[inline]
    pub fn end(self, context: &Context) {
        let has_any = match self.encoding {
            Encoding::Json(_) => reader::has_element(self.bytes),
            _ => !matches!(self.bytes, [] | [0x80 | 0x90, ..]),
        };
        if has_any {
            note_surplus(context, 0);
        }
    }
}

impl ArgumentReader<'_> {
    /// Ends the arguments of a handler that has taken all of its own.
    #[inline]
    pub fn end(&self, context: &Context) {
        if self.has_next() {
            note_surplus(context, self.count());
        }
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

    #[doc(hidden)]
    fn take_or_default(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error>
    where
        Self: Default;
}

// The words above are what users need to read, not serde's.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Argument for T {
    #[inline]
    fn take(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error> {
        reader.decode(name)
    }

    #[inline]
    fn take_or_default(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error>
    where
        Self: Default,
    {
        Ok(reader.decode::<Option<T>>(name)?.unwrap_or_default())
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

    /// The next argument, or its default when it is missing or null: for arguments marked `#[serde(default)]`. To a
    /// caller in JavaScript, `undefined` in the middle of a list is null.
    ///
    /// # Errors
    ///
    /// `bad_arguments`, saying what was expected of it.
    #[inline]
    pub fn take_or_default<T: Argument + Default>(&mut self) -> Result<T, Error> {
        let name = self.next_name();
        T::take_or_default(self, name)
    }
}

/// All arguments that are left, as values: for catch-all handlers and forwarders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawArguments(pub Vec<Value>);

impl Argument for RawArguments {
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

    fn take_or_default(reader: &mut ArgumentReader<'_>, name: &str) -> Result<Self, Error> {
        Self::take(reader, name)
    }
}

impl serde::Serialize for RawArguments {
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
    use crate::payload::{Integers, encode_arguments_into};

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
    fn positional_arguments_are_read_in_order() {
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

    /// An argument list as peers of each wire write it, of a JSON text. The last is one that has attachments.
    fn lists(text: &str) -> Vec<(Vec<u8>, Encoding)> {
        let value: Value = serde_json::from_str(text).unwrap();
        let packed = crate::payload::to_msgpack(&value);
        let names = NAMES.iter().map(|name| Value::from(*name));
        let map = Value::Map(names.zip(value.as_array().unwrap().iter().cloned()).collect());
        let mut bundle =
            format!(r#"{},{{"_placeholder":true,"num":0}}]"#, &text[..text.len() - 1]).into_bytes();
        crate::payload::json::bundle(&mut bundle, 0, &[vec![7]]);
        vec![
            (text.as_bytes().to_vec(), Encoding::Json(Integers::Safe)),
            // Behind an event's name.
            (format!(",{}", &text[1..]).into_bytes(), Encoding::Json(Integers::Safe)),
            (packed.clone(), Encoding::SocketIoMessagePack(Integers::Safe)),
            (packed, Encoding::MessagePack),
            (crate::payload::to_msgpack(&map), Encoding::MessagePack),
            (bundle, Encoding::Json(Integers::Safe)),
        ]
    }

    /// Both arguments of a list, in each form of it.
    fn each<A: Argument, B: Argument>(text: &str) -> Vec<Result<(A, B), Error>> {
        let read = |(bytes, encoding): &(Vec<u8>, Encoding)| {
            let mut reader = Arguments::new(bytes, *encoding).reader(NAMES)?;
            Ok((reader.take()?, reader.take()?))
        };
        lists(text).iter().map(read).collect()
    }

    #[test]
    fn a_whole_number_fits_an_integer_however_it_is_written() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Numbers {
            n: i64,
            nested: Vec<Option<u8>>,
            #[serde(flatten)]
            rest: std::collections::BTreeMap<String, u16>,
        }
        #[derive(Debug, PartialEq, serde::Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Number(i32),
        }
        for both in each::<i64, u8>("[21.0,2.1e1]") {
            assert_eq!(both.unwrap(), (21, 21));
        }
        for both in each::<Option<i8>, u64>("[ -2.1e1 , 9007199254740992.0 ]") {
            assert_eq!(both.unwrap(), (Some(-21), 9_007_199_254_740_992));
        }
        for both in each::<u128, i128>("[21.0,-1e3]") {
            assert_eq!(both.unwrap(), (21, -1000));
        }
        for both in each::<(u8, f64), Either>("[[1.0,1.0],7.0]") {
            assert_eq!(both.unwrap(), ((1, 1.0), Either::Number(7)));
        }
        for both in each::<Numbers, String>(r#"[{"n":-0.0,"nested":[null,255.0],"a":1e2},"1.0"]"#) {
            let rest = [("a".to_owned(), 100)].into();
            assert_eq!(both.unwrap(), (Numbers { n: 0, nested: vec![None, Some(255)], rest }, "1.0".into()));
        }
        // What takes a number as it is gets it so.
        for both in each::<Value, f32>("[1.0,2.0]") {
            assert_eq!(both.unwrap(), (Value::F64(1.0), 2.0));
        }
    }

    #[test]
    fn a_number_with_a_fraction_or_out_of_range_is_refused() {
        let refusals = |all: Vec<Result<(u8, Value), Error>>| {
            all.into_iter().map(|both| both.unwrap_err()).map(|error| {
                assert_eq!(error.code(), "bad_arguments");
                error.message().to_owned()
            })
        };
        for text in refusals(each("[21.5,1]")) {
            assert_eq!(text, "argument 1 `text`: invalid type: floating point `21.5`, expected u8");
        }
        for (number, integer) in [("256.0", "256"), ("-1.0", "-1"), ("3e2", "300")] {
            for text in refusals(each(&format!("[{number},1]"))) {
                assert_eq!(
                    text,
                    format!("argument 1 `text`: invalid value: integer `{integer}`, expected u8")
                );
            }
        }
        for text in refusals(each("[1e300,1]")) {
            assert!(text.starts_with("argument 1 `text`: invalid type: floating point"), "{text}");
        }
        for text in refusals(each(r#"["1.0",1]"#)) {
            assert_eq!(text, "argument 1 `text`: invalid type: string \"1.0\", expected u8");
        }
    }

    #[test]
    fn null_is_the_default_of_an_argument_that_has_one() {
        let read = |(bytes, encoding): &(Vec<u8>, Encoding)| {
            let mut reader = Arguments::new(bytes, *encoding).reader(NAMES)?;
            Ok((reader.take_or_default::<bool>()?, reader.take_or_default::<u8>()?))
        };
        let each = |text: &str| lists(text).iter().map(read).collect::<Vec<Result<_, Error>>>();
        for (text, wanted) in [
            ("[null,7]", (false, 7)),
            ("[true,null]", (true, 0)),
            ("[ null , null ]", (false, 0)),
            ("[true,3.0]", (true, 3)),
        ] {
            for both in each(text) {
                assert_eq!(both.unwrap(), wanted, "{text}");
            }
        }
        for both in each(r#"[true,"x"]"#) {
            let error = both.unwrap_err();
            assert_eq!(error.message(), "argument 2 `n`: invalid type: string \"x\", expected u8");
        }
        // An argument without a default takes null only where its type does.
        for (bytes, encoding) in lists("[null,1]") {
            let mut reader = Arguments::new(&bytes, encoding).reader(NAMES).unwrap();
            assert!(reader.take::<bool>().is_err());
        }
        let bytes = encoded((Value::Nil, 7));
        assert_eq!(arguments(&bytes).take_or_default::<Option<u8>>().unwrap(), None);
        assert_eq!(
            arguments(&bytes).take_or_default::<RawArguments>().unwrap(),
            RawArguments(vec![Value::Nil, 7.into()])
        );
    }

    #[test]
    fn half_a_surrogate_pair_is_the_replacement_character() {
        for list in [r#"["\ud83d!",{"\udc00":"\ud83d\ude00"}]"#, r#"["\udfff!",{"\ud800":"\ud83d\ude00"}]"#] {
            let mut bundle =
                format!(r#"{},{{"_placeholder":true,"num":0}}]"#, &list[..list.len() - 1]).into_bytes();
            crate::payload::json::bundle(&mut bundle, 0, &[vec![7]]);
            for bytes in [list.as_bytes().to_vec(), bundle] {
                let mut reader =
                    Arguments::new(&bytes, Encoding::Json(Integers::Safe)).reader(NAMES).unwrap();
                assert_eq!(reader.take::<String>().unwrap(), "\u{fffd}!");
                let map: std::collections::BTreeMap<String, String> = reader.take().unwrap();
                assert_eq!(map, [("\u{fffd}".to_owned(), "\u{1f600}".to_owned())].into());
            }
        }
    }

    #[test]
    fn args_takes_what_is_left() {
        let bytes = encoded(("a", 7, true));
        let mut reader = arguments(&bytes);
        reader.take::<String>().unwrap();
        assert_eq!(reader.take::<RawArguments>().unwrap(), RawArguments(vec![7.into(), true.into()]));
    }

    #[test]
    fn arguments_that_are_no_list_are_refused() {
        for bytes in [&[0xc0][..], &[0x01], &[], &[0xa1, b'x']] {
            let error = Arguments::new(bytes, Encoding::MessagePack).reader(NAMES).unwrap_err();
            assert_eq!(error.code(), "bad_arguments");
        }
    }
}
