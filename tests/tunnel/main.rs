//! Native clients where only HTTP passes: in a WebSocket.
#![cfg(all(feature = "server", feature = "web-client"))]
#![allow(missing_docs)]

mod reverse_proxy;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jidda::State;
use jidda::client::ClientEvent;
use jidda::error::ConnectError;
use jidda::peer::Handshake;
use jidda::prelude::*;
use reverse_proxy::ReverseProxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Far longer than anything takes.
const LIMIT: Duration = Duration::from_secs(30);

/// Why sockets left, in order.
#[derive(Default)]
struct Journal(Mutex<Vec<String>>);

#[on("connect")]
async fn enter(socket: &Socket) -> jidda::Result<()> {
    Ok(socket.join("all").await?)
}

#[on("disconnect")]
async fn leave(journal: &State<Journal>, reason: DisconnectReason) {
    journal.0.lock().unwrap().push(reason.to_string());
}

/// How the caller came: medium, protocol, a header, a parameter of the query.
#[on]
async fn way(handshake: &Handshake) -> (String, String, String, String) {
    let header = handshake.headers.get("x-tenant").map(|value| value.to_str().unwrap().to_owned());
    let query = handshake.query.iter().find(|(name, _)| name == "room").map(|(_, value)| value.clone());
    (
        handshake.transport.to_string(),
        handshake.protocol.to_owned(),
        header.unwrap_or_default(),
        query.unwrap_or_default(),
    )
}

#[on]
async fn again(text: String, times: usize) -> String {
    text.repeat(times)
}

/// Asks the caller back.
#[on]
async fn ask_back(socket: &Socket, n: i64) -> jidda::Result<i64> {
    Ok(ask::call(socket, n).await?)
}

#[on(side = client)]
async fn ask(n: i64) -> i64 {
    n + 1
}

#[on]
async fn spread(server: &Server, text: String) {
    server.of("/").to("all").emit("message", &text).await.ok();
}

async fn start() -> (Server, String) {
    let server = Server::builder().state(Journal::default()).listen("127.0.0.1:0").start().await.unwrap();
    let authority = server.addresses()[0].to_string().replace("tcp://", "");
    (server, authority)
}

/// Everything that a client does over TCP.
async fn is_served(client: &Client) {
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 900_000] {
        assert_eq!(again::call(client, "x", size).await.unwrap().len(), size);
    }
    assert_eq!(ask_back::call(client, 41).await.unwrap(), 42);
    spread::emit(client, "to all").await.unwrap();
    let text: String = timeout(LIMIT, client.recv()).await.expect("in time").unwrap();
    assert_eq!(text, "to all");
    // Many at once, in order.
    let calls = (0..500).map(|number| again::call(client, number.to_string(), 1).into_future());
    let answers = futures_util::future::join_all(calls).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn a_websocket_carries_all_that_tcp_does() {
    let (server, authority) = start().await;
    let client = Client::builder(format!("ws+native://{authority}/socket.io/?room=blue"))
        .header("x-tenant", "seven")
        .connect()
        .await
        .unwrap();
    is_served(&client).await;
    let way = way::call(&client).await.unwrap();
    assert_eq!(way, ("websocket".into(), "msgpack-rpc".into(), "seven".into(), "blue".into()));
    client.disconnect().await;
    let journal = server.state::<Journal>().unwrap();
    let left = async {
        while journal.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, left).await.expect("in time");
    assert_eq!(*journal.0.lock().unwrap(), ["client namespace disconnect"]);
}

#[tokio::test]
async fn a_native_client_connects_through_an_axum_port() {
    let server = Server::builder().state(Journal::default()).build().unwrap();
    let app: axum::Router = axum::Router::new().fallback_service(server.http_service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let client = Client::connect(&format!("ws+native://{authority}")).await.unwrap();
    is_served(&client).await;
    client.disconnect().await;
    serving.abort();
}

#[tokio::test]
async fn a_native_client_connects_and_reconnects_through_a_reverse_proxy() {
    let (_server, authority) = start().await;
    let proxy = ReverseProxy::start(authority).await;
    let client = Client::connect(&format!("ws+native://{}", proxy.authority)).await.unwrap();
    is_served(&client).await;
    let mut events = client.events();
    proxy.cut();
    while !matches!(timeout(LIMIT, events.next()).await.expect("in time"), Some(ClientEvent::Reconnected)) {}
    is_served(&client).await;
}

#[tokio::test]
async fn the_address_that_worked_is_tried_first_again() {
    let (_server, authority) = start().await;
    let proxy = ReverseProxy::start(authority).await;
    // Somebody who hangs up at once.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = closed.local_addr().unwrap();
    let knocks = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&knocks);
    tokio::spawn(async move {
        while closed.accept().await.is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let client = Client::builder(format!("ws+native://{first}"))
        .fallback_address(format!("ws+native://{}", proxy.authority))
        .connect()
        .await
        .unwrap();
    assert_eq!(knocks.load(Ordering::Relaxed), 1);
    let mut events = client.events();
    proxy.cut();
    while !matches!(timeout(LIMIT, events.next()).await.expect("in time"), Some(ClientEvent::Reconnected)) {}
    assert_eq!(knocks.load(Ordering::Relaxed), 1, "the other address is not asked");
    is_served(&client).await;
}

#[tokio::test]
async fn addresses_of_two_protocols_are_no_client() {
    let client = Client::builder("tcp://127.0.0.1:1").fallback_address("http://127.0.0.1:1");
    let error = client.connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Invalid(_)), "{error:?}");
    assert!(error.to_string().contains("all addresses of a client are those of Socket.IO"), "{error}");
}

#[tokio::test]
async fn a_server_without_the_native_protocol_is_recognized() {
    // A server of WebSockets that agrees to none of the subprotocols.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(async || "a page");
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let error = Client::connect(&format!("ws+native://{authority}")).await.unwrap_err();
    let ConnectError::Web { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("begins with `a page`"), "{source}");
    serving.abort();
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let (_server, authority) = start().await;
    let mut stream = TcpStream::connect(&authority).await.unwrap();
    let request = format!(
        "GET /socket.io/ HTTP/1.1\r\nHost: {authority}\r\nOrigin: https://evil.example\r\nCookie: session=1\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: jidda.native.1\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(LIMIT, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
}
