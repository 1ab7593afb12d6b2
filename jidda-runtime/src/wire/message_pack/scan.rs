//! Finds the end of a `MessagePack` value without decoding it, over bytes in any pieces.

use smallvec::SmallVec;

use super::super::Limits;

/// Why a value was given up before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum ScanError {
    TooLarge,
    TooDeep,
    Malformed,
}

/// The whole size of a scalar, by its marker; 0 where more than the marker has to be looked at.
const SIZES: [u8; 256] = sizes();

const fn sizes() -> [u8; 256] {
    let mut sizes = [0; 256];
    let mut marker = 0;
    while marker < 256 {
        sizes[marker] = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 1,
            // Short strings: the marker holds their length, below 32.
            #[allow(clippy::cast_possible_truncation)]
            0xa0..=0xbf => 1 + (marker as u8 & 0x1f),
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xce | 0xd2 | 0xca => 5,
            0xcf | 0xd3 | 0xcb => 9,
            _ => 0,
        };
        marker += 1;
    }
    sizes
}

/// How deep the fast way goes.
const SHALLOW: usize = 8;

/// The length of a value that is there whole and nests little: what nearly every message is. `None` says only
/// that it has to be looked at again, the slow way.
#[inline]
pub(in crate::wire) fn length(bytes: &[u8], limits: Limits) -> Option<usize> {
    let mut open = [0u32; SHALLOW];
    let mut depth = 0;
    let mut left = 1u32;
    let mut position = 0;
    loop {
        let marker = *bytes.get(position)?;
        let (size, values) = match usize::from(SIZES[usize::from(marker)]) {
            0 => match marker {
                0x90..=0x9f => (1, u32::from(marker & 0x0f)),
                0x80..=0x8f => (1, 2 * u32::from(marker & 0x0f)),
                0xd9 | 0xc4 => (2 + usize::from(*bytes.get(position + 1)?), 0),
                _ => return None,
            },
            size => (size, 0),
        };
        position += size;
        if position > bytes.len() {
            return None;
        }
        left -= 1;
        if values > 0 {
            *open.get_mut(depth)? = left;
            depth += 1;
            left = values;
        }
        while left == 0 {
            if depth == 0 {
                return (position <= limits.size && SHALLOW <= limits.depth).then_some(position);
            }
            depth -= 1;
            left = open[depth];
        }
    }
}

/// The position reached in a value. Scanning continues where it stopped, so that a value that is received byte by byte costs no
/// more than one that is received at once.
#[derive(Debug, Default)]
pub(in crate::wire) struct Scanner {
    position: usize,
    /// For each open array or map, how many of its values remain.
    open: SmallVec<[u32; 12]>,
}

impl Scanner {
    /// Looks at `bytes`, which begin where the value begins: its length if it is there whole.
    ///
    /// Nothing is allocated for what a length field claims: a claim beyond the limit is an error at once, since
    /// every claimed byte or element takes at least one byte.
    #[inline]
    pub(in crate::wire) fn advance(
        &mut self,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<Option<usize>, ScanError> {
        loop {
            let Some(head) = Head::read(&bytes[self.position..])? else {
                return if bytes.len() > limits.size { Err(ScanError::TooLarge) } else { Ok(None) };
            };
            let end = self.position + head.size + head.content as usize;
            if end.saturating_add(head.values as usize) > limits.size {
                return Err(ScanError::TooLarge);
            }
            if end > bytes.len() {
                return Ok(None);
            }
            self.position = end;
            if head.is_container && self.open.len() >= limits.depth {
                return Err(ScanError::TooDeep);
            }
            if head.values > 0 {
                self.open.push(head.values);
                continue;
            }
            loop {
                let Some(left) = self.open.last_mut() else { return Ok(Some(self.position)) };
                *left -= 1;
                if *left > 0 {
                    break;
                }
                self.open.pop();
            }
        }
    }
}

/// The head of one value: its own size, the bytes that follow it and the values that do.
pub(in crate::wire) struct Head {
    pub(in crate::wire) size: usize,
    pub(in crate::wire) content: u32,
    /// A map has two for each entry.
    pub(in crate::wire) values: u32,
    pub(in crate::wire) is_container: bool,
}

impl Head {
    #[inline]
    pub(in crate::wire) fn read(bytes: &[u8]) -> Result<Option<Self>, ScanError> {
        let Some(&marker) = bytes.first() else { return Ok(None) };
        let scalar = |content| Ok(Some(Self { size: 1, content, values: 0, is_container: false }));
        let container = |size, values| Ok(Some(Self { size, content: 0, values, is_container: true }));
        match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => scalar(0),
            0xa0..=0xbf => scalar(u32::from(marker & 0x1f)),
            0x90..=0x9f => container(1, u32::from(marker & 0x0f)),
            0x80..=0x8f => container(1, 2 * u32::from(marker & 0x0f)),
            0xcc | 0xd0 => scalar(1),
            0xcd | 0xd1 => scalar(2),
            0xce | 0xd2 | 0xca => scalar(4),
            0xcf | 0xd3 | 0xcb => scalar(8),
            // Fixed extensions: a type byte, then 1, 2, 4, 8 or 16 bytes.
            0xd4..=0xd8 => scalar(1 + (1 << (marker - 0xd4))),
            0xc1 => Err(ScanError::Malformed),
            _ => Ok(Self::with_length(marker, &bytes[1..])),
        }
    }

