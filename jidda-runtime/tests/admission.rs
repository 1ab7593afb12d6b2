//! How many connections there may be: who is refused, how that is said, and who makes room.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::net::SocketAddr;

use handlers::{CONNECT, ECHO};
use http::{Answer, Http};
use jidda_runtime::{Resource, Server, ServerBuilder};
use peer::{LIMIT, Peer, closing, eventually, request, response};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const WEBSOCKET: &str = "/engine.io/?EIO=4&transport=websocket";
const POLL: &str = "/engine.io/?EIO=4&transport=polling";

async fn server(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    let (builder, _, _) = handlers::builder([&CONNECT, &ECHO]);
    change(builder.resource(Resource::raw("/engine.io"))).start().await.unwrap()
}

/// Connects from one of this machine's many addresses.
async fn from(host: u8, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
    let address: SocketAddr = peer::address(server).parse().unwrap();
    socket.connect(address).await.unwrap()
}

async fn is_served(peer: &mut Peer) {
    peer.send(&request(1, "echo", vec![7.into()])).await;
    assert_eq!(peer.reply(1).await, response(1, 7));
}

/// Speaks first, as every peer does, and hears that there is no place.
async fn is_refused(mut peer: Peer) {
    peer.send(&request(1, "echo", vec![7.into()])).await;
    let heard = peer.rest().await;
    assert_eq!(heard.iter().filter_map(closing).collect::<Vec<_>>(), ["too many connections"], "{heard:?}");
}

fn is_full(answer: &Answer) -> bool {
    answer.status == 503 && answer.header("retry-after") == Some("5") && answer.text().contains("too many")
}

async fn http(server: &Server) -> Http {
    Http::connect(&peer::address(server)).await
}

#[tokio::test]
async fn past_the_limit_each_wire_says_so_and_a_place_is_free_again_when_one_leaves() {
    let server = server(|builder| builder.max_connections(3)).await;
    let mut native = Peer::connect(&server).await;
    is_served(&mut native).await;
    let mut browser = http(&server).await.websocket(WEBSOCKET).await;
    browser.text().await;
    let mut page = http(&server).await;
    assert_eq!(page.get("/nowhere").await.status, 404);
    for _ in 0..3 {
        is_refused(Peer::connect(&server).await).await;
        assert!(is_full(&http(&server).await.get("/nowhere").await));
        assert!(is_full(&http(&server).await.ask_for_websocket(WEBSOCKET).await));
    }
    is_served(&mut native).await;
    // Each kind of connection gives its place back.
    drop(browser);
    let first = gets_in(&server).await;
    is_refused(Peer::connect(&server).await).await;
    drop(page);
    let second = gets_in(&server).await;
    is_refused(Peer::connect(&server).await).await;
    drop(native);
    let third = gets_in(&server).await;
    is_refused(Peer::connect(&server).await).await;
    drop((first, second, third));
}

#[tokio::test]
async fn a_websocket_that_hyper_opened_is_counted_until_it_ends() {
    let server = server(|builder| builder.max_connections(1)).await;
    // The second request of its connection.
    let mut http = http(&server).await;
    assert_eq!(http.get("/nowhere").await.status, 404);
    let mut browser = http.websocket(WEBSOCKET).await;
    browser.text().await;
    is_refused(Peer::connect(&server).await).await;
    browser.say("4echo").await;
    drop(browser);
    gets_in(&server).await;
}

#[tokio::test]
async fn those_that_have_said_nothing_make_room() {
    let server = server(|builder| builder.max_connections(2)).await;
    let mut native = Peer::connect(&server).await;
    is_served(&mut native).await;
    let mut silent = TcpStream::connect(peer::address(&server)).await.unwrap();
    for _ in 0..5 {
        let next = TcpStream::connect(peer::address(&server)).await.unwrap();
        ends(std::mem::replace(&mut silent, next)).await;
    }
    // What it says now comes before the next one.
    let mut silent = Peer::over(silent);
    is_served(&mut silent).await;
    is_refused(Peer::connect(&server).await).await;
    is_served(&mut native).await;
}

#[tokio::test]
async fn an_address_has_no_more_than_its_own() {
    let server = server(|builder| builder.max_connections_per_address(2)).await;
    let mut first = Peer::over(from(2, &server).await);
    is_served(&mut first).await;
    let silent = from(2, &server).await;
    let mut second = Peer::over(from(2, &server).await);
    is_served(&mut second).await;
    ends(silent).await;
    is_refused(Peer::over(from(2, &server).await)).await;
    let mut others = Vec::new();
    for host in 3..20 {
        let mut other = Peer::over(from(host, &server).await);
        is_served(&mut other).await;
        others.push(other);
    }
    is_served(&mut first).await;
}

#[tokio::test]
async fn sessions_that_poll_are_limited_too() {
    let server = server(|builder| builder.max_connections(2)).await;
    let mut http = http(&server).await;
    let first = http.get(POLL).await;
    assert_eq!((first.status, http.get(POLL).await.status), (200, 200));
    assert!(is_full(&http.get(POLL).await));
    let id = first.text().split('"').nth(3).unwrap();
    assert_eq!(http.post(&format!("{POLL}&sid={id}"), "1").await.is(), (200, "ok"));
    eventually("it ended", || server.count() == 1).await;
    assert_eq!(http.get(&format!("{POLL}&sid={id}")).await.status, 400);
    let mut answer = http.get(POLL).await;
    while is_full(&answer) {
        answer = http.get(POLL).await;
    }
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn websockets_of_another_server_are_counted() {
    let server = server(|builder| builder.max_connections(1)).await;
    let app = axum::Router::new().fallback_service(server.http_service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let mut first = Http::connect(&authority).await.websocket(WEBSOCKET).await;
    first.text().await;
    assert!(is_full(&Http::connect(&authority).await.ask_for_websocket(WEBSOCKET).await));
    drop(first);
    loop {
        let answer = Http::connect(&authority).await.ask_for_websocket(WEBSOCKET).await;
        if !is_full(&answer) {
            assert_eq!(answer.status, 101);
            break;
        }
    }
    serving.abort();
}

/// Comes again until there is a place.
async fn gets_in(server: &Server) -> Peer {
    let trying = async {
        loop {
            let mut peer = Peer::connect(server).await;
            peer.send(&request(1, "echo", vec![7.into()])).await;
            if peer.receive().await.is_some_and(|message| message == response(1, 7)) {
                return peer;
            }
        }
    };
    tokio::time::timeout(LIMIT, trying).await.expect("a place")
}

/// The server closes a stream, without a word.
async fn ends(mut stream: TcpStream) {
    let end = tokio::time::timeout(LIMIT, stream.read(&mut [0; 10])).await.expect("an end");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}
