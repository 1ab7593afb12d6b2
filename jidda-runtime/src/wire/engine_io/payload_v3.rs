//! The payloads of long polling in Engine.IO 3 ("Payload"): packets behind their lengths, in text or in bytes.
//!
//! A text has its length in UTF-16 code units, as `JavaScript` counts. (The servers of Socket.IO 1 counted bytes
//! of UTF-8 encoded twice; what they agree on with the later ones is ASCII, and the form in bytes.)

use std::borrow::Cow;
use std::io::Write as _;
use std::iter::FusedIterator;

use super::{PayloadError, PayloadPacket, base64_text};

/// No body is as long as a length of more digits says.
const DIGITS: usize = 10;

const LENGTH: PayloadError = PayloadError("a packet's length is its decimal digits");
const SHORT: PayloadError = PayloadError("a packet is shorter than its length says");
const TYPE: PayloadError = PayloadError("a packet begins with its type, 0 to 6");

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For everyone; bytes are in base64.
    Text,
    /// For those that take `application/octet-stream`.
    Binary,
}

/// The packets of a body, one after the other: what a body of empty packets holds takes no memory.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: Rest<'a>,
}

#[derive(Clone, Debug)]
enum Rest<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Malformed(PayloadError),
}

/// Reads the packets of a body, which is in the binary form or in the text form. After an error there are no
/// more.
pub fn packets(body: &[u8], is_binary: bool) -> Packets<'_> {
    let rest = match (is_binary, std::str::from_utf8(body)) {
        (true, _) => Rest::Binary(body),
        // No packets are nothing in the binary form, but `0:` in this one.
        (false, Ok("")) => Rest::Malformed(PayloadError("a payload is not empty")),
        (false, Ok(text)) => Rest::Text(text),
        (false, Err(_)) => Rest::Malformed(PayloadError("a payload is UTF-8")),
    };
    Packets { rest }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<PayloadPacket<'a>, PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match self.rest {
            Rest::Text(text) => from_text(text).map(|read| read.map(|(read, rest)| (read, Rest::Text(rest)))),
            Rest::Binary([]) => Ok(None),
            Rest::Binary(bytes) => from_binary(bytes).map(|(read, rest)| Some((read, Rest::Binary(rest)))),
            Rest::Malformed(error) => Err(error),
        };
        let (packet, rest) = match read.transpose()? {
            Ok((packet, rest)) => (Ok(packet), rest),
            Err(error) => (Err(error), Rest::Binary(&[])),
        };
        self.rest = rest;
        Some(packet)
    }
}

impl FusedIterator for Packets<'_> {}

/// The first packet of a text and what is behind it. Empty ones are none: `0:` is how no packet is written.
fn from_text(mut text: &str) -> Result<Option<(PayloadPacket<'_>, &str)>, PayloadError> {
    loop {
        if text.is_empty() {
            return Ok(None);
        }
        let head = &text.as_bytes()[..text.len().min(DIGITS + 1)];
        let digits = head.iter().position(|byte| *byte == b':').ok_or(LENGTH)?;
        let units = number(head[..digits].iter().map(|byte| byte.wrapping_sub(b'0')))?;
        text = &text[digits + 1..];
        if units > 0 {
            let (packet, rest) = split_at_units(text, units)?;
            return Ok(Some((text_packet(packet)?, rest)));
        }
    }
}

fn number(digits: impl ExactSizeIterator<Item = u8>) -> Result<usize, PayloadError> {
    if digits.len() == 0 {
        return Err(LENGTH);
    }
    let mut number = 0u64;
    for digit in digits {
        if digit > 9 {
            return Err(LENGTH);
        }
        number = number * 10 + u64::from(digit);
    }
    usize::try_from(number).map_err(|_| SHORT)
}

/// Splits behind so many UTF-16 code units, which must not be within a character.
fn split_at_units(text: &str, units: usize) -> Result<(&str, &str), PayloadError> {
    // No character has more units than bytes; and in most packets each is one of both.
    let first = text.as_bytes().get(..units).ok_or(SHORT)?;
    if first.is_ascii() {
        return Ok(text.split_at(units));
    }
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Ok(text.split_at(at));
        }
        left = left
            .checked_sub(character.len_utf16())
            .ok_or(PayloadError("a packet's length ends within a character"))?;
    }
    if left == 0 { Ok((text, "")) } else { Err(SHORT) }
}

/// A packet of text, not empty, which may be bytes in base64 with the type's digit before them.
fn text_packet(text: &str) -> Result<PayloadPacket<'_>, PayloadError> {
    match text.as_bytes() {
        [b'0'..=b'6', ..] => Ok(PayloadPacket::Text(Cow::Borrowed(text))),
        [b'b', digit @ b'0'..=b'6', ..] => {
            let mut bytes = base64_text::decode(&text[2..])?;
            bytes.insert(0, digit - b'0');
            Ok(PayloadPacket::Binary(Cow::Owned(bytes)))
        }
        _ => Err(TYPE),
    }
}

/// The first packet of bytes and what is behind it: 0 for a text or 1 for bytes, the digits of the length in
/// bytes, 255, the packet.
fn from_binary(bytes: &[u8]) -> Result<(PayloadPacket<'_>, &[u8]), PayloadError> {
    let head = &bytes[1..bytes.len().min(DIGITS + 2)];
    let digits = head.iter().position(|byte| *byte == 0xff).ok_or(LENGTH)?;
    let length = number(head[..digits].iter().copied())?;
    let (packet, rest) = bytes[digits + 2..].split_at_checked(length).ok_or(SHORT)?;
    let packet = match (bytes[0], packet) {
        (0, _) => text_packet(std::str::from_utf8(packet).map_err(|_| PayloadError("a text is UTF-8"))?)?,
        (1, [0..=6, ..]) => PayloadPacket::Binary(Cow::Borrowed(packet)),
        (1, _) => return Err(TYPE),
        _ => return Err(PayloadError("a packet of bytes begins with 0 or 1")),
    };
    Ok((packet, rest))
}

