//! JSON, and the byte strings in it, which JSON has no form for.
//!
//! A byte string is written as Socket.IO's placeholder `{"_placeholder":true,"num":0}`, and its bytes stand
//! beside the text as an attachment. Where both have to be one piece of bytes they are a *bundle*: NUL, which
//! begins no JSON, the length of the text, the text, and each attachment behind its length.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io;

use rmpv::Value;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::ser::{CompactFormatter, Formatter};

use super::codec_error::CodecError;
use super::integers::Integers;
use super::list::{ArgumentList, ArgumentListSerializer, ListForm};
use super::{mended, message_pack};

/// What stands at the beginning of a bundle.
const BUNDLE: u8 = 0;

/// The byte strings of a text, in the order of their numbers.
pub(crate) type Attachments = Vec<Vec<u8>>;

/// The state and the settings of a value's formatter.
struct Placeholders<'a> {
    form: &'a Cell<ListForm>,
    attachments: &'a RefCell<Attachments>,
    integers: Integers,
    /// A number that is a key is text in JSON, which loses nothing.
    is_key: bool,
}

impl Placeholders<'_> {
    /// Refuses a number that its reader would take for another one.
    #[inline]
    fn check(&self, magnitude: u128) -> io::Result<()> {
        if self.is_key {
            return Ok(());
        }
        self.integers.check(magnitude).map_err(|error| io::Error::other(error.0))
    }
}

impl Formatter for Placeholders<'_> {
    #[inline]
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.form.get() == ListForm::Several {
            // The list's own bracket stands there already.
            self.form.set(ListForm::Open);
            return Ok(());
        }
        writer.write_all(b"[")
    }

    #[inline]
    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_key = true;
        CompactFormatter.begin_object_key(writer, first)
    }

    #[inline]
    fn end_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_key = false;
        Ok(())
    }

    #[inline]
    fn write_u64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.check(value.into())?;
        CompactFormatter.write_u64(writer, value)
    }

    #[inline]
    fn write_i64<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        self.check(value.unsigned_abs().into())?;
        CompactFormatter.write_i64(writer, value)
    }

    fn write_u128<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        self.check(value)?;
        CompactFormatter.write_u128(writer, value)
    }

    fn write_i128<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        self.check(value.unsigned_abs())?;
        CompactFormatter.write_i128(writer, value)
    }

    fn write_byte_array<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        let mut attachments = self.attachments.borrow_mut();
        write!(writer, r#"{{"_placeholder":true,"num":{}}}"#, attachments.len())?;
        attachments.push(value.to_vec());
        Ok(())
    }
}

impl ArgumentListSerializer for &mut serde_json::Serializer<&mut Vec<u8>, Placeholders<'_>> {
    #[inline]
    fn one(self) -> Self {
        self
    }

    #[inline]
    fn none(self) -> Result<(), Self::Error> {
        Ok(())
    }
}

fn failed(error: &serde_json::Error) -> CodecError {
    CodecError(describe(error))
}

/// Appends the text of `value`; its byte strings are given back.
pub(crate) fn write_value<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
    integers: Integers,
) -> Result<Attachments, CodecError> {
    let (form, attachments) = (Cell::new(ListForm::One), RefCell::default());
    let placeholders = Placeholders { form: &form, attachments: &attachments, integers, is_key: false };
    value
        .serialize(&mut serde_json::Serializer::with_formatter(out, placeholders))
        .map_err(|error| failed(&error))?;
    Ok(attachments.into_inner())
}

/// Appends the text of an argument list, an array: see [`super::encode_arguments_into`].
#[inline]
pub(crate) fn write_list<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    arguments: &T,
    integers: Integers,
) -> Result<Attachments, CodecError> {
    let (form, attachments) = (Cell::new(ListForm::One), RefCell::default());
    let placeholders = Placeholders { form: &form, attachments: &attachments, integers, is_key: false };
    out.push(b'[');
    let mut writer = serde_json::Serializer::with_formatter(&mut *out, placeholders);
    arguments
        .serialize(ArgumentList { serializer: &mut writer, form: &form })
        .map_err(|error| failed(&error))?;
    if form.get() == ListForm::One {
        out.push(b']');
    }
    Ok(attachments.into_inner())
}

