//! WebSocket frames (RFC 6455, section 5.2), without any I/O.
//!
//! A polling session carries the same frames, unmasked, between its HTTP side and its connection, so that what
//! is above knows one form only.

use std::cell::Cell;

use crate::id::random_bits;

/// The opcodes of the frames.
pub mod opcode {
    /// More of the message that was begun.
    pub const CONTINUATION: u8 = 0;
    /// A message of UTF-8 text.
    pub const TEXT: u8 = 1;
    /// A message of bytes.
    pub const BINARY: u8 = 2;
    /// The end of the connection.
    pub const CLOSE: u8 = 8;
    /// A question for a sign of life.
    pub const PING: u8 = 9;
    /// The answer to it.
    pub const PONG: u8 = 10;
}

/// The status codes of close frames (section 7.4.1).
pub mod close {
    /// All is well.
    pub const NORMAL: u16 = 1000;
    /// The endpoint goes down.
    pub const AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// A text is not UTF-8.
    pub const INVALID: u16 = 1007;
    /// The peer broke a rule of the endpoint.
    pub const POLICY: u16 = 1008;
    /// The message is larger than allowed.
    pub const TOO_LARGE: u16 = 1009;
}

/// The largest payload of a control frame.
pub const CONTROL: usize = 125;

/// What stands before a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// One of [`opcode`].
    pub opcode: u8,
    /// Whether the message ends with this frame.
    pub is_final: bool,
    /// What the payload is masked with, if it is.
    pub mask: Option<[u8; 4]>,
    /// How many bytes the head itself has.
    pub size: usize,
    /// How many bytes the payload has.
    pub length: usize,
}

/// Reads the head at the beginning of `bytes`; `None` when there are not enough of them.
///
/// # Errors
///
/// A sentence when no frame can begin like this.
#[inline]
pub fn head(bytes: &[u8]) -> Result<Option<Head>, &'static str> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err("a reserved bit is set");
    }
    let (opcode, is_final) = (first & 0x0f, first & 0x80 != 0);
    match opcode {
        opcode::CONTINUATION..=opcode::BINARY => {}
        opcode::CLOSE..=opcode::PONG => {
            if !is_final || usize::from(second & 0x7f) > CONTROL {
                return Err("a control frame is whole and has at most 125 bytes");
            }
        }
        _ => return Err("the opcode is unknown"),
    }
    let (length, extended) = match second & 0x7f {
        126 => match rest.first_chunk() {
            Some(length) => (u64::from(u16::from_be_bytes(*length)), 2),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (u64::from_be_bytes(*length), 8),
            None => return Ok(None),
        },
        length => (u64::from(length), 0),
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= usize::MAX / 2);
    let length = length.ok_or("the length is out of bounds")?;
    let is_masked = second & 0x80 != 0;
    let mask = match (is_masked, rest[extended..].first_chunk()) {
        (false, _) => None,
        (true, Some(mask)) => Some(*mask),
        (true, None) => return Ok(None),
    };
    Ok(Some(Head { opcode, is_final, mask, size: 2 + extended + 4 * usize::from(is_masked), length }))
}

