//! HTTP as it is on the wire: what a client library would smooth over is what is tested.
// Each test file uses its own part of it.
#![allow(dead_code, unreachable_pub, missing_debug_implementations)]

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything may take before a test gives up. Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);

/// One connection, used for one request after the other.
pub struct Http {
    pub stream: TcpStream,
    read: Vec<u8>,
    /// The next answer has no body, whatever it says.
    is_head: bool,
}

/// What a request was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| &**value)
    }

    /// All headers that begin so, in order.
    pub fn headers(&self, start: &str) -> Vec<String> {
        let found = self.headers.iter().filter(|(name, _)| name.starts_with(start));
        let mut found: Vec<_> = found.map(|(name, value)| format!("{name}: {value}")).collect();
        found.sort();
        found
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// The status and the text, to compare both at once.
    pub fn is(&self) -> (u16, &str) {
        (self.status, self.text())
    }
}

impl Http {
    pub async fn connect(authority: &str) -> Self {
        let stream = TcpStream::connect(authority).await.expect("the server listens");
        stream.set_nodelay(true).expect("a TCP stream");
        Self { stream, read: Vec::new(), is_head: false }
    }

    pub fn over(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new(), is_head: false }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("sent");
    }

    /// Sends a request's head and body; the body's length is added.
    pub async fn ask(&mut self, method: &str, target: &str, headers: &[&str], body: impl AsRef<[u8]>) {
        self.is_head = method == "HEAD";
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n");
        let body = body.as_ref();
        let length = (method != "GET").then(|| format!("content-length: {}", body.len()));
        for header in headers.iter().copied().chain(length.as_deref()) {
            head += header;
            head += "\r\n";
        }
        self.send([head.as_bytes(), b"\r\n", body].concat()).await;
    }

    /// What comes next; `false` at the end.
    async fn more(&mut self) -> bool {
        let read = timeout(LIMIT, self.stream.read_buf(&mut self.read)).await.expect("an answer in time");
        match read {
            Ok(count) => count > 0,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// The next answer; `None` when the connection ends instead.
    pub async fn answer(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(place) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break place + 4;
            }
            if !self.more().await {
                assert!(self.read.is_empty(), "{}", String::from_utf8_lossy(&self.read));
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).expect("a head is ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").filter(|_| !self.is_head);
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more().await, "the body is cut off");
        }
        answer.body = self.read.drain(..length).collect();
        Some(answer)
    }

    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.ask(method, target, headers, body).await;
        self.answer().await.expect("an answer")
    }

    pub async fn get(&mut self, target: &str) -> Answer {
        self.request("GET", target, &[], "").await
    }

    pub async fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", target, &[], body).await
    }

    /// Waits for the end of the connection, and gives what came before it.
    pub async fn rest(mut self) -> Vec<u8> {
        while self.more().await {}
        self.read
    }

    /// Asks for a WebSocket.
    pub async fn ask_for_websocket(&mut self, target: &str) -> Answer {
        self.request("GET", target, WEBSOCKET, "").await
    }

    /// Opens a WebSocket.
    pub async fn websocket(mut self, target: &str) -> Ws {
        let answer = self.ask_for_websocket(target).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        Ws { http: self }
    }
}

pub const WEBSOCKET: &[&str] = &[
    "connection: keep-alive, Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-extensions: permessage-deflate",
];

/// A WebSocket.
pub struct Ws {
    pub http: Http,
}

/// A frame as clients send it.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let key = [1, 2, 3, 4];
    let mut out = vec![0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap()];
    out.extend_from_slice(&key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

impl Ws {
    pub async fn say(&mut self, text: &str) {
        self.http.send(frame(1, text.as_bytes())).await;
    }

    /// The opcode and the payload of the next frame; `None` at the end.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let read = &self.http.read;
            if let [first, second, ..] = read[..] {
                let (size, length) = match second {
                    126 if read.len() >= 4 => (4, usize::from(u16::from_be_bytes([read[2], read[3]]))),
                    127 if read.len() >= 10 => {
                        (10, usize::try_from(u64::from_be_bytes(read[2..10].try_into().unwrap())).unwrap())
                    }
                    126 | 127 => (usize::MAX / 2, 0),
                    length => (2, usize::from(length)),
                };
                if read.len() >= size + length {
                    let payload = read[size..size + length].to_vec();
                    self.http.read.drain(..size + length);
                    return Some((first & 0x0f, payload));
                }
            }
            if !self.http.more().await {
                return None;
            }
        }
    }

    /// The next text.
    pub async fn text(&mut self) -> String {
        let frame = self.frame().await.expect("a frame");
        assert_eq!(frame.0, 1, "{frame:?}");
        String::from_utf8(frame.1).unwrap()
    }

    /// The code of the close frame that comes next.
    pub async fn close_code(&mut self) -> u16 {
        let frame = self.frame().await.expect("a frame");
        assert_eq!(frame.0, 8, "{frame:?}");
        u16::from_be_bytes([frame.1[0], frame.1[1]])
    }
}
