//! Socket.IO over WebSocket: packets as text frames.
//!
//! Ids have as many digits as each other, so that a request can be given another one in place.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    Content, Entrance, Incoming, TEXT, Wire,
    called::{Called, room},
    greeting::{Greeting, Way},
    packet::{Answer, DIGITS, Packet, id_behind},
    size::Size,
    websocket::{Frame, OPENING, from_client, from_server, mask, payload_start},
};

/// A server asks for a sign of life.
pub const PING: &str = "2";
/// A client gives it.
pub const PONG: &str = "3";

/// What an echo has in front of its id, which is within the 16 bytes of its argument.
const MIRROR: &str = r#"42["mirror","sixteen: "#;

/// Calls or events, and what the server makes of them.
#[derive(Clone, Copy, Debug)]
pub struct SocketIo {
    way: Way,
    /// What is called; nothing if events are answered by events.
    called: Option<Called>,
    size: Size,
    answer: Answer,
}

impl SocketIo {
    /// Calls: the handler returns a text, which becomes an acknowledgement.
    pub fn ack(called: Called, size: Size) -> Self {
        let answer = Packet { before: "43", between: r#"[""#, text: Some(size), after: r#""]"# };
        Self { way: Way::Namespace(""), called: Some(called), size, answer: Answer::Packet(answer) }
    }

    /// Events: the handler emits its argument to the socket.
    pub fn echo() -> Self {
        let answer = Packet { before: MIRROR, between: "", text: None, after: r#""]"# };
        Self { way: Way::Namespace(""), called: None, size: Size::Small, answer: Answer::Packet(answer) }
    }

    /// Calls in a namespace whose `connect` handler has the socket join a room.
    pub fn lobby() -> Self {
        let answer =
            Packet { before: "43/lobby,", between: r#"[""#, text: Some(Size::Small), after: r#""]"# };
        let way = Way::Namespace("/lobby,");
        Self { way, answer: Answer::Packet(answer), ..Self::ack(Called::Echo, Size::Small) }
    }

    /// The same bytes to a server that knows nothing of messages and writes them back.
    pub fn echoed(self) -> Self {
        Self { way: Way::Straight, answer: Answer::Sent(self.before()), ..self }
    }

    /// The same frames to a server that knows nothing of Socket.IO, and sends back what they say.
    pub fn upgraded(self) -> Self {
        Self { way: Way::Upgraded, answer: Answer::Sent(self.before()), ..self }
    }

    /// What a request has in front of its id.
    fn before(self) -> &'static str {
        match self {
            Self { called: None, .. } => MIRROR,
            Self { way: Way::Namespace("/lobby,"), .. } => "42/lobby,",
            Self { answer: Answer::Sent(before), .. } => before,
            Self { .. } => "42",
        }
    }
}

impl Wire for SocketIo {
    const FIRST_ID: u32 = 1_000_000;

    fn greet(self, stream: &mut TcpStream) -> Result<()> {
        let mut greeting = Greeting::by(self.way);
        stream.write_all(&greeting.hello())?;
        let mut buffer = [0; 1024];
        while !greeting.is_over() {
            let read = stream.read(&mut buffer).context("no greeting")?;
            ensure!(read > 0, "the server closed a connection that it was to greet");
            stream.write_all(&greeting.receive(&buffer[..read])?)?;
        }
        Ok(())
    }

    fn entrance(self) -> Box<dyn Entrance> {
        Box::new(Greeting::by(self.way))
    }

    fn requests(self) -> Vec<Vec<u8>> {
        let (before, id, text) = (self.before(), Self::FIRST_ID, self.size.text());
        let Some(called) = self.called else { return vec![from_client(&format!(r#"{before}{id}"]"#))] };
        let names = called.names();
        names.iter().map(|name| from_client(&format!(r#"{before}{id}["{name}","{text}"]"#))).collect()
    }

    fn set_id(self, request: &mut [u8], mut id: u32) {
        let offset = self.before().len();
        let start = payload_start(request) + offset;
        let digits = &mut request[start..start + DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(id % 10).expect("it is a digit");
            id /= 10;
        }
        assert!(id == 0, "ids have {DIGITS} digits");
        mask(digits, offset);
    }

    fn note(self) -> Vec<u8> {
        from_client(&format!(r#"42["note","{}"]"#, self.size.text()))
    }

    fn first(self, bytes: &[u8]) -> Result<Option<Incoming>> {
        let Some(frame) = Frame::first(bytes)? else { return Ok(None) };
        let content = match self.answer {
            Answer::Packet(answer) => match answer.id(frame.text()) {
                Some(id) => Content::Reply(id),
                None if frame.text() == PING.as_bytes() => Content::Ping,
                None => bail!("not the reply: {}", frame.text().escape_ascii()),
            },
            Answer::Sent(before) => match id_behind(before, frame.opening(&mut [0; OPENING])) {
                Some(id) => Content::Reply(id),
                None => Content::Note,
            },
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
        from_client(&format!(r#"42["announce","{TEXT}"]"#))
    }

    fn join(self, index: usize) -> Option<Vec<u8>> {
        let packet = format!(r#"42{}["join","{}"]"#, Self::FIRST_ID, room(index));
        matches!(self.answer, Answer::Packet(_)).then(|| from_client(&packet))
    }

    fn tell(self, index: usize) -> Vec<u8> {
        from_client(&format!(r#"42["tell","{}"]"#, room(index)))
    }

    fn news(self) -> Vec<u8> {
        from_server(&format!(r#"42["news","{TEXT}"]"#))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives() {
        let calls = [Size::Small, Size::Medium, Size::Large].map(|size| SocketIo::ack(Called::Echo, size));
        for wire in calls.into_iter().chain([SocketIo::echo(), SocketIo::lobby()]) {
            let mut request = wire.requests().swap_remove(0);
            wire.set_id(&mut request, 7_654_321);
            let incoming = wire.echoed().first(&request).unwrap().unwrap();
            assert_eq!(incoming, Incoming { length: request.len(), content: Content::Reply(7_654_321) });
        }
    }

    #[test]
    fn unmasked_frames_are_read_as_well() {
        let wire = SocketIo::ack(Called::Echo, Size::Small).upgraded();
        let content = |text| wire.first(&from_server(text)).unwrap().unwrap().content;
        assert_eq!(content(r#"421234567["echo","sixteen byte txt"]"#), Content::Reply(1_234_567));
        assert_eq!(content(r#"42["note","sixteen byte txt"]"#), Content::Note);
    }

    #[test]
    fn replies_and_pings_are_distinguished() {
        let wire = SocketIo::ack(Called::Echo, Size::Small);
        let content = |text| wire.first(&from_server(text)).map(|it| it.unwrap().content);
        assert_eq!(content(r#"431234567["sixteen byte txt"]"#).unwrap(), Content::Reply(1_234_567));
        assert_eq!(content("2").unwrap(), Content::Ping);
        assert!(content(r#"431234567["another"]"#).is_err());
        assert!(content(r#"43["sixteen byte txt"]"#).is_err());
    }

    #[test]
    fn an_argument_has_sixteen_bytes() {
        assert_eq!("sixteen: ".len() + DIGITS, TEXT.len());
    }
}
