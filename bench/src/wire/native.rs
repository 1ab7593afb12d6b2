//! The native wire: frames of MessagePack-RPC.
//!
//! Every frame of a kind has the same size, so that a stream of them can be cut without being parsed.

use std::net::TcpStream;

use anyhow::{Result, ensure};
use rmp::encode::{write_array_len, write_sint, write_str, write_u32};

use super::{Content, Incoming, TEXT, Wire};

/// Where the id starts in a request as in a reply: after the array's marker, the kind and the id's own marker.
const ID: usize = 3;
const ID_MARKER: u8 = 0xce;

/// Calls of `echo`, and events for a broadcast.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    reply_length: usize,
}

impl Native {
    /// The server replies with `[1, id, nil, TEXT]`.
    pub fn answered() -> Self {
        // The request has an array of arguments and a name of four bytes, and a marker for each; the reply has
        // a nil.
        Self { reply_length: request(Self::FIRST_ID).len() - 5 }
    }

    /// The server knows nothing of messages and writes the request back.
    pub fn echoed() -> Self {
        Self { reply_length: request(Self::FIRST_ID).len() }
    }
}

impl Wire for Native {
    /// The shortest form of an id is from here on as long as the fixed one that requests use, so a server that
    /// writes the shortest form answers in frames of one size.
    const FIRST_ID: u32 = 1 << 16;

    /// A first message is greeting enough.
    fn greet(self, _: &mut TcpStream) -> Result<()> {
        Ok(())
    }

    fn request(self) -> Vec<u8> {
        request(Self::FIRST_ID)
    }

    fn set_id(self, request: &mut [u8], id: u32) {
        request[ID..ID + 4].copy_from_slice(&id.to_be_bytes());
    }

    /// A reply has to be an array of four that ends in [`TEXT`]. An echoed request is one.
    fn first(self, bytes: &[u8]) -> Result<Option<Incoming>> {
        let Some(reply) = bytes.get(..self.reply_length) else { return Ok(None) };
        let answers =
            reply.starts_with(&[0x94]) && reply[ID - 1] == ID_MARKER && reply.ends_with(TEXT.as_bytes());
        ensure!(answers, "not a reply to the call: {}", reply.escape_ascii());
        let id = u32::from_be_bytes(reply[ID..ID + 4].try_into()?);
        Ok(Some(Incoming { length: self.reply_length, content: Content::Reply(id) }))
    }

    /// `[2, "announce", [TEXT]]`
    fn announce(self) -> Vec<u8> {
        notification("announce")
    }

    /// `[2, "news", [TEXT]]`
    fn news(self) -> Vec<u8> {
        notification("news")
    }
}

/// `[0, id, "echo", [TEXT]]`
fn request(id: u32) -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 4)?;
        write_sint(frame, 0)?;
        write_u32(frame, id)?;
        write_str(frame, "echo")?;
        write_array_len(frame, 1)?;
        write_str(frame, TEXT)
    })
}

fn notification(event: &str) -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 3)?;
        write_sint(frame, 2)?;
        write_str(frame, event)?;
        write_array_len(frame, 1)?;
        write_str(frame, TEXT)
    })
}

type Encoded<T> = std::result::Result<T, rmp::encode::ValueWriteError>;

fn encode(write: impl FnOnce(&mut Vec<u8>) -> Encoded<()>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(64);
    write(&mut frame).expect("a vector takes any bytes");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_the_specification_says() {
        assert_eq!(Native::echoed().request(), b"\x94\0\xce\0\x01\0\0\xa4echo\x91\xb0sixteen byte txt");
        assert_eq!(Native::echoed().news(), b"\x93\x02\xa4news\x91\xb0sixteen byte txt");
    }

    #[test]
    fn an_id_survives() {
        let wire = Native::echoed();
        let mut frame = wire.request();
        wire.set_id(&mut frame, u32::MAX);
        assert_eq!(wire.first(&frame[1..]).unwrap(), None);
        assert_eq!(wire.first(&frame).unwrap().unwrap().content, Content::Reply(u32::MAX));
        assert!(wire.first(&[b"\x93\x02", &*frame].concat()).is_err());
    }

    #[test]
    fn a_reply_is_shorter_than_its_request() {
        let reply = b"\x94\x01\xce\0\x01\0\0\xc0\xb0sixteen byte txt";
        let incoming = Native::answered().first(reply).unwrap().unwrap();
        assert_eq!(incoming, Incoming { length: reply.len(), content: Content::Reply(Native::FIRST_ID) });
    }
}
