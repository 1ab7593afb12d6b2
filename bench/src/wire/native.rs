//! The native wire: frames of MessagePack-RPC.
//!
//! Every frame of a kind has the same size, so that a stream of them can be cut without being parsed.

use std::net::TcpStream;

use anyhow::{Result, ensure};
use rmp::encode::{write_array_len, write_map_len, write_nil, write_sint, write_str, write_u32};

use super::{
    Content, Entrance, Incoming, TEXT, Wire,
    acquaintance::{Acquaintance, Step},
    called::{Called, room},
    size::Size,
};

/// Where the id starts in a request as in a reply: after the array's marker, the kind and the id's own marker.
const ID: usize = 3;
const ID_MARKER: u8 = 0xce;
/// The marker of the array that a request or a reply is; a notification is a shorter one.
const CALL: u8 = 0x94;

/// Calls and events.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    called: Called,
    size: Size,
    answered: bool,
    reply_length: usize,
    note_length: usize,
}

impl Native {
    /// The server replies with `[1, id, nil, text]`.
    pub fn answered(called: Called, size: Size) -> Self {
        let (reply, note) = (reply(size.text()), notification("note", size.text()));
        Self { called, size, answered: true, reply_length: reply.len(), note_length: note.len() }
    }

    /// The server knows nothing of messages and writes what comes back.
    pub fn echoed(called: Called, size: Size) -> Self {
        let wire = Self::answered(called, size);
        Self { answered: false, reply_length: wire.requests()[0].len(), ..wire }
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

    fn entrance(self) -> Box<dyn Entrance> {
        let call = self.requests().swap_remove(0);
        if !self.answered {
            return Box::new(Acquaintance::by(vec![Step { say: call.clone(), answer: call }]));
        }
        let (second, last) = (Self::FIRST_ID + 1, Self::FIRST_ID + 2);
        let [mut join, mut call] = [connect(), call];
        self.set_id(&mut join, second);
        self.set_id(&mut call, last);
        let mut reply = reply(self.size.text());
        self.set_id(&mut reply, last);
        Box::new(Acquaintance::by(vec![
            Step { say: hello(), answer: reply_start() },
            // The call waits for the namespace by itself.
            Step { say: [join, call].concat(), answer: reply },
        ]))
    }

    fn requests(self) -> Vec<Vec<u8>> {
        self.called.names().iter().map(|name| request(name, self.size.text())).collect()
    }

    fn set_id(self, request: &mut [u8], id: u32) {
        request[ID..ID + 4].copy_from_slice(&id.to_be_bytes());
    }

    /// `[2, "note", [text]]`
    fn note(self) -> Vec<u8> {
        notification("note", self.size.text())
    }

    /// A reply has to be an array of four that ends in the text. An echoed request is one.
    fn first(self, bytes: &[u8]) -> Result<Option<Incoming>> {
        if !self.answered && bytes.first().is_some_and(|&marker| marker != CALL) {
            let note = Incoming { length: self.note_length, content: Content::Note };
            return Ok((bytes.len() >= self.note_length).then_some(note));
        }
        let Some(reply) = bytes.get(..self.reply_length) else { return Ok(None) };
        let text = self.size.text().as_bytes();
        let answers = reply.starts_with(&[CALL]) && reply[ID - 1] == ID_MARKER && reply.ends_with(text);
        ensure!(answers, "not a reply to the call: {}", reply.escape_ascii());
        let id = u32::from_be_bytes(reply[ID..ID + 4].try_into()?);
        Ok(Some(Incoming { length: self.reply_length, content: Content::Reply(id) }))
    }

    /// `[2, "announce", [TEXT]]`
    fn announce(self) -> Vec<u8> {
        notification("announce", TEXT)
    }

    /// `[0, id, "join", [room]]`
    fn join(self, index: usize) -> Option<Vec<u8>> {
        self.answered.then(|| request("join", &room(index)))
    }

    /// `[2, "tell", [room]]`
    fn tell(self, index: usize) -> Vec<u8> {
        notification("tell", &room(index))
    }

    /// `[2, "news", [TEXT]]`
    fn news(self) -> Vec<u8> {
        notification("news", TEXT)
    }
}

/// `[0, id, name, [text]]`
fn request(name: &str, text: &str) -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 4)?;
        write_sint(frame, 0)?;
        write_u32(frame, Native::FIRST_ID)?;
        write_str(frame, name)?;
        write_array_len(frame, 1)?;
        write_str(frame, text)
    })
}