/// Masks or unmasks, which is the same.
#[inline]
pub fn mask(payload: &mut [u8], key: [u8; 4]) {
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Writes a whole frame, unmasked, whose payload is what `write` appends.
#[inline]
pub fn frame<R>(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let start = out.len();
    out.extend_from_slice(&[0x80 | opcode, 0]);
    let result = write(out);
    finish(out, start);
    result
}

/// Writes a whole frame as clients do, masked: with nothing.
pub fn masked_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => out.push(0x80 | short),
        (_, Ok(medium)) => {
            out.push(0xfe);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Writes a whole frame as a client does, masked, whose payload is what `write` appends.
#[inline]
pub fn client_frame<R>(out: &mut Vec<u8>, opcode: u8, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let start = begin_client_frame(out, opcode);
    let result = write(out);
    finish_client_frame(out, start);
    result
}

/// Begins a masked frame, whose payload is appended behind it; where it starts.
#[inline]
pub fn begin_client_frame(out: &mut Vec<u8>, opcode: u8) -> usize {
    let start = out.len();
    let [a, b, c, d] = mask_key();
    out.extend_from_slice(&[0x80 | opcode, 0x80, a, b, c, d]);
    start
}

/// Masks the frame that begins at `start`, and gives it its length.
#[inline]
pub fn finish_client_frame(out: &mut Vec<u8>, start: usize) {
    const HEAD: usize = 6;
    let key = [out[start + 2], out[start + 3], out[start + 4], out[start + 5]];
    mask(&mut out[start + HEAD..], key);
    let length = out.len() - start - HEAD;
    match u16::try_from(length) {
        Ok(short @ 0..126) => out[start + 1] = 0x80 | short.to_le_bytes()[0],
        Ok(medium) => widen(out, start, 0xfe, &medium.to_be_bytes()),
        Err(_) => widen(out, start, 0xff, &(length as u64).to_be_bytes()),
    }
}

/// A key that nobody can foresee (RFC 6455, section 5.3): three of them from each draw of the system's random bits.
#[inline]
fn mask_key() -> [u8; 4] {
    const KEYS: u8 = 3;
    thread_local! {
        static KEPT: Cell<(u128, u8)> = const { Cell::new((0, 0)) };
    }
    let (bits, left) = match KEPT.get() {
        (_, 0) => (random_bits(), KEYS),
        kept => kept,
    };
    KEPT.set((bits >> 32, left - 1));
    let [a, b, c, d, ..] = bits.to_le_bytes();
    [a, b, c, d]
}

/// Gives the frame that begins at `start`, with two bytes kept for it, its length.
#[inline]
pub fn finish(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start - 2;
    match u16::try_from(length) {
        Ok(short @ 0..126) => out[start + 1] = short.to_le_bytes()[0],
        Ok(medium) => widen(out, start, 126, &medium.to_be_bytes()),
        Err(_) => widen(out, start, 127, &(length as u64).to_be_bytes()),
    }
}

#[cold]
fn widen(out: &mut Vec<u8>, start: usize, marker: u8, length: &[u8]) {
    out[start + 1] = marker;
    out.splice(start + 2..start + 2, length.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(&mut out, opcode, |out| out.extend_from_slice(payload));
        out
    }

    #[test]
    fn a_frame_of_each_size_reads_back() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![7; length];
            let bytes = framed(opcode::BINARY, &payload);
            let head = head(&bytes).unwrap().unwrap();
            assert_eq!((head.opcode, head.is_final, head.mask), (opcode::BINARY, true, None));
            assert_eq!(head.length, length);
            assert_eq!(&bytes[head.size..], payload);
        }
    }

    #[test]
    fn a_head_is_read_only_when_it_is_whole() {
        for bytes in [
            &[0x81, 0x85, 1, 2, 3, 4][..],
            &[0x82, 0xfe, 0, 200, 1, 2, 3, 4],
            &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0],
        ] {
            for end in 0..bytes.len() {
                assert_eq!(head(&bytes[..end]), Ok(None), "{end} of {bytes:?}");
            }
            assert_eq!(head(bytes).unwrap().unwrap().size, bytes.len());
        }
    }

    #[test]
    fn what_the_protocol_forbids_is_refused() {
        assert!(head(&[0xc1, 0]).is_err(), "a reserved bit");
        assert!(head(&[0x83, 0]).is_err(), "an unknown opcode");
        assert!(head(&[0x09, 0]).is_err(), "a ping in pieces");
        assert!(head(&[0x88, 126, 0, 126]).is_err(), "a long close");
        assert!(
            head(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]).is_err(),
            "a length beyond memory"
        );
    }

    #[test]
    fn a_masked_frame_of_each_size_reads_back() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = Vec::new();
            masked_frame(&mut bytes, opcode::TEXT, &vec![7; length]);
            let head = head(&bytes).unwrap().unwrap();
            assert_eq!((head.opcode, head.is_final, head.mask), (opcode::TEXT, true, Some([0; 4])));
            assert_eq!((head.length, bytes.len()), (length, head.size + length));
        }
    }

    #[test]
    fn a_client_frame_of_each_size_reads_back_and_has_a_key_of_its_own() {
        let mut keys = std::collections::HashSet::new();
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let mut bytes = vec![0];
            client_frame(&mut bytes, opcode::TEXT, |out| out.extend_from_slice(&payload));
            let head = head(&bytes[1..]).unwrap().unwrap();
            assert_eq!((head.opcode, head.is_final, head.length), (opcode::TEXT, true, length));
            let start = 1 + head.size;
            mask(&mut bytes[start..], head.mask.unwrap());
            assert_eq!(&bytes[start..], payload);
            keys.insert(head.mask);
        }
        assert!(keys.len() >= 6, "{keys:?}");
    }

    #[test]
    fn masking_twice_is_nothing() {
        let payload: Vec<u8> = (0..37).collect();
        let mut bytes = payload.clone();
        mask(&mut bytes, [1, 2, 3, 4]);
        assert_eq!(bytes[8], 8 ^ 1);
        assert_eq!(bytes[33], 0x21 ^ 2);
        mask(&mut bytes, [1, 2, 3, 4]);
        assert_eq!(bytes, payload);
    }
}
