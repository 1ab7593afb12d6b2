//! A peer that may say anything: a TCP stream and a `MessagePack` library, nothing of jidda's.
// Each test file uses its own part of it.
#![allow(dead_code, unreachable_pub, missing_debug_implementations)]

use std::time::{Duration, Instant};

use jidda_runtime::{Server, Value};
use rmpv::decode::read_value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long anything may take before a test gives up. Generous: the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(60);

pub struct Peer {
    pub stream: TcpStream,
    bytes: Vec<u8>,
}

impl Peer {
    /// Connects and says nothing.
    pub async fn connect(server: &Server) -> Self {
        Self::connect_to(&address(server)).await
    }

    pub async fn connect_to(address: &str) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), bytes: Vec::new() }
    }

    pub fn over(stream: TcpStream) -> Self {
        Self { stream, bytes: Vec::new() }
    }

    /// Connects, says hello and joins a namespace.
    pub async fn joined(server: &Server, namespace: &str) -> Self {
        let mut peer = Self::connect(server).await;
        peer.hello().await;
        peer.join(1_000_001, namespace).await;
        peer
    }

    pub async fn hello(&mut self) {
        let params = Value::Map(vec![("wire".into(), 1.into())]);
        self.send(&request(1_000_000, "$/hello", vec![params])).await;
        let welcome = self.receive().await.expect("a welcome");
        assert_eq!(welcome[1], 1_000_000.into(), "{welcome}");
        assert_eq!(welcome[2], Value::Nil, "{welcome}");
    }

    pub async fn join(&mut self, id: u32, namespace: &str) {
        self.send(&request(id, "$/connect", vec![namespace.into(), Value::Nil])).await;
        let joined = self.receive().await.expect("an answer");
        assert_eq!(joined[1], id.into(), "{joined}");
        assert_eq!(joined[2], Value::Nil, "{joined}");
    }

    pub async fn send(&mut self, message: &Value) {
        self.send_bytes(&bytes(message)).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next message; `None` when the stream ended.
    pub async fn receive(&mut self) -> Option<Value> {
        loop {
            let mut rest = self.bytes.as_slice();
            if let Ok(value) = read_value(&mut rest) {
                let used = self.bytes.len() - rest.len();
                self.bytes.drain(..used);
                return Some(value);
            }
            let read = self.stream.read_buf(&mut self.bytes);
            match tokio::time::timeout(LIMIT, read).await.expect("an answer in time") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The reply to a request, skipping whatever else comes.
    pub async fn reply(&mut self, id: u32) -> Value {
        loop {
            let message = self.receive().await.expect("a reply");
            if message[0] == 1.into() && message[1] == id.into() {
                return message;
            }
        }
    }

    /// Everything until the stream ends.
    pub async fn rest(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.receive().await {
            messages.push(message);
        }
        messages
    }

    /// Asks the server for a sign of life, so that all that was sent before has been read.
    pub async fn ping(&mut self) {
        self.send(&request(999_999, "$/ping", vec![])).await;
        assert_eq!(self.reply(999_999).await, response(999_999, Value::Nil));
    }
}

pub fn address(server: &Server) -> String {
    let address = server.addresses()[0].to_string();
    address.strip_prefix("tcp://").expect("the first address is TCP").to_owned()
}

pub fn bytes(message: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, message).unwrap();
    out
}

pub fn request(id: u32, method: &str, params: Vec<Value>) -> Value {
    Value::Array(vec![0.into(), id.into(), method.into(), Value::Array(params)])
}

pub fn notification(method: &str, params: Vec<Value>) -> Value {
    Value::Array(vec![2.into(), method.into(), Value::Array(params)])
}

pub fn response(id: u32, result: impl Into<Value>) -> Value {
    Value::Array(vec![1.into(), id.into(), Value::Nil, result.into()])
}

/// The code of a failed reply.
pub fn code(message: &Value) -> &str {
    let Value::Map(error) = &message[2] else { panic!("no error in {message}") };
    error.iter().find(|(key, _)| key.as_str() == Some("code")).expect("a code").1.as_str().unwrap()
}

/// The reason of a `$/close`, or nothing if the message is another one.
pub fn closing(message: &Value) -> Option<&str> {
    if message[1] == "$/close".into() { message[2][0].as_str() } else { None }
}

/// Waits for a condition instead of for a time.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
