//! A server that says what a test wants, however wrong that is.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::wire::websocket::{self, opcode};

/// A server by hand. It ends when it is dropped.
pub(super) struct HandServer {
    pub(super) authority: String,
    /// The heads of the requests.
    heads: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl HandServer {
    /// Runs `serve` for each connection.
    pub(super) async fn start<F>(serve: impl Fn(Hand) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let heads = Arc::default();
        let all = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(Hand { stream, read: Vec::new(), heads: Arc::clone(&all) }));
            }
        });
        Self { authority, heads, _task: AbortOnDropHandle::new(task) }
    }

    /// Answers every request with these bytes, and closes the connection.
    pub(super) async fn answering(answer: impl AsRef<[u8]> + Clone + Send + Sync + 'static) -> Self {
        Self::start(move |mut hand| {
            let answer = answer.clone();
            async move {
                hand.head().await;
                hand.write(answer).await;
            }
        })
        .await
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// One connection of it.
pub(super) struct Hand {
    pub(super) stream: TcpStream,
    read: Vec<u8>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Hand {
    /// The head of the next request, without the empty line; empty at the end of the connection.
    pub(super) async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
                let head = head.trim_end().to_owned();
                self.heads.lock().unwrap().push(head.clone());
                return head;
            }
            if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                return String::new();
            }
        }
    }

    /// So many bytes behind the head.
    pub(super) async fn body(&mut self, head: &str) -> Vec<u8> {
        let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.stream.read_buf(&mut self.read).await.unwrap() > 0, "the body ends too soon");
        }
        self.read.drain(..length).collect()
    }

    /// Writes as long as the other side reads.
    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Answers the request for a WebSocket whose head was read.
    pub(super) async fn accept(&mut self, head: &str) {
        use base64::Engine as _;
        use sha1::{Digest, Sha1};

        let key = header(head, "sec-websocket-key").expect("a key");
        let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        let accept = base64::engine::general_purpose::STANDARD.encode(hash);
        self.write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        ))
        .await;
    }

    /// Writes a text as a server does.
    pub(super) async fn text(&mut self, text: &str) {
        self.frame(opcode::TEXT, text.as_bytes()).await;
    }

    /// Writes a frame as a server does.
    pub(super) async fn frame(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = Vec::new();
        websocket::frame(&mut frame, opcode, |out| out.extend_from_slice(payload));
        self.write(frame).await;
    }

    /// Answers a request as servers of Engine.IO do.
    pub(super) async fn respond(&mut self, status: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.write([head.as_bytes(), body].concat()).await;
    }

    /// Waits until the other side hangs up.
    pub(super) async fn hung_up(&mut self) {
        while self.stream.read_buf(&mut self.read).await.unwrap_or(0) > 0 {}
    }
}

/// The value of a header.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
