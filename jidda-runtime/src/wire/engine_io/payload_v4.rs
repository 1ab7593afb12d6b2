//! The payloads of long polling in Engine.IO 4 ("HTTP long-polling"): packets separated by `\x1e`, bytes as base64 behind
//! a `b`.

use std::borrow::Cow;
use std::iter::FusedIterator;

use super::{PayloadError, PayloadPacket, base64_text};

/// What stands between two packets: a control character, which JSON never has.
const SEPARATOR: char = '\x1e';

/// The packets of a body, one after the other: what a body of nothing but separators holds takes no memory.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: Result<Option<&'a str>, PayloadError>,
}

/// Reads the packets of a body. After an error there are no more.
pub fn packets(body: &[u8]) -> Packets<'_> {
    let text = std::str::from_utf8(body).map_err(|_| PayloadError("a payload is UTF-8"));
    Packets { rest: text.map(Some) }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<PayloadPacket<'a>, PayloadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match std::mem::replace(&mut self.rest, Ok(None)) {
            Ok(text) => {
                let (text, rest) = match text?.split_once(SEPARATOR) {
                    Some((text, rest)) => (text, Some(rest)),
                    None => (text?, None),
                };
                packet(text).inspect(|_| self.rest = Ok(rest))
            }
            Err(error) => Err(error),
        };
        Some(read)
    }
}

impl FusedIterator for Packets<'_> {}

fn packet(text: &str) -> Result<PayloadPacket<'_>, PayloadError> {
    match text.as_bytes() {
        [b'0'..=b'6', ..] => Ok(PayloadPacket::Text(Cow::Borrowed(text))),
        [b'b', ..] => Ok(PayloadPacket::Binary(Cow::Owned(base64_text::decode(&text[1..])?))),
        [] => Err(PayloadError("a packet is not empty")),
        _ => Err(PayloadError("a packet begins with its type, 0 to 6 or b")),
    }
}

/// Writes a body of `packets`. A separator within a text would end its packet there; JSON has none, and no other text
/// is sent with one.
pub fn write<'a>(out: &mut Vec<u8>, packets: impl Iterator<Item = PayloadPacket<'a>>) {
    for (index, packet) in packets.enumerate() {
        if index > 0 {
            out.push(SEPARATOR as u8);
        }
        match packet {
            PayloadPacket::Text(text) => out.extend_from_slice(text.as_bytes()),
            PayloadPacket::Binary(bytes) => {
                out.push(b'b');
                base64_text::encode(out, &bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Vec<Result<PayloadPacket<'_>, PayloadError>> {
        packets(body).collect()
    }

    fn text(text: &str) -> PayloadPacket<'_> {
        PayloadPacket::Text(text.into())
    }

    #[test]
    fn the_example_of_the_protocol() {
        let all = [
            text("4hello"),
            text("2"),
            text("4\u{20ac}"),
            PayloadPacket::Binary((&[1, 2, 3, 4][..]).into()),
            PayloadPacket::Binary((&[][..]).into()),
        ];
        let mut out = Vec::new();
        write(&mut out, all.iter().cloned());
        assert_eq!(out, "4hello\x1e2\x1e4€\x1ebAQIDBA==\x1eb".as_bytes());
        assert!(packets(&out).map(Result::unwrap).eq(all));
    }

    #[test]
    fn what_is_no_packet_ends_the_payload() {
        for body in [&b""[..], b"\x1e", b"\x1e4a", b"7", b"abc", b" 4", b"b!", b"4\xff", b"\xd9\xb4"] {
            assert!(matches!(read(body)[..], [Err(_)]), "{body:?}");
        }
        for body in [&b"4a\x1e"[..], b"4a\x1e\x1e4b", b"4a\x1ebA\x1e4b", b"4a\x1e9\x1e4b"] {
            assert!(matches!(&read(body)[..], [Ok(first), Err(_)] if *first == text("4a")), "{body:?}");
        }
    }

    #[test]
    fn a_body_of_separators_is_one_error() {
        let body = vec![SEPARATOR as u8; 1_000_000];
        assert_eq!(packets(&body).count(), 1);
    }
}