/// Turns the text that was appended at `start` into a bundle, if there are attachments.
#[inline]
pub(crate) fn bundle(out: &mut Vec<u8>, start: usize, attachments: &[Vec<u8>]) {
    if attachments.is_empty() {
        return;
    }
    let length = u32::try_from(out.len() - start).expect("texts are shorter than 4 GiB").to_be_bytes();
    out.splice(start..start, std::iter::once(BUNDLE).chain(length));
    for attachment in attachments {
        out.extend_from_slice(&u32::try_from(attachment.len()).expect("shorter than 4 GiB").to_be_bytes());
        out.extend_from_slice(attachment);
    }
}

/// Takes a bundle apart. What is none is all text.
#[inline]
pub(crate) fn parts(bytes: &[u8]) -> (&[u8], Bundled<'_>) {
    match bytes {
        [BUNDLE, a, b, c, d, rest @ ..] => {
            let (text, attachments) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
            (text, Bundled(attachments))
        }
        text => (text, Bundled(&[])),
    }
}

/// The attachments of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Bundled<'a>(&'a [u8]);

impl Bundled<'_> {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Bundled<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (attachment, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        self.0 = rest;
        Some(attachment)
    }
}

/// Reads the value of a text or of a bundle.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (text, attachments) = parts(bytes);
    if attachments.is_empty() {
        return read_text(text);
    }
    message_pack::from_value(read_whole(text, attachments)?)
}

/// Reads the value of a text.
#[inline]
fn read_text<T: DeserializeOwned>(text: &[u8]) -> Result<T, CodecError> {
    serde_json::from_slice(text).or_else(|error| read_again(text, &error))
}

/// Reads a text that was refused with `refusal`, mended.
#[cold]
fn read_again<T: DeserializeOwned>(text: &[u8], refusal: &serde_json::Error) -> Result<T, CodecError> {
    let (mut text, mut refusal) = (Cow::Borrowed(text), failed(refusal));
    for mend in [mended::halves, mended::integers] {
        let Some(mended) = mend(&text) else { continue };
        match serde_json::from_slice(&mended) {
            Ok(value) => return Ok(value),
            Err(error) => (text, refusal) = (mended.into(), failed(&error)),
        }
    }
    Err(refusal)
}

/// Reads the value that `text` begins with, which was refused with `refusal`, mended; also where it ends.
#[cold]
pub(crate) fn read_first_again<T: DeserializeOwned>(
    text: &[u8],
    refusal: &serde_json::Error,
) -> Result<(T, usize), CodecError> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    let is_there = matches!(values.next(), Some(Ok(_)));
    let end = if is_there { values.byte_offset() } else { text.len() };
    Ok((read_again(&text[..end], refusal)?, end))
}

/// Reads a text that may be kept hold of.
pub(crate) fn read_borrowed<'a, T: serde::Deserialize<'a>>(text: &'a [u8]) -> Result<T, CodecError> {
    serde_json::from_slice(text).map_err(|error| failed(&error))
}

/// Reads a text with its attachments in the places of their placeholders.
pub(crate) fn read_whole(text: &[u8], attachments: Bundled<'_>) -> Result<Value, CodecError> {
    let mut attachments: Vec<_> = attachments.map(Some).collect();
    let mut value = read_text(text)?;
    fill(&mut value, &mut attachments)?;
    Ok(value)
}

/// Whether each placeholder of a text names one of `count` attachments, and none the same as another. A text that no
/// value can be read from, since a number in it is larger than any, is refused by its reader.
pub(crate) fn is_complete_with(text: &str, count: usize) -> bool {
    let Ok(mut value) = read_text(text.as_bytes()) else { return true };
    fill(&mut value, &mut vec![Some(&[][..]); count]).is_ok()
}

/// Recursive; the parser has bounded the depth.
///
/// An attachment has one place, as all encoders write it: with more of them a few bytes of text would mean a large
/// attachment each, and one message gigabytes.
fn fill(value: &mut Value, attachments: &mut [Option<&[u8]>]) -> Result<(), CodecError> {
    match value {
        Value::Array(elements) => elements.iter_mut().try_for_each(|element| fill(element, attachments)),
        Value::Map(entries) => {
            let field = |name: &str| {
                entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
            };
            if field("_placeholder").and_then(Value::as_bool) == Some(true) {
                let number =
                    field("num").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
                let attachment = number.and_then(|number| attachments.get_mut(number)?.take());
                let attachment = attachment.ok_or_else(|| CodecError("illegal attachments".into()))?;
                *value = Value::Binary(attachment.to_vec());
                return Ok(());
            }
            entries.iter_mut().try_for_each(|(_, value)| fill(value, attachments))
        }
        _ => Ok(()),
    }
}

