//! WebSocket frames of short texts: text frames, final, with a length of one byte.

use anyhow::{Result, ensure};

/// A client masks what it sends. One key serves for all: what it is does not matter to the work of unmasking.
const KEY: [u8; 4] = [0x9c, 0x35, 0xe2, 0x7b];

/// The first byte of a frame that is a whole text message.
const TEXT: u8 = 0x81;
/// The first byte of a frame that closes.
const CLOSE: u8 = 0x88;
/// Set in the second byte of a frame that is masked.
const MASKED: u8 = 0x80;
/// From here on a length takes more than one byte.
const LONG: usize = 126;

/// Where the payload starts in a frame from a client.
pub const PAYLOAD: usize = 2 + KEY.len();

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
    assert!(payload.len() < LONG, "a short text");
    let length = u8::try_from(payload.len()).expect("it is short");
    if !masked {
        return [&[kind, length], payload].concat();
    }
    let mut frame = [&[kind, MASKED | length], &KEY[..], payload].concat();
    mask(&mut frame[PAYLOAD..], 0);
    frame
}

/// Masks bytes that are `offset` bytes into their payload, or unmasks them.
pub fn mask(bytes: &mut [u8], offset: usize) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte ^= KEY[(offset + index) % KEY.len()];
    }
}

/// A whole frame, of either side.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// How many bytes it has.
    pub length: usize,
    payload: [u8; LONG],
    filled: usize,
}

impl Frame {
    /// The first frame of `bytes`, if it is there as a whole.
    #[inline]
    pub fn first(bytes: &[u8]) -> Result<Option<Self>> {
        let &[kind, length, ref rest @ ..] = bytes else { return Ok(None) };
        let (masked, filled) = (length & MASKED != 0, usize::from(length & !MASKED));
        ensure!(kind == TEXT && filled < LONG, "not a short text: {}", bytes.escape_ascii());
        let start = if masked { KEY.len() } else { 0 };
        let Some(found) = rest.get(start..start + filled) else { return Ok(None) };
        let mut payload = [0; LONG];
        payload[..filled].copy_from_slice(found);
        if masked {
            ensure!(rest.starts_with(&KEY), "masked by another key");
            mask(&mut payload[..filled], 0);
        }
        Ok(Some(Self { length: 2 + start + filled, payload, filled }))
    }

    /// What it says.
    pub fn text(&self) -> &[u8] {
        &self.payload[..self.filled]
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
    }

    #[test]
    fn a_frame_survives() {
        for frame in [from_client("hello"), from_server("hello")] {
            for cut in 0..frame.len() {
                assert!(Frame::first(&frame[..cut]).unwrap().is_none());
            }
            let found = Frame::first(&[&frame[..], b"\x81"].concat()).unwrap().unwrap();
            assert_eq!((found.length, found.text()), (frame.len(), &b"hello"[..]));
        }
        assert!(Frame::first(&close()).is_err());
    }
}