    /// Strings, binaries, extensions, arrays and maps whose length stands in its own field.
    fn with_length(marker: u8, rest: &[u8]) -> Option<Self> {
        let (width, type_byte) = match marker {
            0xc4 | 0xd9 => (1, 0),
            0xc5 | 0xda | 0xdc | 0xde => (2, 0),
            0xc6 | 0xdb | 0xdd | 0xdf => (4, 0),
            0xc7 => (1, 1),
            0xc8 => (2, 1),
            _ => (4, 1),
        };
        let field = rest.get(..width)?;
        let length = field.iter().fold(0u32, |length, &byte| length << 8 | u32::from(byte));
        let size = 1 + width + type_byte;
        Some(match marker {
            0xdc | 0xdd => Self { size, content: 0, values: length, is_container: true },
            0xde | 0xdf => Self { size, content: 0, values: length.saturating_mul(2), is_container: true },
            _ => Self { size, content: length, values: 0, is_container: false },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::new(1000, 4);
    const DEEP: Limits = Limits::new(1000, 64);

    fn scan(bytes: &[u8]) -> Result<Option<usize>, ScanError> {
        Scanner::default().advance(bytes, LIMITS)
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        for value in [
            &[0xc0][..],
            &[0x93, 1, 2, 3],
            &[0x81, 0xa1, b'k', 0x90],
            &[0xc4, 2, 9, 9],
            &[0xd9, 1, b'x'],
            &[0xd6, 5, 1, 2, 3, 4],
            &[0xc7, 1, 5, 9],
            &[0xdc, 0, 2, 0xc2, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let mut with_more = value.to_vec();
            with_more.push(0xc0);
            assert_eq!(scan(&with_more), Ok(Some(value.len())), "{value:x?}");
            assert!(length(&with_more, DEEP).is_none_or(|length| length == value.len()), "{value:x?}");
            for cut in 0..value.len() {
                assert_eq!(scan(&value[..cut]), Ok(None), "{value:x?} cut at {cut}");
                assert_eq!(length(&value[..cut], DEEP), None, "{value:x?} cut at {cut}");
            }
        }
    }

    #[test]
    fn wrong_lengths_are_refused_before_their_bytes_arrive() {
        for claim in [
            &[0xc6, 0xff, 0xff, 0xff, 0xff][..],
            &[0xdb, 0xff, 0xff, 0xff, 0xff],
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[0xdf, 0xff, 0xff, 0xff, 0xff],
            &[0xc9, 0xff, 0xff, 0xff, 0xff, 1],
            &[0xdc, 0xff, 0xff],
        ] {
            assert_eq!(scan(claim), Err(ScanError::TooLarge), "{claim:x?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(scan(&[0x91, 0x91, 0x91, 0x90]), Ok(Some(4)));
        assert_eq!(scan(&[0x91, 0x91, 0x91, 0x91, 0x90]), Err(ScanError::TooDeep));
        assert_eq!(scan(&[0xc1]), Err(ScanError::Malformed));
    }

    #[test]
    fn it_goes_on_where_it_stopped() {
        let mut value = vec![0xdc, 3, 0x20];
        value.resize(803, 0x07);
        let mut scanner = Scanner::default();
        for end in 0..803 {
            assert_eq!(scanner.advance(&value[..end], LIMITS), Ok(None));
            assert!(scanner.position >= end.saturating_sub(3));
        }
        assert_eq!(scanner.advance(&value, LIMITS), Ok(Some(803)));
    }
}
