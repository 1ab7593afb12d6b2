//! Reads the values of a `MessagePack` message one after the other.

use super::super::Limits;
use super::scan::Scanner;

/// Reads heads of values from a message that is known to be complete.
pub(in crate::wire) struct Cursor<'a>(pub(in crate::wire) &'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    pub(in crate::wire) fn unsigned(&mut self) -> Option<u64> {
        let (width, rest) = match *self.0 {
            [byte @ 0x00..=0x7f, ref rest @ ..] => {
                self.0 = rest;
                return Some(u64::from(byte));
            }
            // Signed markers too: some peers write positive numbers with them.
            [0xcc | 0xd0, ref rest @ ..] => (1, rest),
            [0xcd | 0xd1, ref rest @ ..] => (2, rest),
            [0xce | 0xd2, ref rest @ ..] => (4, rest),
            [0xcf | 0xd3, ref rest @ ..] => (8, rest),
            _ => return None,
        };
        let (field, after) = rest.split_at_checked(width)?;
        let negative = matches!(self.0[0], 0xd0..=0xd3) && field[0] >= 0x80;
        self.0 = after;
        (!negative).then(|| field.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    #[inline]
    pub(in crate::wire) fn text(&mut self) -> Option<&'a str> {
        let (length, rest) = match *self.0 {
            [byte @ 0xa0..=0xbf, ref rest @ ..] => (usize::from(byte & 0x1f), rest),
            // Old peers have no string type of their own and write raw bytes the same way.
            [0xd9 | 0xc4, length, ref rest @ ..] => (usize::from(length), rest),
            [0xda | 0xc5, a, b, ref rest @ ..] => (usize::from(u16::from_be_bytes([a, b])), rest),
            [0xdb | 0xc6, a, b, c, d, ref rest @ ..] => (u32::from_be_bytes([a, b, c, d]) as usize, rest),
            _ => return None,
        };
        let (text, after) = rest.split_at_checked(length)?;
        self.0 = after;
        std::str::from_utf8(text).ok()
    }

    /// One value as it is.
    pub(in crate::wire) fn value(&mut self) -> Option<&'a [u8]> {
        let limits = Limits::new(usize::MAX, usize::MAX);
        let length = Scanner::default().advance(self.0, limits).ok()??;
        let (value, after) = self.0.split_at(length);
        self.0 = after;
        Some(value)
    }

    /// Opens a map.
    pub(in crate::wire) fn map(&mut self) -> Option<u32> {
        let (entries, rest) = match *self.0 {
            [byte @ 0x80..=0x8f, ref rest @ ..] => (u32::from(byte & 0x0f), rest),
            [0xde, a, b, ref rest @ ..] => (u32::from(u16::from_be_bytes([a, b])), rest),
            [0xdf, a, b, c, d, ref rest @ ..] => (u32::from_be_bytes([a, b, c, d]), rest),
            _ => return None,
        };
        self.0 = rest;
        Some(entries)
    }

    /// Opens a params list; a map or a scalar is not one.
    pub(in crate::wire) fn list(&mut self) -> Option<u32> {
        match *self.0 {
            [byte @ 0x90..=0x9f, ref rest @ ..] => {
                self.0 = rest;
                Some(u32::from(byte & 0x0f))
            }
            [0xdc, a, b, ref rest @ ..] => {
                self.0 = rest;
                Some(u32::from(u16::from_be_bytes([a, b])))
            }
            _ => None,
        }
    }
}
