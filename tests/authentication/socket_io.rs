//! Over Socket.IO.

use std::time::Duration;

use jidda::Server;
use jidda::auth::TrustedPeer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{Heard, Peer, authority};
use super::{guarded, passwords, scripted};

/// A WebSocket whose request has this header.
async fn with_header(server: &Server, target: &str, header: &str) -> Peer {
    // A header in the target's line: the client of these tests writes no others.
    let target = format!("{target} HTTP/1.1\r\n{header}\r\nX-Rest: ");
    let stream = TcpStream::connect(authority(server)).await.unwrap();
    let mut peer = Peer::upgrade_on(stream, &target).await;
    assert!(peer.text().await.starts_with("0{"));
    peer
}

const V4: &str = "/socket.io/?EIO=4&transport=websocket";
const V3: &str = "/socket.io/?EIO=3&transport=websocket";

#[tokio::test]
async fn the_first_connect_authenticates_for_all_namespaces() {
    let server = guarded(passwords()).start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.enter("/", r#"{"user":"ada","password":"ada"}"#).await;
    assert_eq!(peer.ask(r#"["who"]"#).await, r#"["ada"]"#);
    // Whatever is said now, it is the same one.
    peer.enter("/other", r#"{"user":"bob","password":"bob"}"#).await;
    peer.say(r#"42/other,7["who"]"#).await;
    assert_eq!(peer.text().await, r#"43/other,7["ada"]"#);
    assert_eq!(server.user("ada").count(), 2);
    assert_eq!(peer.ask(r#"["erase"]"#).await, r#"[{"error":{"code":"denied","message":"denied"}}]"#);
}

#[tokio::test]
async fn a_refused_client_gets_the_reason_and_may_retry() {
    let server = guarded(passwords()).start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    for auth in ["", r#"{"user":"ada"}"#, "{}"] {
        peer.say(&format!("40{auth}")).await;
        let refusal = r#"44{"message":"credentials are needed","data":{"code":"unauthenticated"}}"#;
        assert_eq!(peer.text().await, refusal, "{auth}");
    }
    peer.say(r#"40/other,{"user":"ada","password":"?"}"#).await;
    let refusal = r#"44/other,{"message":"user or password is wrong","data":{"code":"unauthenticated"}}"#;
    assert_eq!(peer.text().await, refusal);
    peer.say(r#"40{"user":"ada","password":7}"#).await;
    assert!(peer.text().await.contains("user and password are texts"));
    assert_eq!(server.count(), 0);
    // What it said before it heard of that ends nothing.
    peer.say(r#"40{"user":"ada","password":"!"}"#).await;
    peer.say(r#"42["who"]"#).await;
    peer.say(r#"427["who"]"#).await;
    assert!(peer.text().await.starts_with("44{"));
    assert!(peer.text().await.starts_with(r#"437[{"error":{"code":"not_connected""#));
    peer.enter("/", r#"{"user":"ada","password":"ada"}"#).await;
    assert_eq!(peer.ask(r#"["who"]"#).await, r#"["ada"]"#);
}

#[tokio::test]
async fn a_header_of_the_request_authenticates() {
    let server = guarded(passwords()).start().await.unwrap();
    let basic = "Authorization: Basic YWRhOmFkYQ==";
    let mut peer = with_header(&server, V4, basic).await;
    peer.enter("/", "").await;
    assert_eq!(peer.ask(r#"["who"]"#).await, r#"["ada"]"#);
    // A client of version 2 is in the root namespace by being there.
    let mut peer = with_header(&server, V3, basic).await;
    assert_eq!(peer.text().await, "40");
    assert_eq!(peer.ask(r#"["who"]"#).await, r#"["ada"]"#);
    let mut peer = Peer::upgrade(&server, V3).await;
    assert!(peer.text().await.starts_with("0{"));
    assert!(peer.text().await.starts_with("44"), "an error");

    let server = guarded(TrustedPeer::new().header("x-user")).start().await.unwrap();
    let mut peer = with_header(&server, V4, "X-User: bob").await;
    peer.enter("/", "").await;
    assert_eq!(peer.ask(r#"["who"]"#).await, r#"["bob"]"#);
}

#[tokio::test]
async fn what_is_said_early_waits_for_the_answer() {
    let (builder, late) = scripted();
    let server = builder.start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"name":"late"}"#).await;
    peer.say("40/other,").await;
    for id in 0..100 {
        peer.say(&format!(r#"42{id}["who"]"#)).await;
    }
    let (mut other, _) = {
        let mut other = Peer::open(&server).await;
        let id = other.enter("/", r#"{"name":"ada"}"#).await;
        (other, id)
    };
    assert_eq!(other.ask(r#"["who"]"#).await, r#"["ada"]"#);
    late.notify_one();
    assert!(peer.text().await.starts_with("40{"));
    assert!(peer.text().await.starts_with("40/other,{"));
    for id in 0..100 {
        assert_eq!(peer.text().await, format!(r#"43{id}["late"]"#));
    }
}

#[tokio::test]
async fn a_pending_authentication_ends_with_the_connect_timeout() {
    let (builder, _) = scripted();
    let server = builder.connect_timeout(Duration::from_secs(1)).start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"name":"never"}"#).await;
    peer.say(r#"42["who"]"#).await;
    while !matches!(peer.hear().await, Heard::End | Heard::Close(_)) {}
    // Nobody hears of trying for ever.
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"name":"banned"}"#).await;
    assert_eq!(peer.text().await, r#"44{"message":"not you","data":7}"#);
    while !matches!(peer.hear().await, Heard::End | Heard::Close(_)) {}
}

#[tokio::test]
async fn a_client_is_notified_and_renews_by_an_event() {
    let (builder, _) = scripted();
    let server = builder.expiry_notice(Duration::from_secs(400)).start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.enter("/", r#"{"name":"ada","for":300}"#).await;
    assert!(peer.text().await.starts_with(r#"42["$/expiring","#));
    peer.say(r#"421["$/authenticate",{"name":"bob"}]"#).await;
    assert!(peer.text().await.starts_with(r#"431[{"error":{"code":"identity_changed""#));
    peer.say(r#"422["$/authenticate"]"#).await;
    assert!(peer.text().await.starts_with(r#"432[{"error":{"code":"bad_arguments""#));
    peer.say(r#"423["$/authenticate",{"name":"ada","for":600,"may":["admin"]}]"#).await;
    assert!(peer.text().await.starts_with(r#"433[{"identity":"ada","expires":"#));
    assert_eq!(peer.ask(r#"["erase"]"#).await, r#"["erased"]"#);
    // The newer ones expire, too.
    peer.say(r#"424["$/authenticate",{"name":"ada","for":0.2}]"#).await;
    assert!(peer.text().await.starts_with(r#"434[{"identity":"ada","expires":"#));
    while !matches!(peer.hear().await, Heard::End | Heard::Close(_)) {}
}

#[tokio::test]
async fn a_server_without_authentication_renews_nothing() {
    let server = Server::builder().app::<super::Guarded>().listen("127.0.0.1:0").start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.enter("/", r#"{"name":"ada"}"#).await;
    assert!(peer.ask(r#"["$/authenticate",{}]"#).await.starts_with(r#"[{"error":{"code":"not_found""#));
}

#[tokio::test]
async fn a_peer_that_disconnects_during_authentication_leaves_nothing() {
    let (builder, _) = scripted();
    let server = builder.heartbeat(Duration::from_millis(200)).start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"name":"never"}"#).await;
    peer.vanish();
    let mut stream = TcpStream::connect(authority(&server)).await.unwrap();
    stream.write_all(b"\x94\x00").await.unwrap();
    drop(stream);
    assert!(server.shutdown(Duration::from_secs(30)).await);
}
