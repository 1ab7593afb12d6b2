//! The extensions of socket.io-msgpack-parser, and values without them.
//!
//! Its encoder has one type of extensions, 0, for `undefined`, for a date and for an `ArrayBuffer`, which are
//! distinguished by their markers.

use std::borrow::Cow;

use rmp::encode::{write_bin, write_sint};
use smallvec::SmallVec;

use crate::wire::message_pack::Head;

const NIL: u8 = 0xc0;
const WRITES: &str = "writing to memory does not fail";

pub(super) fn is_map(marker: u8) -> bool {
    matches!(marker, 0x80..=0x8f | 0xde | 0xdf)
}

/// The same value without extensions of type 0.
pub(super) fn plain(value: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let copied = rewrite(&mut out, value);
    if copied == 0 {
        return Cow::Borrowed(value);
    }
    out.extend_from_slice(&value[copied..]);
    Cow::Owned(out)
}

enum Extension<'a> {
    Undefined,
    /// In milliseconds since 1970.
    Date(i64),
    Bytes(&'a [u8]),
}

impl<'a> Extension<'a> {
    /// What `value` is, which is whole, if it is an extension of type 0.
    #[inline]
    fn read(value: &'a [u8]) -> Option<Self> {
        match value {
            [0xd4, 0, _] => Some(Self::Undefined),
            [0xd7, 0, time @ ..] => {
                Some(Self::Date(time.iter().fold(0, |time, byte| time << 8 | i64::from(*byte))))
            }
            [0xc7, _, 0, bytes @ ..] | [0xc8, _, _, 0, bytes @ ..] | [0xc9, _, _, _, _, 0, bytes @ ..] => {
                Some(Self::Bytes(bytes))
            }
            _ => None,
        }
    }
}

/// An array or a map that is being rewritten.
struct Open {
    /// How many values remain, keys and values of a map being two.
    left: u32,
    is_map: bool,
    /// Where its head is in what is written.
    head: usize,
    /// Where the key of a map before the current value begins in what is read.
    key: usize,
    /// How many entries of a map were left out.
    dropped: u32,
}

impl Open {
    /// Whether the next value is one of a map's key.
    fn is_at_value(&self) -> bool {
        self.is_map && self.left % 2 == 1
    }
}

/// Writes `values`, which are whole, without extensions of type 0, up to the last of these; how much of `values`
/// that is, is returned, and the rest is to be copied as it is.
///
/// What is `undefined` is left out of maps and nil in arrays, as it is in JSON. A date becomes its milliseconds.
pub(super) fn rewrite(out: &mut Vec<u8>, values: &[u8]) -> usize {
    let (mut at, mut copied) = (0, 0);
    // Not recursive: the depth of values is limited, but the size of the stack is unknown.
    let mut open: SmallVec<[Open; 8]> = SmallVec::new();
    while let Some(head) = values.get(at..).and_then(|rest| Head::read(rest).ok().flatten()) {
        let start = at;
        at += head.size + head.content as usize;
        if let Some(extension) = Extension::read(&values[start..at]) {
            let from = match (&extension, open.last_mut()) {
                // The entry goes as a whole, unless its key was changed and is written already.
                (Extension::Undefined, Some(map)) if map.is_at_value() && map.key >= copied => {
                    map.dropped += 1;
                    map.key
                }
                _ => start,
            };
            out.extend_from_slice(&values[copied..from]);
            copied = at;
            match extension {
                Extension::Undefined if from < start => {}
                Extension::Undefined => out.push(NIL),
                Extension::Date(milliseconds) => drop(write_sint(out, milliseconds).expect(WRITES)),
                Extension::Bytes(bytes) => write_bin(out, bytes).expect(WRITES),
            }
        }
        if let Some(map) = open.last_mut()
            && !map.is_at_value()
        {
            map.key = start;
        }
        if head.values > 0 {
            let is_map = is_map(values[start]);
            // What is not copied yet will stand behind what is.
            let head_at = out.len() + start - copied;
            open.push(Open { left: head.values, is_map, head: head_at, key: 0, dropped: 0 });
            continue;
        }
        while let Some(last) = open.last_mut() {
            last.left -= 1;
            if last.left > 0 {
                break;
            }
            shorten(&mut out[..], last.head, last.dropped);
            open.pop();
        }
    }
    copied
}

