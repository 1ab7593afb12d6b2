//! A Socket.IO client of a few lines, that says and hears packets as they are: what real clients hide is tested.

use std::collections::VecDeque;

use jidda::Server;
use jidda::peer::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came in one WebSocket message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    Text(String),
    Bytes(Vec<u8>),
    /// The close frame's code.
    Close(u16),
    /// The end of the stream without one.
    End,
}

/// A frame as clients send it, with whatever first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => out.push(0x80 | length.to_le_bytes()[0]),
        Ok(length) => {
            out.push(0xfe);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            out.push(0xff);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// One WebSocket to a server.
pub(crate) struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
    heard: VecDeque<Heard>,
}

/// The port of the server's first address.
pub(crate) fn authority(server: &Server) -> String {
    match &server.addresses()[0] {
        Address::Tcp(authority) => authority.clone(),
        other => panic!("{other}"),
    }
}

impl Peer {
    /// Opens a WebSocket and hears the opening.
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_at(server, "/socket.io/?EIO=4&transport=websocket").await
    }

    pub(crate) async fn open_at(server: &Server, target: &str) -> Self {
        let mut peer = Self::upgrade(server, target).await;
        let opening = peer.text().await;
        assert!(opening.starts_with("0{\"sid\":\""), "{opening}");
        peer
    }

    /// Opens a WebSocket.
    pub(crate) async fn upgrade(server: &Server, target: &str) -> Self {
        Self::upgrade_on(TcpStream::connect(authority(server)).await.expect("the server listens"), target)
            .await
    }

    /// Makes a WebSocket of a connection.
    pub(crate) async fn upgrade_on(mut stream: TcpStream, target: &str) -> Self {
        stream.set_nodelay(true).expect("a TCP stream");
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut read = Vec::new();
        let end = loop {
            if let Some(place) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break place + 4;
            }
            assert!(
                stream.read_buf(&mut read).await.expect("read") > 0,
                "{}",
                String::from_utf8_lossy(&read)
            );
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Self { stream, read: read.split_off(end), heard: VecDeque::new() }
    }

    /// Opens a WebSocket and joins the root namespace; gives the socket's id, too.
    pub(crate) async fn join(server: &Server) -> (Self, String) {
        let mut peer = Self::open(server).await;
        let id = peer.enter("/", "").await;
        (peer, id)
    }

    /// Joins a namespace with an auth value.
    pub(crate) async fn enter(&mut self, namespace: &str, auth: &str) -> String {
        let prefix = if namespace == "/" { String::new() } else { format!("{namespace},") };
        self.say(&format!("40{prefix}{auth}")).await;
        let granted = self.text().await;
        let id = granted
            .strip_prefix(&format!("40{prefix}{{\"sid\":\""))
            .and_then(|rest| rest.strip_suffix("\"}"));
        id.unwrap_or_else(|| panic!("{granted}")).to_owned()
    }

    /// The same in version 3, whose answer has no id.
    pub(crate) async fn enter_version_3(&mut self, namespace: &str) {
        self.say(&format!("40{namespace},")).await;
        assert_eq!(self.text().await, format!("40{namespace},"));
    }

    async fn frame(&mut self, opcode: u8, payload: &[u8]) {
        self.send(&frame(0x80 | opcode, payload)).await.expect("sent");
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.frame(1, text.as_bytes()).await;
    }

    pub(crate) async fn say_bytes(&mut self, bytes: &[u8]) {
        self.frame(2, bytes).await;
    }

    /// The next message; signs of life are left out.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            self.take_frames();
            if let Some(heard) = self.heard.pop_front() {
                if heard != Heard::Text("2".into()) {
                    return heard;
                }
                self.say("3").await;
                continue;
            }
            let limit = std::time::Duration::from_secs(10);
            let read = tokio::time::timeout(limit, self.stream.read_buf(&mut self.read));
            if !read.await.expect("the server says something").is_ok_and(|length| length > 0) {
                return Heard::End;
            }
        }
    }

    fn take_frames(&mut self) {
        while let [first, second, rest @ ..] = &self.read[..] {
            let (length, head) = match (second & 0x7f, rest) {
                (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 4),
                (127, rest) if rest.len() >= 8 => {
                    let length = u64::from_be_bytes(rest[..8].try_into().expect("eight"));
                    (usize::try_from(length).expect("it fits"), 10)
                }
                (126 | 127, _) => return,
                (length, _) => (usize::from(length), 2),
            };
            if self.read.len() < head + length {
                return;
            }
            let payload = self.read[head..head + length].to_vec();
            let said = match first & 0x0f {
                1 => Heard::Text(String::from_utf8(payload).expect("text is UTF-8")),
                2 => Heard::Bytes(payload),
                8 => Heard::Close(u16::from_be_bytes(payload[..2].try_into().expect("a code"))),
                10 => Heard::Text(format!("pong {}", String::from_utf8_lossy(&payload))),
                other => panic!("opcode {other}"),
            };
            self.read.drain(..head + length);
            self.heard.push_back(said);
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.hear().await {
            Heard::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    /// Says an event and hears its acknowledgement: what came before it must be the acknowledgement.
    pub(crate) async fn ask(&mut self, event: &str) -> String {
        self.say(&format!("42999{event}")).await;
        let answer = self.text().await;
        answer.strip_prefix("43999").unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The same, when others may say something to all meanwhile.
    pub(crate) async fn ask_amid_others(&mut self, event: &str) -> String {
        self.say(&format!("42999{event}")).await;
        loop {
            let text = self.text().await;
            match text.strip_prefix("43999") {
                Some(answer) => return answer.to_owned(),
                None => assert!(text.starts_with("42["), "{text}"),
            }
        }
    }

    /// All that is heard up to the answer of an event that only answers: what did not come did not come.
    pub(crate) async fn until_now(&mut self) -> Vec<String> {
        self.say("42998[\"now\"]").await;
        let mut texts = Vec::new();
        loop {
            match self.hear().await {
                Heard::Text(text) if text.starts_with("43998") => return texts,
                Heard::Text(text) => texts.push(text),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a close frame.
    pub(crate) async fn close(&mut self) {
        self.frame(8, &1000u16.to_be_bytes()).await;
    }

    /// Ends the connection without a word.
    pub(crate) fn vanish(self) {
        drop(self.stream);
    }
}

/// One request on a connection of its own: the status, the head and the body of its response.
pub(crate) async fn request(
    server: &Server,
    method: &str,
    target: &str,
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(authority(server)).await.expect("the server listens");
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("sent");
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.expect("read");
    let end = read.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head, read.split_off(end))
}

/// A session that polls.
pub(crate) struct Poller<'a> {
    server: &'a Server,
    target: String,
    pub(crate) session: String,
}

impl<'a> Poller<'a> {
    /// Begins a session; gives what came with the opening, too.
    pub(crate) async fn open(server: &'a Server, query: &str) -> (Self, String) {
        let target = format!("/socket.io/?transport=polling&{query}");
        let (status, _, body) = request(server, "GET", &target, &[]).await;
        let body = String::from_utf8(body).expect("text");
        assert_eq!(status, 200, "{body}");
        let session = body.split("\"sid\":\"").nth(1).expect("an opening")[..20].to_owned();
        let target = format!("{target}&sid={session}");
        (Self { server, target, session }, body)
    }

    pub(crate) async fn say(&self, payload: &str) {
        let (status, _, body) = request(self.server, "POST", &self.target, payload.as_bytes()).await;
        assert_eq!((status, &*body), (200, &b"ok"[..]));
    }

    pub(crate) async fn poll(&self) -> String {
        let (status, _, body) = request(self.server, "GET", &self.target, &[]).await;
        assert_eq!(status, 200);
        String::from_utf8(body).expect("text")
    }
}