/// Writes a body of `packets`.
pub fn write<'a>(out: &mut Vec<u8>, form: Form, packets: impl Iterator<Item = PayloadPacket<'a>>) {
    let start = out.len();
    for packet in packets {
        match form {
            Form::Text => write_text(out, &packet),
            Form::Binary => write_binary(out, &packet),
        }
    }
    if form == Form::Text && out.len() == start {
        out.extend_from_slice(b"0:");
    }
}

const WRITES: &str = "writing to memory does not fail";

fn write_text(out: &mut Vec<u8>, packet: &PayloadPacket<'_>) {
    match packet {
        PayloadPacket::Text(text) => {
            let units: usize =
                if text.is_ascii() { text.len() } else { text.chars().map(char::len_utf16).sum() };
            write!(out, "{units}:").expect(WRITES);
            out.extend_from_slice(text.as_bytes());
        }
        PayloadPacket::Binary(bytes) => {
            // A packet always has the byte of its type.
            let (kind, bytes) = bytes.split_first().unwrap_or((&4, &[]));
            write!(out, "{}:b{kind}", 2 + base64_text::length(bytes)).expect(WRITES);
            base64_text::encode(out, bytes);
        }
    }
}

fn write_binary(out: &mut Vec<u8>, packet: &PayloadPacket<'_>) {
    let (marker, bytes) = match packet {
        PayloadPacket::Text(text) => (0, text.as_bytes()),
        PayloadPacket::Binary(bytes) => (1, &bytes[..]),
    };
    out.push(marker);
    let digits = out.len();
    write!(out, "{}", bytes.len()).expect(WRITES);
    for digit in &mut out[digits..] {
        *digit -= b'0';
    }
    out.push(0xff);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], is_binary: bool) -> Vec<Result<PayloadPacket<'_>, PayloadError>> {
        packets(body, is_binary).collect()
    }

    fn text(text: &str) -> PayloadPacket<'_> {
        PayloadPacket::Text(text.into())
    }

    fn binary(bytes: &[u8]) -> PayloadPacket<'_> {
        PayloadPacket::Binary(bytes.into())
    }

    #[test]
    fn the_examples_of_the_protocol() {
        let all = [text("4hello"), text("4€"), text("4😀"), text("2"), binary(&[4, 1, 2, 3, 4])];
        let mut out = Vec::new();
        write(&mut out, Form::Text, all.iter().cloned());
        assert_eq!(out, "6:4hello2:4€3:4😀1:210:b4AQIDBA==".as_bytes());
        assert!(packets(&out, false).map(Result::unwrap).eq(all.iter().cloned()));
        let mut out = Vec::new();
        write(&mut out, Form::Binary, all[1..].iter().cloned());
        let mut wanted = b"\x00\x04\xff4\xe2\x82\xac\x00\x05\xff4\xf0\x9f\x98\x80".to_vec();
        wanted.extend_from_slice(b"\x00\x01\xff2\x01\x05\xff\x04\x01\x02\x03\x04");
        assert_eq!(out, wanted);
        assert!(packets(&out, true).map(Result::unwrap).eq(all[1..].iter().cloned()));
    }

    #[test]
    fn no_packets_are_a_payload_too() {
        for (form, body) in [(Form::Text, &b"0:"[..]), (Form::Binary, b"")] {
            let mut out = Vec::new();
            write(&mut out, form, std::iter::empty());
            assert_eq!(out, body);
            assert_eq!(packets(&out, form == Form::Binary).count(), 0);
        }
        assert_eq!(packets(&b"0:".repeat(500_000), false).count(), 0);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for body in [
            "",
            "1",
            ":4a",
            "3:4a",
            "x:4a",
            "-1:4a",
            "1.0:4",
            "00000000001:2",
            "99999999999:2",
            "9999999999:2",
            "2:4😀",
            "3:4€",
            "4:4😀",
            " 2:4a",
            "2:",
            "+1:2",
        ] {
            assert!(matches!(read(body.as_bytes(), false)[..], [Err(_)]), "{body}");
        }
        for body in [
            &b"\x00"[..],
            b"\x00\x01",
            b"\x00\xff4",
            b"\x00\x00\xff",
            b"\x00\x03\xff4a",
            b"\x00\x0a\xff4a",
            b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff2",
            b"\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff2",
            b"\x01\x00\xff",
            b"\x02\x01\xff2",
        ] {
            assert!(matches!(read(body, true)[..], [Err(_)]), "{body:?}");
        }
    }

    #[test]
    fn what_is_no_packet_ends_the_payload() {
        for body in ["2:4a1:73:4ab", "2:4a1:b1:2", "2:4a3:b4A1:2", "2:4a2:b81:2"] {
            let read = read(body.as_bytes(), false);
            assert!(matches!(&read[..], [Ok(first), Err(_)] if *first == text("4a")), "{body}");
        }
        assert!(matches!(read(b"2:4\xff", false)[..], [Err(_)]));
        for body in [&b"\x00\x02\xff4\xff"[..], b"\x01\x01\xff4", b"\x00\x01\xffa"] {
            assert!(matches!(read(body, true)[..], [Err(_)]), "{body:?}");
        }
    }
}
