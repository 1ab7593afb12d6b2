//! WebSocket frames of texts: text frames, final, of less than 64 KiB.

use anyhow::{Result, ensure};

/// A client masks what it sends. One key serves for all: what it is does not matter to the work of unmasking.
const KEY: [u8; 4] = [0x9c, 0x35, 0xe2, 0x7b];

/// The first byte of a frame that is a whole text message.
const TEXT: u8 = 0x81;
/// The first byte of a frame that closes.
const CLOSE: u8 = 0x88;
/// Set in the second byte of a frame that is masked.
const MASKED: u8 = 0x80;
/// In place of a length: it is in the next two bytes.
const LONG: u8 = 126;

/// So much of a frame can be looked at without its mask.
pub const OPENING: usize = 64;

/// A client's text.
pub fn from_client(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes(), true)
}

/// A server's text.
pub fn from_server(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes(), false)
}

/// A client's wish to close, in good order.
pub fn close() -> Vec<u8> {
    frame(CLOSE, &1000_u16.to_be_bytes(), true)
}

fn frame(kind: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask_bit = if masked { MASKED } else { 0 };
    let mut frame = match u8::try_from(payload.len()) {
        Ok(short) if short < LONG => vec![kind, mask_bit | short],
        _ => {
            let [high, low] = u16::try_from(payload.len()).expect("less than 64 KiB").to_be_bytes();
            vec![kind, mask_bit | LONG, high, low]
        }
    };
    if masked {
        frame.extend(KEY);
    }
    let start = frame.len();
    frame.extend_from_slice(payload);
    if masked {
        mask(&mut frame[start..], 0);
    }
    frame
}

/// Where the payload starts in a frame from a client.
pub fn payload_start(frame: &[u8]) -> usize {
    let extended = if frame[1] & !MASKED == LONG { 2 } else { 0 };
    2 + extended + KEY.len()
}

/// Masks bytes that are `offset` bytes into their payload, or unmasks them.
pub fn mask(bytes: &mut [u8], offset: usize) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte ^= KEY[(offset + index) % KEY.len()];
    }
}

/// A whole frame, of either side.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How many bytes it has.
    pub length: usize,
    payload: &'a [u8],
    masked: bool,
}

impl<'a> Frame<'a> {
    /// The first frame of `bytes`, if it is there as a whole.
    #[inline]
    pub fn first(bytes: &'a [u8]) -> Result<Option<Self>> {
        let &[kind, length, ref rest @ ..] = bytes else { return Ok(None) };
        let (masked, short) = (length & MASKED != 0, length & !MASKED);
        ensure!(kind == TEXT && short <= LONG, "not a text: {}", bytes.escape_ascii());
        let (filled, rest) = match rest {
            &[high, low, ref rest @ ..] if short == LONG => {
                (usize::from(u16::from_be_bytes([high, low])), rest)
            }
            _ if short == LONG => return Ok(None),
            rest => (usize::from(short), rest),
        };
        let start = if masked { KEY.len() } else { 0 };
        let Some(payload) = rest.get(start..start + filled) else { return Ok(None) };
        ensure!(!masked || rest.starts_with(&KEY), "masked by another key");
        let length = bytes.len() - rest.len() + start + filled;
        Ok(Some(Self { length, payload, masked }))
    }

    /// What it says, of a frame without a mask.
    pub fn text(&self) -> &'a [u8] {
        self.payload
    }

    /// Whether it comes from a client.
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    /// How it begins, whether it has a mask or not.
    #[inline]
    pub fn opening<'b>(&self, buffer: &'b mut [u8; OPENING]) -> &'b [u8] {
        let length = self.payload.len().min(OPENING);
        let opening = &mut buffer[..length];
        opening.copy_from_slice(&self.payload[..length]);
        if self.masked {
            mask(opening, 0);
        }
        opening
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_the_specification_says() {
        assert_eq!(from_server("40"), b"\x81\x0240");
        assert_eq!(from_client("40"), [0x81, 0x82, 0x9c, 0x35, 0xe2, 0x7b, 0x9c ^ b'4', 0x35 ^ b'0']);
        assert_eq!(close().len(), 8);
        assert_eq!(from_server(&"a".repeat(300))[..5], [0x81, 126, 1, 44, b'a']);
    }

    #[test]
    fn a_frame_survives() {
        for text in ["hello".to_owned(), "hello".repeat(1_000)] {
            for frame in [from_client(&text), from_server(&text)] {
                for cut in 0..frame.len() {
                    assert!(Frame::first(&frame[..cut]).unwrap().is_none());
                }
                let bytes = [&frame[..], b"\x81"].concat();
                let found = Frame::first(&bytes).unwrap().unwrap();
                assert_eq!(found.length, frame.len());
                assert!(text.as_bytes().starts_with(found.opening(&mut [0; OPENING])));
            }
        }
        assert!(Frame::first(&close()).is_err());
    }

    #[test]
    fn a_payload_starts_behind_the_mask() {
        for text in ["hello".to_owned(), "hello".repeat(1_000)] {
            let frame = from_client(&text);
            assert_eq!(payload_start(&frame) + text.len(), frame.len());
        }
    }
}
