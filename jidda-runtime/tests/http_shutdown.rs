//! A server that shuts down while WebSockets are being opened through the HTTP server of another library.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::time::Duration;

use axum::Router;
use handlers::ECHO;
use http::Http;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use jidda_runtime::{Resource, Server};
use peer::LIMIT;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const REQUEST: &[u8] =
    b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn server() -> Server {
    let builder = Server::builder().handlers([&ECHO]).resource(Resource::raw("/engine.io"));
    // Nothing but the shutdown ends a connection.
    builder.heartbeat(Duration::MAX).handshake_timeout(Duration::MAX).start().await.unwrap()
}

/// A peer whose WebSocket is being opened, and is not before it has read the answer: its host cannot write all of that.
async fn upgrading(server: &Server) -> DuplexStream {
    let (mut peer, host) = tokio::io::duplex(8);
    let service = TowerToHyperService::new(server.http_service());
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(host), service);
    tokio::spawn(serving.with_upgrades());
    peer.write_all(REQUEST).await.unwrap();
    let mut answer = [0; 12];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    peer
}

fn shut_down(server: &Server, deadline: Duration) -> tokio::task::JoinHandle<bool> {
    let server = server.clone();
    tokio::spawn(async move { server.shutdown(deadline).await })
}

/// All that comes until the end, which has to come.
async fn rest(peer: &mut DuplexStream) -> Vec<u8> {
    let mut rest = Vec::new();
    timeout(LIMIT, peer.read_to_end(&mut rest)).await.expect("the connection is closed").unwrap();
    rest
}

#[tokio::test]
async fn a_websocket_that_is_being_opened_is_waited_for_and_closed() {
    let server = server().await;
    let mut peer = upgrading(&server).await;
    let ending = shut_down(&server, LIMIT);
    server.stopping().await;
    tokio::task::yield_now().await;
    assert!(!ending.is_finished(), "the peer is not there yet");
    let rest = rest(&mut peer).await;
    // It is closed like any other: what opens it, and the code of an end that is nobody's fault.
    let text = String::from_utf8_lossy(&rest);
    assert!(text.contains("\"sid\"") && rest.ends_with(&[0x88, 2, 0x03, 0xe8]), "{text}");
    drop(peer);
    assert!(ending.await.unwrap());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_websocket_that_is_never_opened_ends_with_the_server() {
    let server = server().await;
    let mut peer = upgrading(&server).await;
    assert!(!shut_down(&server, Duration::from_millis(1)).await.unwrap());
    let rest = rest(&mut peer).await;
    assert!(!String::from_utf8_lossy(&rest).contains("\"sid\""), "it was opened after the end");
    // Nor is any other.
    let (mut peer, host) = tokio::io::duplex(4096);
    let service = TowerToHyperService::new(server.http_service());
    tokio::spawn(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(host), service)
            .with_upgrades(),
    );
    peer.write_all(REQUEST).await.unwrap();
    let mut answer = [0; 12];
    peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400", "it is refused");
}

/// Opens many at once, and shuts down in the middle of it: sooner or later, round by round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_outlives_a_shutdown_that_it_races_with() {
    for round in 0..20 {
        let server = server().await;
        let app = Router::new().fallback_service(server.http_service());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        let mut peers = JoinSet::new();
        for _ in 0..10 {
            let mut peer = TcpStream::connect(&authority).await.unwrap();
            peer.write_all(REQUEST).await.unwrap();
            peers.spawn(async move {
                let mut peer = Http::over(peer);
                let answer = peer.answer().await.expect("an answer");
                if answer.status == 101 {
                    // Up to the end, which comes without anybody's doing.
                    peer.rest().await;
                } else {
                    assert_eq!(answer.status, 400, "it is refused");
                }
            });
        }
        for _ in 0..round * 3 {
            tokio::task::yield_now().await;
        }
        assert!(server.shutdown(LIMIT).await);
        peers.join_all().await;
        serving.abort();
    }
}
