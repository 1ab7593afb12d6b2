//! Finds where a JSON value ends, without decoding it, and whether it is one (RFC 8259).
//!
//! It accepts what `serde_json` accepts when it skips a value. Two things it leaves for whoever decodes: a
//! `\u` escape of half a surrogate pair, which is JSON and reads as U+FFFD, and a number no `f64` can hold, which
//! not every type takes. Texts are UTF-8 already.

use std::borrow::Cow;

use crate::payload;

/// Why a text is not JSON that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON, or not all of it is there.
    #[error("the JSON is malformed")]
    Malformed,
    /// Arrays and objects nest deeper than allowed.
    #[error("the JSON nests too deep")]
    TooDeep,
}

use JsonError::{Malformed, TooDeep};

/// Where the value that begins at `at`, perhaps behind whitespace, ends. At most `depth` arrays and objects
/// may be open at once.
#[inline]
pub fn value(text: &[u8], at: usize, depth: usize) -> Result<usize, JsonError> {
    let at = skip_whitespace(text, at);
    match text.get(at) {
        Some(b'"') => Ok(quoted(text, at + 1)?.end),
        Some(b'[' | b'{') => nested(text, at, depth),
        _ => plain(text, at),
    }
}

/// The string that begins at `at`, perhaps behind whitespace, and where it ends. Half a surrogate pair is U+FFFD.
#[inline]
pub fn string(text: &str, at: usize) -> Result<(Cow<'_, str>, usize), JsonError> {
    let start = skip_whitespace(text.as_bytes(), at);
    if text.as_bytes().get(start) != Some(&b'"') {
        return Err(Malformed);
    }
    let Quoted { end, is_escaped } = quoted(text.as_bytes(), start + 1)?;
    if is_escaped {
        return Ok((Cow::Owned(unescape(&text[start..end])?), end));
    }
    Ok((Cow::Borrowed(&text[start + 1..end - 1]), end))
}

/// How many elements the array at `at` has, and where it ends; the array itself is one of the `depth`.
///
/// The array may also be the rest of one behind its first element, which is an event's arguments behind the
/// event's name: it then begins with a comma, or is nothing but the closing bracket.
#[inline]
pub fn elements(text: &[u8], at: usize, depth: usize) -> Result<(usize, usize), JsonError> {
    let at = skip_whitespace(text, at);
    let (mut at, may_end) = match text.get(at) {
        Some(b'[') => (skip_whitespace(text, at + 1), true),
        Some(b',') => (at + 1, false),
        Some(b']') => (at, true),
        _ => return Err(Malformed),
    };
    let inner = depth.checked_sub(1).ok_or(TooDeep)?;
    if may_end && text.get(at) == Some(&b']') {
        return Ok((0, at + 1));
    }
    let mut count = 0;
    loop {
        at = skip_whitespace(text, value(text, at, inner)?);
        count += 1;
        match text.get(at) {
            Some(b',') => at += 1,
            Some(b']') => return Ok((count, at + 1)),
            _ => return Err(Malformed),
        }
    }
}

/// Where the whitespace that begins at `at` ends.
#[inline]
pub(super) fn skip_whitespace(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

/// Where a string ends, behind its closing quote.
struct Quoted {
    end: usize,
    is_escaped: bool,
}

/// Reads a string whose opening quote is just before `at`.
#[inline]
fn quoted(text: &[u8], at: usize) -> Result<Quoted, JsonError> {
    let at = skip_ordinary(text, at);
    if text.get(at) == Some(&b'"') {
        return Ok(Quoted { end: at + 1, is_escaped: false });
    }
    let end = escaped(text, at)?;
    Ok(Quoted { end, is_escaped: true })
}

/// Goes on with a string at its first byte that is not ordinary and does not end it.
fn escaped(text: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        match text.get(at..).unwrap_or_default() {
            [b'"', ..] => return Ok(at + 1),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => at += 2,
            [b'\\', b'u', digits @ ..] => {
                let digits = digits.first_chunk::<4>().ok_or(Malformed)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Malformed);
                }
                at += 6;
            }
            // A control character, an unknown escape, or the end.
            _ => return Err(Malformed),
        }
        at = skip_ordinary(text, at);
    }
}

/// The first byte that is a quote, a backslash or a control character. Eight bytes are looked at together,
/// since most of what clients send is in strings.
#[inline]
fn skip_ordinary(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        // The high bit of each byte that was below what is subtracted. A borrow can set the bits of bytes
        // after the first such one only, and only the first is looked at.
        let found = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash);
        let found = found & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(0x20..=0x21 | 0x23..=0x5b | 0x5d..) = text.get(at) {
        at += 1;
    }
    at
}

/// Rare, and `serde_json` knows all about surrogates but what half a pair reads as.
#[cold]
fn unescape(quoted: &str) -> Result<String, JsonError> {
    payload::json::read(quoted.as_bytes()).map_err(|_| Malformed)
}

