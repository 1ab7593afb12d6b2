//! What some peers write in a form that serde's types do not take, although its meaning is clear.
//!
//! * A whole number as a float: `21.0` and `2.1e1` are 21 for a peer that has no integers, as JavaScript has none.
//! * Half of a surrogate pair, `\ud83d` alone, which is JSON but no text: it is U+FFFD, as in each decoder of UTF-16.
//!
//! A value that is accepted as it was received costs nothing for this. One that is refused is mended and read once more, first its
//! texts and then its numbers: a type for any number gets it as it was written. Where there is nothing to mend, the refusal
//! stands.

use rmpv::Value;

/// How many digits the largest integer has.
const DIGITS: usize = 39;

/// A JSON text without halves of surrogate pairs. `None` when there are none.
pub(super) fn halves(text: &[u8]) -> Option<Vec<u8>> {
    let mut mending = Mending { text, out: Vec::new(), copied: 0 };
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at = if *byte == b'"' { mending.string(at + 1, true) } else { at + 1 };
    }
    mending.finish()
}

/// A JSON text whose whole numbers are written as integers. `None` when all of them are.
pub(super) fn integers(text: &[u8]) -> Option<Vec<u8>> {
    let mut mending = Mending { text, out: Vec::new(), copied: 0 };
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at = match byte {
            b'"' => mending.string(at + 1, false),
            b'-' | b'0'..=b'9' => mending.number(at),
            _ => at + 1,
        };
    }
    mending.finish()
}

/// A text that is being copied with changes.
struct Mending<'a> {
    text: &'a [u8],
    out: Vec<u8>,
    /// Up to where the text is in `out`.
    copied: usize,
}

impl Mending<'_> {
    /// Writes `by` in place of what is between the two.
    fn replace(&mut self, start: usize, end: usize, by: &[u8]) {
        self.out.extend_from_slice(&self.text[self.copied..start]);
        self.out.extend_from_slice(by);
        self.copied = end;
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        if self.copied == 0 {
            return None;
        }
        self.out.extend_from_slice(&self.text[self.copied..]);
        Some(self.out)
    }

    /// Goes to the end of a string, of which all before `at` was seen, and mends it on the way if that is wanted.
    fn string(&mut self, mut at: usize, mends: bool) -> usize {
        loop {
            match self.text.get(at..).unwrap_or_default() {
                [] => return at,
                [b'"', ..] => return at + 1,
                [b'\\', b'u', rest @ ..] if mends => {
                    let low = rest.get(6..).and_then(unit);
                    match (unit(rest), rest.get(4..6), low) {
                        (Some(0xd800..=0xdbff), Some(br"\u"), Some(0xdc00..=0xdfff)) => at += 12,
                        (Some(0xd800..=0xdfff), _, _) => {
                            self.replace(at, at + 6, br"\ufffd");
                            at += 6;
                        }
                        _ => at += 2,
                    }
                }
                [b'\\', ..] => at += 2,
                _ => at += 1,
            }
        }
    }

    /// Goes to the end of the number that begins at `at`.
    fn number(&mut self, at: usize) -> usize {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let end = at + self.text[at..].iter().take_while(|byte| is_part(byte)).count();
        if let Some(integer) = integer(&self.text[at..end]) {
            self.replace(at, end, &integer);
        }
        end
    }
}

/// The unit of UTF-16 whose four digits `text` begins with.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.first_chunk::<4>().filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The integer that a number is, without loss; `None` when it is none, or is written as one.
fn integer(number: &[u8]) -> Option<Vec<u8>> {
    if number == b"-0" {
        return Some(b"0".to_vec());
    }
    let (sign, rest) = match number {
        [b'-', rest @ ..] => (&b"-"[..], rest),
        rest => (&b""[..], rest),
    };
    let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(place) => (&rest[..place], std::str::from_utf8(&rest[place + 1..]).ok()?.parse::<i64>().ok()?),
        None if rest.contains(&b'.') => (rest, 0),
        None => return None,
    };
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(place) => (&mantissa[..place], &mantissa[place + 1..]),
        None => (mantissa, &[][..]),
    };
    let digits = [whole, fraction].concat();
    let Some(start) = digits.iter().position(|digit| *digit != b'0') else { return Some(b"0".to_vec()) };
    let end = digits.iter().rposition(|digit| *digit != b'0').map_or(start, |last| last + 1);
    // The position of the point among the digits, or behind them.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let point = usize::try_from(point).ok()?;
    if point < end || point - start > DIGITS {
        return None;
    }
    let mut integer = [sign, &digits[start..end]].concat();
    integer.resize(integer.len() + point - end, b'0');
    Some(integer)
}

