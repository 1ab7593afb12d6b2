//! Socket.IO over WebSocket: packets as text frames.
//!
//! Ids have as many digits as each other, so that a request can be given another one in place.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Content, Incoming, Wire,
    greeting::{Greeting, UPGRADE},
    websocket::{Frame, PAYLOAD, from_client, from_server, mask},
};

const DIGITS: usize = 7;

/// A server asks for a sign of life.
pub const PING: &str = "2";
/// A client gives it.
pub const PONG: &str = "3";

/// Calls or events, and what the server makes of them.
#[derive(Clone, Copy, Debug)]
pub struct SocketIo {
    /// `/lobby,`, or nothing for the root namespace. Without any, the server gets no greeting.
    namespace: Option<&'static str>,
    request: Packet,
    reply: Packet,
}

/// A packet as the text on either side of an id.
#[derive(Clone, Copy, Debug)]
struct Packet {
    before: &'static str,
    after: &'static str,
}

impl SocketIo {
    /// Calls: the handler returns its argument, which becomes an acknowledgement.
    pub const ACK: Self = Self {
        namespace: Some(""),
        request: Packet { before: "42", after: r#"["echo","sixteen byte txt"]"# },
        reply: Packet { before: "43", after: r#"["sixteen byte txt"]"# },
    };

    /// Events: the handler emits its argument to the socket. The id is within the 16 bytes of the argument.
    pub const ECHO: Self = Self {
        namespace: Some(""),
        request: Packet { before: r#"42["mirror","sixteen: "#, after: r#""]"# },
        reply: Packet { before: r#"42["mirror","sixteen: "#, after: r#""]"# },
    };

    /// Calls in a namespace whose `connect` handler has the socket join a room.
    pub const LOBBY: Self = Self {
        namespace: Some("/lobby,"),
        request: Packet { before: "42/lobby,", after: r#"["echo","sixteen byte txt"]"# },
        reply: Packet { before: "43/lobby,", after: r#"["sixteen byte txt"]"# },
    };

    /// The same bytes to a server that knows nothing of messages and writes them back.
    pub fn echoed(self) -> Self {
        Self { namespace: None, reply: self.request, ..self }
    }
}

impl Packet {
    /// Its id, if `text` is this packet.
    fn id(self, text: &[u8]) -> Option<u32> {
        let id = text.strip_prefix(self.before.as_bytes())?.strip_suffix(self.after.as_bytes())?;
        let digits = id.len() == DIGITS && id.iter().all(u8::is_ascii_digit);
        digits.then(|| id.iter().fold(0, |id, digit| id * 10 + u32::from(digit - b'0')))
    }
}

impl Wire for SocketIo {
    const FIRST_ID: u32 = 1_000_000;

    fn greet(self, stream: &mut TcpStream) -> Result<()> {
        let Some(namespace) = self.namespace else { return Ok(()) };
        let mut greeting = Greeting::to(namespace);
        stream.write_all(UPGRADE)?;
        let mut buffer = [0; 1024];
        while !greeting.is_over() {
            let read = stream.read(&mut buffer).context("no greeting")?;
            ensure!(read > 0, "the server closed a connection that it was to greet");
            stream.write_all(&greeting.receive(&buffer[..read])?)?;
        }
        Ok(())
    }

    fn request(self) -> Vec<u8> {
        let Packet { before, after } = self.request;
        from_client(&format!("{before}{}{after}", Self::FIRST_ID))
    }

    fn set_id(self, request: &mut [u8], mut id: u32) {
        let offset = self.request.before.len();
        let digits = &mut request[PAYLOAD + offset..][..DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(id % 10).expect("it is a digit");
            id /= 10;
        }
        assert!(id == 0, "ids have {DIGITS} digits");
        mask(digits, offset);
    }

    fn first(self, bytes: &[u8]) -> Result<Option<Incoming>> {
        let Some(frame) = Frame::first(bytes)? else { return Ok(None) };
        let text = frame.text();
        let content = match self.reply.id(text) {
            Some(id) => Content::Reply(id),
            None if text == PING.as_bytes() => Content::Ping,
            None => bail!("not the reply: {}", text.escape_ascii()),
        };
        Ok(Some(Incoming { length: frame.length, content }))
    }

    fn ping(self) -> Vec<u8> {
        from_server(PING)
    }

    fn pong(self) -> Vec<u8> {
        from_client(PONG)
    }

    fn announce(self) -> Vec<u8> {
        from_client(r#"42["announce","sixteen byte txt"]"#)
    }

    fn news(self) -> Vec<u8> {
        from_server(r#"42["news","sixteen byte txt"]"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives() {
        for wire in [SocketIo::ACK, SocketIo::ECHO, SocketIo::LOBBY].map(SocketIo::echoed) {
            let mut request = wire.request();
            wire.set_id(&mut request, 7_654_321);
            let incoming = wire.first(&request).unwrap().unwrap();
            assert_eq!(incoming, Incoming { length: request.len(), content: Content::Reply(7_654_321) });
        }
    }

    #[test]
    fn replies_and_pings_are_told_apart() {
        let content = |text| SocketIo::ACK.first(&from_server(text)).map(|it| it.unwrap().content);
        assert_eq!(content(r#"431234567["sixteen byte txt"]"#).unwrap(), Content::Reply(1_234_567));
        assert_eq!(content("2").unwrap(), Content::Ping);
        assert!(content(r#"431234567["another"]"#).is_err());
        assert!(content(r#"43["sixteen byte txt"]"#).is_err());
    }

    #[test]
    fn an_argument_has_sixteen_bytes() {
        assert!(SocketIo::ACK.request.after.contains(super::super::TEXT));
        assert_eq!("sixteen: ".len() + DIGITS, super::super::TEXT.len());
    }
}