/// `[0, id, "$/hello", [{"wire": 1}]]`
fn hello() -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 4)?;
        write_sint(frame, 0)?;
        write_u32(frame, Native::FIRST_ID)?;
        write_str(frame, "$/hello")?;
        write_array_len(frame, 1)?;
        write_map_len(frame, 1)?;
        write_str(frame, "wire")?;
        write_sint(frame, 1)?;
        Ok(())
    })
}

/// `[0, id, "$/connect", ["/"]]`
fn connect() -> Vec<u8> {
    request("$/connect", "/")
}

/// `[1, id, nil`: how the reply to a call that went well starts.
fn reply_start() -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 4)?;
        write_sint(frame, 1)?;
        write_u32(frame, Native::FIRST_ID)?;
        write_nil(frame).map_err(rmp::encode::ValueWriteError::InvalidMarkerWrite)
    })
}

/// `[1, id, nil, text]`
fn reply(text: &str) -> Vec<u8> {
    [reply_start(), encode(|frame| write_str(frame, text))].concat()
}

fn notification(event: &str, text: &str) -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 3)?;
        write_sint(frame, 2)?;
        write_str(frame, event)?;
        write_array_len(frame, 1)?;
        write_str(frame, text)
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

    fn echoed() -> Native {
        Native::echoed(Called::Echo, Size::Small)
    }

    #[test]
    fn frames_are_what_the_specification_says() {
        assert_eq!(echoed().requests(), [b"\x94\0\xce\0\x01\0\0\xa4echo\x91\xb0sixteen byte txt"]);
        assert_eq!(echoed().news(), b"\x93\x02\xa4news\x91\xb0sixteen byte txt");
        assert_eq!(hello(), b"\x94\0\xce\0\x01\0\0\xa7$/hello\x91\x81\xa4wire\x01");
    }

    #[test]
    fn an_id_survives() {
        let wire = echoed();
        let mut frame = wire.requests().swap_remove(0);
        wire.set_id(&mut frame, u32::MAX);
        assert_eq!(wire.first(&frame[..9]).unwrap(), None);
        assert_eq!(wire.first(&frame).unwrap().unwrap().content, Content::Reply(u32::MAX));
        frame[2] = 0;
        assert!(wire.first(&frame).is_err());
    }

    #[test]
    fn a_reply_is_as_long_as_its_text_asks_for() {
        for size in [Size::Small, Size::Medium, Size::Large] {
            let reply = reply(size.text());
            let incoming = Native::answered(Called::Echo, size).first(&reply).unwrap().unwrap();
            assert_eq!(incoming, Incoming { length: reply.len(), content: Content::Reply(Native::FIRST_ID) });
        }
        assert_eq!(reply(TEXT), b"\x94\x01\xce\0\x01\0\0\xc0\xb0sixteen byte txt");
    }

    #[test]
    fn a_client_that_is_greeted_joins_and_calls() {
        let mut client = Native::answered(Called::Echo, Size::Small).entrance();
        let said = client.receive(b"\x94\x01\xce\0\x01\0\0\xc0\x81\xa4wire\x01").unwrap();
        let join = b"\x94\0\xce\0\x01\0\x01\xa9$/connect\x91\xa1/";
        assert_eq!(said, [&join[..], b"\x94\0\xce\0\x01\0\x02\xa4echo\x91\xb0sixteen byte txt"].concat());
        client.receive(b"\x94\x01\xce\0\x01\0\x01\xc0\x81\xa2id\xa1a").unwrap();
        assert!(!client.is_over());
        client.receive(b"\x94\x01\xce\0\x01\0\x02\xc0\xb0sixteen byte txt").unwrap();
        assert!(client.is_over());
    }

    #[test]
    fn notifications_are_distinguished_from_calls() {
        let note = echoed().note();
        let incoming = echoed().first(&[&*note, b"\x94"].concat()).unwrap().unwrap();
        assert_eq!(incoming, Incoming { length: note.len(), content: Content::Note });
        assert!(Native::answered(Called::Echo, Size::Small).first(&note).is_err());
    }
}