/// A number or one of the three words.
#[inline]
fn plain(text: &[u8], at: usize) -> Result<usize, JsonError> {
    match text.get(at..).unwrap_or_default() {
        [b'-', ..] => number(text, at + 1),
        [b'0'..=b'9', ..] => number(text, at),
        [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => Ok(at + 4),
        [b'f', b'a', b'l', b's', b'e', ..] => Ok(at + 5),
        _ => Err(Malformed),
    }
}

/// A number behind its sign.
#[inline]
fn number(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut end = digits(text, at)?;
    // A zero that more digits follow.
    if text[at] == b'0' && end > at + 1 {
        return Err(Malformed);
    }
    if text.get(end) == Some(&b'.') {
        end = digits(text, end + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(end) {
        let signed = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = digits(text, end + 1 + signed)?;
    }
    Ok(end)
}

/// One digit or more.
#[inline]
fn digits(text: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut end = at;
    while let Some(b'0'..=b'9') = text.get(end) {
        end += 1;
    }
    if end > at { Ok(end) } else { Err(Malformed) }
}

/// Which of the open arrays and objects are objects, one bit each, the innermost lowest. It is what recursion
/// would keep on the stack, where a depth that the sender chooses has no place.
struct Open {
    count: usize,
    kinds: u64,
    /// The kinds of each 64 levels that `kinds` has no room for.
    outer: Vec<u64>,
}

impl Open {
    #[inline]
    fn push(&mut self, is_object: bool, depth: usize) -> Result<(), JsonError> {
        if self.count >= depth {
            return Err(TooDeep);
        }
        if self.count > 0 && self.count.is_multiple_of(64) {
            self.outer.push(self.kinds);
        }
        self.count += 1;
        self.kinds = self.kinds << 1 | u64::from(is_object);
        Ok(())
    }

    #[inline]
    fn pop(&mut self) {
        self.count -= 1;
        self.kinds >>= 1;
        if self.count > 0 && self.count.is_multiple_of(64) {
            self.kinds = self.outer.pop().unwrap_or_default();
        }
    }

    #[inline]
    fn is_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

/// An array or an object, whose opening bracket is at `at`.
fn nested(text: &[u8], mut at: usize, depth: usize) -> Result<usize, JsonError> {
    let mut open = Open { count: 0, kinds: 0, outer: Vec::new() };
    loop {
        // A value begins at `at`.
        match text.get(at) {
            Some(b'"') => at = quoted(text, at + 1)?.end,
            Some(&bracket @ (b'[' | b'{')) => {
                let is_object = bracket == b'{';
                open.push(is_object, depth)?;
                at = skip_whitespace(text, at + 1);
                // In ASCII a closing bracket is its opening one and 2.
                if text.get(at) == Some(&(bracket + 2)) {
                    at += 1;
                    open.pop();
                } else {
                    if is_object {
                        at = key(text, at)?;
                    }
                    continue;
                }
            }
            _ => at = plain(text, at)?,
        }
        // A value ended at `at`, and with it perhaps some that it is the last of.
        while open.count > 0 {
            at = skip_whitespace(text, at);
            match (text.get(at), open.is_object()) {
                (Some(b','), is_object) => {
                    at = skip_whitespace(text, at + 1);
                    if is_object {
                        at = key(text, at)?;
                    }
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    open.pop();
                }
                _ => return Err(Malformed),
            }
        }
        if open.count == 0 {
            return Ok(at);
        }
    }
}

/// A member's name and its colon; returns where its value begins.
#[inline]
fn key(text: &[u8], at: usize) -> Result<usize, JsonError> {
    if text.get(at) != Some(&b'"') {
        return Err(Malformed);
    }
    let at = skip_whitespace(text, quoted(text, at + 1)?.end);
    if text.get(at) != Some(&b':') {
        return Err(Malformed);
    }
    Ok(skip_whitespace(text, at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends() {
        for (text, end) in [
            (r#""0123456789abcdef","x""#, 18),
            (r#" "a\"b\u00e9" "#, 13),
            ("-12.5e+3,", 8),
            ("0]", 1),
            ("true,", 4),
            ("false", 5),
            ("null}", 4),
            ("[] ]", 2),
            (r#"{"a":[1,{"b":{}}], "c" : null }]"#, 31),
        ] {
            assert_eq!(value(text.as_bytes(), 0, 8), Ok(end), "{text}");
        }
    }

    #[test]
    fn strings_are_unescaped_only_when_they_need_it() {
        assert_eq!(string(r#"["name",1]"#, 1), Ok((Cow::Borrowed("name"), 7)));
        assert!(matches!(string(r#" "é" "#, 0), Ok((Cow::Borrowed("é"), 5))));
        assert_eq!(string(r#""\ud83d\ude00\n""#, 0), Ok((Cow::Owned("😀\n".to_owned()), 16)));
        assert_eq!(string(r#""\ud83d!""#, 0), Ok((Cow::Owned("\u{fffd}!".to_owned()), 9)));
        assert_eq!(string("7", 0), Err(Malformed));
        assert_eq!(string("", 3), Err(Malformed));
    }

    #[test]
    fn an_array_may_be_without_its_beginning() {
        assert_eq!(elements(b"[]", 0, 1), Ok((0, 2)));
        assert_eq!(elements(b" [ 1 , [] ] ", 0, 2), Ok((2, 11)));
        assert_eq!(elements(br#"["e",1,2]"#, 4, 1), Ok((2, 9)));
        assert_eq!(elements(br#"["e"]"#, 4, 1), Ok((0, 5)));
        assert_eq!(elements(br#"["e",]"#, 4, 1), Err(Malformed));
        assert_eq!(elements(b"[1,]", 0, 1), Err(Malformed));
        assert_eq!(elements(b"{}", 0, 1), Err(Malformed));
        assert_eq!(elements(b"[[]]", 0, 1), Err(TooDeep));
        assert_eq!(elements(b"[]", 0, 0), Err(TooDeep));
    }

    #[test]
    fn nesting_is_bounded_and_costs_no_stack() {
        for depth in [1, 63, 64, 65, 127, 128, 129, 200, 100_000] {
            let mixed: String = (0..depth).map(|at| if at % 3 == 0 { r#"{"k":"# } else { "[" }).collect();
            let closing: String = (0..depth).rev().map(|at| if at % 3 == 0 { '}' } else { ']' }).collect();
            let text = format!("{mixed}0{closing}");
            assert_eq!(value(text.as_bytes(), 0, depth), Ok(text.len()));
            assert_eq!(value(text.as_bytes(), 0, depth - 1), Err(TooDeep));
        }
    }
}