/// Makes integers of the whole floats in a value, as far as they are integers of 64 bits. Whether there were any.
pub(crate) fn value(value: &mut Value) -> bool {
    let float = match value {
        Value::F32(float) => f64::from(*float),
        Value::F64(float) => *float,
        Value::Array(elements) => {
            return elements.iter_mut().fold(false, |is_mended, element| self::value(element) | is_mended);
        }
        Value::Map(entries) => {
            return entries
                .iter_mut()
                .fold(false, |is_mended, (key, value)| self::value(key) | self::value(value) | is_mended);
        }
        _ => return false,
    };
    // 2^63 and 2^64. Their negatives and they themselves may be what a larger integer was rounded to.
    let is_whole =
        float.fract() == 0.0 && float > -9_223_372_036_854_775_808.0 && float < 18_446_744_073_709_551_616.0;
    if !is_whole {
        return false;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let integer = if float < 0.0 { Value::from(float as i64) } else { Value::from(float as u64) };
    *value = integer;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(mend: fn(&[u8]) -> Option<Vec<u8>>, text: &str) -> String {
        mend(text.as_bytes()).map_or_else(|| text.to_owned(), |text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn whole_numbers_become_integers_and_others_stay() {
        for (number, integer) in [
            ("21.0", "21"),
            ("2.1e1", "21"),
            ("2.1E+1", "21"),
            ("210e-1", "21"),
            ("-21.000", "-21"),
            ("0.21e2", "21"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e9", "0"),
            ("0.00e-9", "0"),
            ("1e0", "1"),
            ("100.0e-2", "1"),
            ("9007199254740993.0", "9007199254740993"),
            ("3.4028236692093846e38", "340282366920938460000000000000000000000"),
            ("340282366920938463463374607431768211455.0", "340282366920938463463374607431768211455"),
        ] {
            assert_eq!(mended(integers, number), integer);
            assert_eq!(
                mended(integers, &format!(r#"{{"a":[{number}, 7 ],"1.0":{number}}}"#)),
                format!(r#"{{"a":[{integer}, 7 ],"1.0":{integer}}}"#)
            );
        }
        for number in [
            "21",
            "-7",
            "0",
            "21.5",
            "1e-1",
            "-1.00001",
            "1e39",
            "1e999999999999",
            "1e99999999999999999999",
            "5e-324",
        ] {
            assert_eq!(integers(number.as_bytes()), None, "{number}");
        }
    }

    #[test]
    fn halves_of_pairs_become_the_replacement_character() {
        for (text, whole) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00""#, r#""\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            (r#"{"\udc00":"a\udbff1.0"}"#, r#"{"\ufffd":"a\ufffd1.0"}"#),
        ] {
            assert_eq!(mended(halves, text), whole);
        }
        for text in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""\"\\\u00e9""#,
            r#""\ud83""#,
            r#""\ud83d"#,
            "\"",
            "\"\\",
            "\"\\u",
        ] {
            let is_cut = text == r#""\ud83d"#;
            assert_eq!(halves(text.as_bytes()).is_some(), is_cut, "{text}");
        }
    }

    #[test]
    fn whole_floats_of_a_value_become_integers() {
        for (float, integer) in [
            (21.0, Value::from(21)),
            (-21.0, Value::from(-21)),
            (-0.0, Value::from(0)),
            (18_446_744_073_709_549_568.0, Value::from(18_446_744_073_709_549_568_u64)),
            (-9_223_372_036_854_774_784.0, Value::from(-9_223_372_036_854_774_784_i64)),
        ] {
            let mut value =
                Value::Map(vec![(Value::F64(float), Value::Array(vec![Value::F64(float), Value::Nil]))]);
            assert!(super::value(&mut value));
            assert_eq!(value, Value::Map(vec![(integer.clone(), Value::Array(vec![integer, Value::Nil]))]));
        }
        assert!(super::value(&mut Value::F32(3.0)));
        for float in
            [21.5, f64::NAN, f64::INFINITY, 18_446_744_073_709_551_616.0, -9_223_372_036_854_775_808.0]
        {
            assert!(!super::value(&mut Value::F64(float)), "{float}");
        }
    }
}
