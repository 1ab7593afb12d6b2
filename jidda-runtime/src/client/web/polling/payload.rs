//! The bodies of requests: from the frames that a connection writes, and to those that it reads.

use crate::wire::engine_io::payload_v3::{self, Form};
use crate::wire::engine_io::{PayloadError, PayloadPacket, Version, base64_text, payload_v4};
use crate::wire::websocket::{self, opcode};

/// Servers in Python accept no more packets in one body.
const MOST: usize = 16;
/// What is added to a packet in any body, at most.
const OVERHEAD: usize = 12;

/// What a response had beside messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// That the session is over.
    Close,
}

/// Appends the packets of a response as the frames of a server. After the end of the session there are no more.
///
/// # Errors
///
/// It is no payload. The packets before the error were appended.
pub(super) fn frames(
    version: Version,
    body: &[u8],
    is_binary: bool,
    out: &mut Vec<u8>,
) -> Result<Said, PayloadError> {
    match version {
        Version::V4 => collect(payload_v4::packets(body), out),
        Version::V3 => collect(payload_v3::packets(body, is_binary), out),
    }
}

fn collect<'a>(
    packets: impl Iterator<Item = Result<PayloadPacket<'a>, PayloadError>>,
    out: &mut Vec<u8>,
) -> Result<Said, PayloadError> {
    for packet in packets {
        match packet? {
            PayloadPacket::Text(text) => match text.as_bytes() {
                [b'1', ..] => return Ok(Said::Close),
                [b'6', ..] => {}
                text => websocket::frame(out, opcode::TEXT, |out| out.extend_from_slice(text)),
            },
            PayloadPacket::Binary(bytes) => {
                websocket::frame(out, opcode::BINARY, |out| out.extend_from_slice(&bytes));
            }
        }
    }
    Ok(Said::Nothing)
}

/// Whether the first frame is whole.
pub(super) fn has_whole_frame(frames: &[u8]) -> bool {
    matches!(websocket::head(frames), Ok(Some(head)) if frames.len() - head.size >= head.length)
}

/// The body of a POST.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) body: Vec<u8>,
    pub(super) kind: &'static str,
    /// How many bytes of the frames it has.
    pub(super) taken: usize,
    /// Whether the session is over with it.
    pub(super) is_last: bool,
}