/// serde's sentence, without the position in a text that only this side has.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(place) = text.rfind(" at line ") {
        text.truncate(place);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_javascript_has_not_is_an_error() {
        let text = |value: &dyn Fn(&mut Vec<u8>) -> Result<Attachments, CodecError>| {
            let mut out = Vec::new();
            value(&mut out).map(|_| String::from_utf8(out).unwrap())
        };
        let edge = 1_u64 << 53;
        assert_eq!(text(&|out| write_value(out, &edge, Integers::Safe)).unwrap(), "9007199254740992");
        assert_eq!(
            text(&|out| write_value(out, &-9_007_199_254_740_992_i64, Integers::Safe)).unwrap(),
            "-9007199254740992"
        );
        for error in [
            text(&|out| write_value(out, &(edge + 1), Integers::Safe)),
            text(&|out| write_value(out, &[i64::MIN], Integers::Safe)),
            text(&|out| write_list(out, &(1, u128::MAX), Integers::Safe)),
            text(&|out| write_value(out, &Value::from(u64::MAX), Integers::Safe)),
        ] {
            let error = error.unwrap_err();
            assert!(error.0.contains("is beyond 2^53") && error.0.ends_with("send it as text"), "{error}");
        }
        let all = text(&|out| write_list(out, &(u64::MAX, i128::MIN), Integers::All));
        assert_eq!(all.unwrap(), "[18446744073709551615,-170141183460469231731687303715884105728]");
        let keys = std::collections::BTreeMap::from([(u64::MAX, 1)]);
        assert_eq!(
            text(&|out| write_value(out, &keys, Integers::Safe)).unwrap(),
            r#"{"18446744073709551615":1}"#
        );
    }

    fn list<T: Serialize>(value: &T) -> (String, Attachments) {
        let mut out = Vec::new();
        let attachments = write_list(&mut out, value, Integers::Safe).unwrap();
        (String::from_utf8(out).unwrap(), attachments)
    }

    #[test]
    fn a_tuple_is_several_arguments_and_all_else_is_one() {
        assert_eq!(list(&()).0, "[]");
        assert_eq!(list(&(1, "a")).0, r#"[1,"a"]"#);
        assert_eq!(list(&("a",)).0, r#"["a"]"#);
        assert_eq!(list(&"a").0, r#"["a"]"#);
        assert_eq!(list(&vec![1, 2]).0, "[[1,2]]");
        assert_eq!(list(&(vec![1, 2], (3, 4))).0, "[[1,2],[3,4]]");
        assert_eq!(list(&None::<i32>).0, "[null]");
        assert_eq!(list(&Some((1, 2))).0, "[[1,2]]");
    }

    #[test]
    fn byte_strings_stand_beside_the_text() {
        let bytes = |bytes: &[u8]| Value::Binary(bytes.to_vec());
        let value = Value::Map(vec![
            ("a".into(), bytes(b"one")),
            ("b".into(), Value::Array(vec![bytes(b""), 1.into()])),
        ]);
        let mut out = b"before".to_vec();
        let attachments = write_value(&mut out, &value, Integers::Safe).unwrap();
        assert_eq!(attachments, [b"one".to_vec(), vec![]]);
        bundle(&mut out, 6, &attachments);
        let (text, bundled) = parts(&out[6..]);
        assert_eq!(
            std::str::from_utf8(text).unwrap(),
            r#"{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1},1]}"#
        );
        assert_eq!(bundled.collect::<Vec<_>>(), attachments);
        assert_eq!(read::<Value>(&out[6..]).unwrap(), value);
    }

    #[test]
    fn a_placeholder_without_an_attachment_of_its_own_is_refused() {
        for text in [
            r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
            r#"{"_placeholder":true,"num":1}"#,
            r#"{"_placeholder":true}"#,
            r#"{"_placeholder":true,"num":-1}"#,
        ] {
            let mut out = text.as_bytes().to_vec();
            bundle(&mut out, 0, &[vec![1]]);
            assert_eq!(read::<Value>(&out).unwrap_err().0, "illegal attachments");
        }
    }

    #[test]
    fn an_error_is_serdes_own_sentence() {
        assert_eq!(read::<u8>(b"\"b\"").unwrap_err().0, "invalid type: string \"b\", expected u8");
    }
}