/// Takes the entries that were left out from the length of a map whose head is at `at`.
fn shorten(out: &mut [u8], at: usize, dropped: u32) {
    if dropped == 0 {
        return;
    }
    // It keeps its width, so that nothing has to be moved.
    let field = match out[at] {
        0xde => &mut out[at + 1..at + 3],
        0xdf => &mut out[at + 1..at + 5],
        _ => &mut out[at..=at],
    };
    let length = field.iter().fold(0u32, |length, byte| length << 8 | u32::from(*byte)) - dropped;
    let bytes = length.to_be_bytes();
    field.copy_from_slice(&bytes[bytes.len() - field.len()..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(value: &[u8]) -> Vec<u8> {
        plain(value).into_owned()
    }

    #[test]
    fn a_value_without_extensions_is_borrowed() {
        for value in
            [&[0x93, 1, 0xa1, b'a', 0xc0][..], &[0x82, 1, 2, 3, 0x90], &[0xd5, 0, 1, 2], &[0xd4, 1, 0]]
        {
            assert!(matches!(plain(value), Cow::Borrowed(same) if same == value), "{value:x?}");
        }
    }

    #[test]
    fn undefined_is_nil_in_arrays_and_nothing_in_maps() {
        assert_eq!(rewritten(&[0x93, 0xd4, 0, 0, 7, 0xd4, 0, 0]), [0x93, 0xc0, 7, 0xc0]);
        let map = [0x83, 0xa1, b'a', 0xd4, 0, 0, 0xa1, b'b', 1, 0xa1, b'c', 0xd4, 0, 0];
        assert_eq!(rewritten(&map), [0x81, 0xa1, b'b', 1]);
        assert_eq!(rewritten(&[0xde, 0, 2, 1, 0xd4, 0, 0, 2, 3]), [0xde, 0, 1, 2, 3]);
        assert_eq!(rewritten(&[0xdf, 0, 0, 0, 1, 1, 0xd4, 0, 0]), [0xdf, 0, 0, 0, 0]);
        let nested = [0x81, 1, 0x82, 2, 0xd4, 0, 0, 3, 0x91, 0x81, 4, 0xd4, 0, 0];
        assert_eq!(rewritten(&nested), [0x81, 1, 0x81, 3, 0x91, 0x80]);
    }

    #[test]
    fn a_key_that_was_changed_keeps_its_entry() {
        assert_eq!(rewritten(&[0x81, 0xd4, 0, 0, 0xd4, 0, 0]), [0x81, 0xc0, 0xc0]);
        assert_eq!(rewritten(&[0x81, 0x91, 0xd4, 0, 0, 0xd4, 0, 0]), [0x81, 0x91, 0xc0, 0xc0]);
        assert_eq!(rewritten(&[0x81, 0x91, 5, 0xd4, 0, 0]), [0x80]);
    }

    #[test]
    fn dates_are_numbers_and_buffers_are_bytes() {
        assert_eq!(rewritten(&[0xd7, 0, 0, 0, 0, 0, 0, 0, 1, 0]), [0xcd, 1, 0]);
        assert_eq!(rewritten(&[0xd7, 0, 255, 255, 255, 255, 255, 255, 255, 255]), [0xff]);
        assert_eq!(rewritten(&[0xc7, 1, 0, 9]), [0xc4, 1, 9]);
        assert_eq!(rewritten(&[0xc8, 0, 1, 0, 9]), [0xc4, 1, 9]);
        assert_eq!(rewritten(&[0xc9, 0, 0, 0, 0, 0]), [0xc4, 0]);
        assert_eq!(rewritten(&[0xc7, 1, 5, 9]), [0xc7, 1, 5, 9]);
    }
}