/// As many of the frames, which a client has written, as one POST takes: at least the first one, and others as long as
/// the body has at most `most` bytes. `None` when there are none that say something.
pub(super) fn batch(version: Version, frames: &mut [u8], most: usize) -> Option<Batch> {
    let (mut packets, mut taken, mut size, mut is_last) = (Vec::new(), 0, 0, false);
    let mut rest = frames;
    while packets.len() < MOST && !is_last {
        let Ok(Some(head)) = websocket::head(rest) else { break };
        let length = head.size + head.length;
        if rest.len() < length {
            break;
        }
        let (frame, behind) = std::mem::take(&mut rest).split_at_mut(length);
        rest = behind;
        let payload = &mut frame[head.size..];
        let is_bytes = head.opcode == opcode::BINARY;
        let encoded =
            if is_bytes && version == Version::V4 { base64_text::length(payload) } else { payload.len() };
        if !packets.is_empty() && size + encoded + OVERHEAD > most {
            break;
        }
        // In a request of its own: a server may end the session before it handles what was sent with the end.
        if head.opcode == opcode::CLOSE && !packets.is_empty() {
            break;
        }
        if let Some(mask) = head.mask.filter(|mask| *mask != [0; 4]) {
            websocket::mask(payload, mask);
        }
        taken += length;
        size += encoded + OVERHEAD;
        match head.opcode {
            opcode::TEXT => packets.push(PayloadPacket::Text(String::from_utf8_lossy(payload))),
            opcode::BINARY => packets.push(PayloadPacket::Binary((&*payload).into())),
            opcode::CLOSE => {
                packets.push(PayloadPacket::Text("1".into()));
                is_last = true;
            }
            // Polling has no use for a WebSocket's own signs of life.
            _ => {}
        }
    }
    if taken == 0 {
        return None;
    }
    let mut body = Vec::with_capacity(size);
    let kind = match version {
        Version::V4 => {
            payload_v4::write(&mut body, packets.into_iter());
            "text/plain;charset=UTF-8"
        }
        // The servers of Socket.IO 1 count and encode texts in another way, but not in this form.
        Version::V3 => {
            payload_v3::write(&mut body, Form::Binary, packets.into_iter());
            "application/octet-stream"
        }
    };
    Some(Batch { body, kind, taken, is_last })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(packets: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (opcode, payload) in packets {
            websocket::masked_frame(&mut out, *opcode, payload);
        }
        out
    }

    #[test]
    fn frames_become_bodies_of_both_versions() {
        let mut frames =
            masked(&[(1, b"2"), (9, b"sign of life"), (1, "4€".as_bytes()), (2, &[1, 2, 3]), (8, &[3, 232])]);
        // Masked with something.
        frames[2..6].copy_from_slice(&[1, 2, 3, 4]);
        frames[6] ^= 1;
        let batch = batch(Version::V4, &mut frames.clone(), 1000).unwrap();
        assert_eq!(batch.body, "2\x1e4€\x1ebAQID".as_bytes());
        assert_eq!((batch.kind, batch.is_last), ("text/plain;charset=UTF-8", false));
        // The end is in a request of its own.
        let mut end = frames.split_off(batch.taken);
        let batch = super::batch(Version::V4, &mut end, 1000).unwrap();
        assert_eq!((&*batch.body, batch.taken, batch.is_last), (&b"1"[..], end.len(), true));
        let mut frames = masked(&[(1, b"4a"), (2, &[4, 1, 2, 3])]);
        let batch = super::batch(Version::V3, &mut frames, 1000).unwrap();
        assert_eq!(batch.body, b"\x00\x02\xff4a\x01\x04\xff\x04\x01\x02\x03");
        assert_eq!((batch.kind, batch.is_last), ("application/octet-stream", false));
    }

    #[test]
    fn a_body_is_as_large_as_the_server_allows() {
        let large = vec![b'4'; 500];
        let mut frames = masked(&[(1, &large), (1, &large), (2, &large), (1, b"4")]);
        let one = frames.len() - masked(&[(1, &large), (2, &large), (1, b"4")]).len();
        for (most, count) in [(1, 1), (600, 1), (1024, 2), (2000, 4)] {
            let batch = batch(Version::V4, &mut frames.clone(), most).unwrap();
            let packets = batch.body.split(|byte| *byte == 0x1e).count();
            assert_eq!(packets, count, "{most}");
            assert!(batch.body.len() <= most.max(500), "{most}: {}", batch.body.len());
        }
        let short = &mut frames[..one + 3];
        assert_eq!(batch(Version::V4, short, 2000).unwrap().taken, one, "a frame in pieces waits");
        assert_eq!(batch(Version::V4, &mut short[one..], 2000), None);
        let mut many = masked(&[(1, &b"4"[..]); 40]);
        let packets = batch(Version::V4, &mut many, 2000).unwrap().body.split(|byte| *byte == 0x1e).count();
        assert_eq!(packets, MOST);
    }

    proptest! {
        #[test]
        fn no_response_is_too_bad(body: Vec<u8>, is_binary: bool) {
            for version in [Version::V3, Version::V4] {
                let mut out = Vec::new();
                let _ = frames(version, &body, is_binary, &mut out);
                prop_assert!(out.len() <= 10 * body.len());
            }
        }
    }

    #[test]
    fn responses_become_frames() {
        let mut out = Vec::new();
        let said = frames(Version::V4, "4a\x1e6\x1ebAQID\x1e2".as_bytes(), false, &mut out);
        assert_eq!(said, Ok(Said::Nothing));
        assert_eq!(out, b"\x81\x024a\x82\x03\x01\x02\x03\x81\x012");
        out.clear();
        assert_eq!(frames(Version::V3, b"2:4a1:12:4b", false, &mut out), Ok(Said::Close));
        assert_eq!(out, b"\x81\x024a");
        out.clear();
        assert_eq!(
            frames(Version::V3, b"\x00\x02\xff4a\x01\x02\xff\x04\x09", true, &mut out),
            Ok(Said::Nothing)
        );
        assert_eq!(out, b"\x81\x024a\x82\x02\x04\x09");
        assert!(frames(Version::V4, b"4a\x1e<html>", false, &mut out).is_err());
    }
}
