//! How a client gets in over WebSocket: one request of HTTP, then, with Socket.IO, a packet each way.

use anyhow::{Result, bail, ensure};

use super::{
    Entrance,
    socketio::{PING, PONG},
    websocket::{Frame, close, from_client},
};

/// What a client writes first. The key and the proof that follows from it are those of the WebSocket specification.
const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: localhost\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const PROOF: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// How far a client goes before it sends its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It sends it at once.
    Straight,
    /// To a WebSocket.
    Upgraded,
    /// Into a namespace of Socket.IO: `/lobby,`, or nothing for the root namespace.
    Namespace(&'static str),
}

/// A client on its way in, without its socket.
#[derive(Debug)]
pub struct Greeting {
    way: Way,
    stage: Stage,
    inbox: Vec<u8>,
}

/// What comes next from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The answer to [`UPGRADE`].
    Upgrading,
    /// `0{"sid":..}`
    Opening,
    /// `40{"sid":..}`
    Joining,
    /// Nothing more: the client is in.
    In,
}

impl Greeting {
    /// A client that has just connected.
    pub fn by(way: Way) -> Self {
        let stage = if way == Way::Straight { Stage::In } else { Stage::Upgrading };
        Self { way, stage, inbox: Vec::new() }
    }
}

impl Entrance for Greeting {
    fn hello(&self) -> Vec<u8> {
        if self.way == Way::Straight { Vec::new() } else { UPGRADE.to_vec() }
    }

    fn is_over(&self) -> bool {
        self.stage == Stage::In && self.inbox.is_empty()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.inbox.extend_from_slice(bytes);
        if self.stage == Stage::Upgrading {
            let Some(end) = self.inbox.windows(4).position(|four| four == b"\r\n\r\n") else {
                return Ok(Vec::new());
            };
            let answer: Vec<u8> = self.inbox.drain(..end + 4).collect();
            let upgraded = answer.starts_with(b"HTTP/1.1 101") && answer.windows(28).any(|it| it == PROOF);
            ensure!(upgraded, "no WebSocket: {}", answer.escape_ascii());
            self.stage = if self.way == Way::Upgraded { Stage::In } else { Stage::Opening };
        }
        let mut outbox = Vec::new();
        while let Some(frame) = Frame::first(&self.inbox)? {
            ensure!(!frame.is_masked(), "a frame with a mask from a server");
            let text = frame.text();
            match (self.stage, self.way) {
                // Some servers ask for a sign of life as soon as there is a session.
                _ if text == PING.as_bytes() => outbox.extend(from_client(PONG)),
                (Stage::Opening, Way::Namespace(namespace)) if text.starts_with(b"0{") => {
                    outbox.extend(from_client(&format!("40{namespace}")));
                    self.stage = Stage::Joining;
                }
                (Stage::Joining, Way::Namespace(namespace))
                    if text.starts_with(format!("40{namespace}{{").as_bytes()) =>
                {
                    self.stage = Stage::In;
                }
                _ => bail!("not the greeting: {}", text.escape_ascii()),
            }
            let length = frame.length;
            self.inbox.drain(..length);
        }
        Ok(outbox)
    }

    /// What `socket.disconnect()` sends: the packet, then the transport's own goodbye.
    fn goodbye(&self) -> Option<Vec<u8>> {
        match self.way {
            Way::Straight => None,
            Way::Upgraded => Some(close()),
            Way::Namespace(_) => Some([from_client("41"), close()].concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::websocket::from_server, *};

    const ANSWER: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    #[test]
    fn a_client_gets_in() {
        let mut greeting = Greeting::by(Way::Namespace("/lobby,"));
        assert_eq!(greeting.hello(), UPGRADE);
        assert_eq!(greeting.receive(&ANSWER[..20]).unwrap(), b"");
        assert_eq!(greeting.receive(&ANSWER[20..]).unwrap(), b"");
        assert_eq!(greeting.receive(&from_server(r#"0{"sid":"a"}"#)).unwrap(), from_client("40/lobby,"));
        assert_eq!(greeting.receive(&from_server("2")).unwrap(), from_client("3"));
        assert!(!greeting.is_over());
        assert_eq!(greeting.receive(&from_server(r#"40/lobby,{"sid":"b"}"#)).unwrap(), b"");
        assert!(greeting.is_over());
    }

    #[test]
    fn a_plain_websocket_is_ready_after_the_upgrade() {
        let mut greeting = Greeting::by(Way::Upgraded);
        assert_eq!(greeting.receive(ANSWER).unwrap(), b"");
        assert!(greeting.is_over());
        assert!(Greeting::by(Way::Straight).is_over());
    }

    #[test]
    fn a_refusal_is_an_error() {
        let mut greeting = Greeting::by(Way::Namespace(""));
        assert!(greeting.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n").is_err());
        let mut greeting = Greeting::by(Way::Namespace(""));
        greeting.receive(&[ANSWER, &from_server("0{}")].concat()).unwrap();
        assert!(greeting.receive(&from_server(r#"44{"message":"no"}"#)).is_err());
    }
}
