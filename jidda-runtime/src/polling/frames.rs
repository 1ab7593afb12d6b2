//! The frames that a driver reads and writes, from the bodies of POSTs and to the bodies of GETs.

use crate::foreign::printable;
use crate::wire::engine_io::payload_v3::{self, Form};
use crate::wire::engine_io::{PayloadError, PayloadPacket, Version, payload_v4};
use crate::wire::websocket::{self, opcode};

use super::machine::PostOutcome;

/// Yields to other tasks after this number of packets of one body: a packet can have as few as two bytes.
const STRIDE: usize = 1024;

/// How the payloads of a session are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadFormat {
    /// The protocol's version.
    pub version: Version,
    /// Whether bytes are sent as bytes where they can be. Version 4 has base64 only.
    pub takes_bytes: bool,
    /// Whether everything is sent in the form that has bytes: some clients of version 3 read no other.
    pub always_bytes: bool,
}

/// The body of a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// Whether that is `application/octet-stream`, not a text.
    pub is_binary: bool,
}

/// How many bytes at the beginning are whole frames for one GET, which takes so many at most. The end has a GET of its
/// own: clients act upon it at once, and on what is before it a little later.
pub(super) fn batch(bytes: &[u8], most: usize) -> usize {
    let mut length = 0;
    for _ in 0..most {
        let Ok(Some(head)) = websocket::head(&bytes[length..]) else { break };
        let is_end = head.opcode == opcode::CLOSE;
        if bytes.len() - length < head.size + head.length || (is_end && length > 0) {
            break;
        }
        length += head.size + head.length;
        if is_end {
            break;
        }
    }
    length
}

/// Whether a batch is the end of a WebSocket, which stands for that of the session.
pub(super) fn is_end(batch: &[u8]) -> bool {
    matches!(websocket::head(batch), Ok(Some(head)) if head.opcode == opcode::CLOSE)
}

/// The packets of whole frames.
fn packets(mut frames: &[u8]) -> impl Iterator<Item = PayloadPacket<'_>> + Clone {
    std::iter::from_fn(move || {
        loop {
            let head = websocket::head(frames).ok().flatten()?;
            let (frame, rest) = frames.split_at_checked(head.size + head.length)?;
            frames = rest;
            let payload = &frame[head.size..];
            match head.opcode {
                opcode::TEXT => return Some(PayloadPacket::Text(String::from_utf8_lossy(payload))),
                opcode::BINARY => return Some(PayloadPacket::Binary(payload.into())),
                // Polling has no use for a WebSocket's own signs of life.
                _ => {}
            }
        }
    })
}

impl PayloadFormat {
    /// What a GET is answered that takes these frames.
    pub fn body(self, frames: &[u8]) -> Body {
        self.write(packets(frames))
    }

    /// What a GET is answered that takes one packet without a message.
    pub fn signal(self, packet: &'static str) -> Body {
        self.write(std::iter::once(PayloadPacket::Text(packet.into())))
    }

    fn write<'a>(self, packets: impl Iterator<Item = PayloadPacket<'a>> + Clone) -> Body {
        let mut bytes = Vec::new();
        if self.version == Version::V4 {
            payload_v4::write(&mut bytes, packets);
            return Body { bytes, is_binary: false };
        }
        let has_bytes = || packets.clone().any(|packet| matches!(packet, PayloadPacket::Binary(_)));
        let is_binary = self.takes_bytes && (self.always_bytes || has_bytes());
        payload_v3::write(&mut bytes, if is_binary { Form::Binary } else { Form::Text }, packets);
        Body { bytes, is_binary }
    }

    /// The frames of a POST's body, up to its end or to what is no packet. A body of many packets leaves other tasks
    /// their turns.
    pub async fn frames(self, body: &[u8], is_binary: bool) -> (Vec<u8>, PostOutcome) {
        let mut frames = Vec::with_capacity(body.len() + 16);
        let after = match self.version {
            Version::V4 if is_binary => PostOutcome::Malformed,
            Version::V4 => collect(&mut frames, payload_v4::packets(body)).await,
            Version::V3 => collect(&mut frames, payload_v3::packets(body, is_binary)).await,
        };
        (frames, after)
    }
}

