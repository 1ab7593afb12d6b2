//! A peer that speaks only plain MessagePack-RPC, written with nothing but a `MessagePack` library.
#![allow(missing_docs)]

use std::time::Duration;

use jidda_runtime::handler::{ArgumentEntry, Arguments, Context, Dispatch, HandlerEntry, Location, Reply};
use jidda_runtime::{Encoding, Server, Value};
use rmpv::decode::read_value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HERE: Location = Location { file: file!(), line: 1, module: module_path!(), package: "test" };

fn echo(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let text: String = match arguments.reader(&["text"]).and_then(|mut reader| reader.take()) {
        Ok(text) => text,
        Err(error) => return Dispatch::refused(error),
    };
    Dispatch::future(async move { Reply::value(&text, Encoding::MessagePack) })
}

fn ask(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    Dispatch::future(async move {
        let socket = context.socket().expect("a socket");
        match socket.call::<i64>("double", &21).await {
            Ok(n) => Reply::value(&n, Encoding::MessagePack),
            Err(error) => Reply::error(error),
        }
    })
}

fn explode(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::future(async { panic!("boom") })
}

static ECHO: HandlerEntry =
    HandlerEntry::new("echo", echo, HERE).taking(&[ArgumentEntry { name: "text", type_name: "String" }]);
static ASK: HandlerEntry = HandlerEntry::new("ask", ask, HERE);
static EXPLODE: HandlerEntry = HandlerEntry::new("explode", explode, HERE);

struct Peer {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Peer {
    async fn connect(server: &Server) -> Self {
        let address = server.addresses()[0].to_string();
        let stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).await.unwrap();
        Self { stream, bytes: Vec::new() }
    }

    async fn send(&mut self, message: Value) {
        let mut out = Vec::new();
        rmpv::encode::write_value(&mut out, &message).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    async fn receive(&mut self) -> Option<Value> {
        loop {
            let mut rest = self.bytes.as_slice();
            if let Ok(value) = read_value(&mut rest) {
                self.bytes = rest.to_vec();
                return Some(value);
            }
            let read = self.stream.read_buf(&mut self.bytes);
            if tokio::time::timeout(Duration::from_secs(5), read).await.expect("an answer").unwrap() == 0 {
                return None;
            }
        }
    }
}

fn request(id: u32, method: &str, params: Vec<Value>) -> Value {
    Value::Array(vec![0.into(), id.into(), method.into(), Value::Array(params)])
}

fn response(id: u32, result: impl Into<Value>) -> Value {
    Value::Array(vec![1.into(), id.into(), Value::Nil, result.into()])
}

async fn server() -> Server {
    Server::builder().listen("127.0.0.1:0").handlers([&ECHO, &ASK, &EXPLODE]).start().await.unwrap()
}

fn code(message: &Value) -> &str {
    let Value::Map(error) = &message[2] else { panic!("no error in {message}") };
    error.iter().find(|(key, _)| key.as_str() == Some("code")).unwrap().1.as_str().unwrap()
}

#[tokio::test]
async fn it_calls_and_is_called() {
    let server = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.send(request(1, "echo", vec!["hi".into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, "hi"));
    peer.send(request(2, "ask", vec![])).await;
    let question = peer.receive().await.unwrap();
    assert_eq!(question[2], "double".into());
    assert_eq!(question[3], Value::Array(vec![21.into()]));
    let id = u32::try_from(question[1].as_u64().unwrap()).unwrap();
    peer.send(response(id, 42)).await;
    assert_eq!(peer.receive().await.unwrap(), response(2, 42));
}

#[tokio::test]
async fn every_refusal_is_a_reply() {
    let server = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.send(request(1, "nothing", vec![])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_found");
    peer.send(request(2, "echo", vec![7.into()])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "bad_arguments");
    peer.send(request(3, "explode", vec![])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "internal");
    peer.send(request(4, "/chat:post", vec![])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_connected");
    peer.send(request(5, "echo", vec!["still here".into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(5, "still here"));
}

#[tokio::test]
async fn a_refused_notification_closes_with_its_reason() {
    let server = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.send(Value::Array(vec![2.into(), "nothing".into(), Value::Array(vec![])])).await;
    let close = peer.receive().await.unwrap();
    assert_eq!(close[1], "$/close".into());
    assert!(close[2][0].as_str().unwrap().contains("not_found"), "{close}");
    assert_eq!(peer.receive().await, None);
    assert_eq!(server.refused_events(), 1);
}

#[tokio::test]
async fn shutdown_tells_the_peers_and_ends() {
    let server = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.send(request(1, "echo", vec!["hi".into()])).await;
    peer.receive().await.unwrap();
    let stopping = server.clone();
    let shutdown = tokio::spawn(async move { stopping.shutdown(Duration::from_secs(5)).await });
    let close = peer.receive().await.unwrap();
    assert_eq!(close[1], "$/close".into());
    assert_eq!(close[2][0], "server shutting down".into());
    while peer.receive().await.is_some() {}
    drop(peer);
    assert!(shutdown.await.unwrap());
}