async fn collect<'a>(
    frames: &mut Vec<u8>,
    packets: impl Iterator<Item = Result<PayloadPacket<'a>, PayloadError>>,
) -> PostOutcome {
    for (number, packet) in packets.enumerate() {
        if number % STRIDE == STRIDE - 1 {
            tokio::task::yield_now().await;
        }
        match packet {
            Ok(PayloadPacket::Text(text)) if text.starts_with('1') => return PostOutcome::Closed,
            Ok(PayloadPacket::Text(text)) => websocket::masked_frame(frames, opcode::TEXT, text.as_bytes()),
            Ok(PayloadPacket::Binary(bytes)) => websocket::masked_frame(frames, opcode::BINARY, &bytes),
            Err(error) => {
                tracing::debug!(error = %printable(&error), "the body of a POST is not a payload");
                return PostOutcome::Malformed;
            }
        }
    }
    PostOutcome::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: PayloadFormat = PayloadFormat { version: Version::V4, takes_bytes: true, always_bytes: false };
    const V3: PayloadFormat = PayloadFormat { version: Version::V3, ..V4 };

    fn frames(packets: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (opcode, payload) in packets {
            websocket::frame(&mut out, *opcode, |out| out.extend_from_slice(payload));
        }
        out
    }

    #[test]
    fn a_batch_is_whole_frames_or_the_end() {
        let bytes = frames(&[(opcode::TEXT, b"4a"), (opcode::BINARY, &[7; 300])]);
        let all = |bytes| batch(bytes, usize::MAX);
        assert_eq!((all(&bytes), batch(&bytes, 2), batch(&bytes, 1)), (bytes.len(), bytes.len(), 4));
        assert_eq!(all(&bytes[..bytes.len() - 1]), 4);
        assert_eq!(all(&bytes[..3]), 0);
        assert_eq!(all(&[]), 0);
        let bytes = frames(&[(opcode::TEXT, b"4a"), (opcode::CLOSE, b""), (opcode::TEXT, b"4b")]);
        assert_eq!((all(&bytes), all(&bytes[4..])), (4, 2));
        assert_eq!((is_end(&bytes), is_end(&bytes[4..])), (false, true));
    }

    #[test]
    fn frames_become_a_body() {
        let bytes = frames(&[(opcode::TEXT, b"4a"), (opcode::PONG, b"x"), (opcode::BINARY, &[1, 2, 3])]);
        assert_eq!(V4.body(&bytes), Body { bytes: b"4a\x1ebAQID".to_vec(), is_binary: false });
        let bytes = frames(&[(opcode::TEXT, "4€".as_bytes()), (opcode::BINARY, &[4, 9])]);
        let binary = b"\x00\x04\xff4\xe2\x82\xac\x01\x02\xff\x04\x09".to_vec();
        assert_eq!(V3.body(&bytes), Body { bytes: binary, is_binary: true });
        let text = PayloadFormat { takes_bytes: false, ..V3 };
        assert_eq!(text.body(&bytes), Body { bytes: "2:4€6:b4CQ==".into(), is_binary: false });
    }

    #[test]
    fn signals_are_bodies() {
        assert_eq!(V4.signal("6").bytes, b"6");
        assert_eq!(V3.signal("6"), Body { bytes: b"1:6".to_vec(), is_binary: false });
        let always = PayloadFormat { always_bytes: true, ..V3 };
        assert_eq!(always.signal("1"), Body { bytes: b"\x00\x01\xff1".to_vec(), is_binary: true });
    }

    #[tokio::test]
    async fn a_body_becomes_frames_that_a_client_could_have_sent() {
        let long = format!("4{}", "x".repeat(70_000));
        let medium = format!("4{}", "y".repeat(300));
        let (bytes, after) = V4.frames(format!("4a\x1e{medium}\x1e{long}\x1ebAQID").as_bytes(), false).await;
        assert_eq!(after, PostOutcome::Open);
        let mut rest = &bytes[..];
        for (opcode, payload) in [
            (opcode::TEXT, b"4a".as_slice()),
            (opcode::TEXT, medium.as_bytes()),
            (opcode::TEXT, long.as_bytes()),
            (opcode::BINARY, &[1, 2, 3]),
        ] {
            let head = websocket::head(rest).unwrap().unwrap();
            assert_eq!((head.opcode, head.is_final, head.mask), (opcode, true, Some([0; 4])));
            assert_eq!(&rest[head.size..head.size + head.length], payload);
            rest = &rest[head.size + head.length..];
        }
        assert!(rest.is_empty());
    }

    #[tokio::test]
    async fn what_ends_a_session_ends_the_body() {
        let (bytes, after) = V4.frames(b"4a\x1e1\x1e4b", false).await;
        assert_eq!((bytes.len(), after), (8, PostOutcome::Closed));
        let (bytes, after) = V4.frames(b"4a\x1eabc\x1e4b", false).await;
        assert_eq!((bytes.len(), after), (8, PostOutcome::Malformed));
        assert_eq!(V4.frames(b"4a", true).await, (Vec::new(), PostOutcome::Malformed));
        assert_eq!(V3.frames(b"\x00\x02\xff4a", true).await.1, PostOutcome::Open);
        assert_eq!(V3.frames(b"2:4a1:1", false).await.1, PostOutcome::Closed);
    }

    #[tokio::test]
    async fn a_body_of_many_packets_leaves_others_their_turns() {
        let body = "4\x1e".repeat(100 * STRIDE);
        let turns = std::cell::Cell::new(0);
        let others = async {
            loop {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            (frames, _) = V4.frames(body.as_bytes(), false) => assert_eq!(frames.len(), 7 * 100 * STRIDE),
            () = others => {}
        }
        assert!(turns.get() >= 99, "{turns:?}");
    }
}
