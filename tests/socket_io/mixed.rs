//! Peers of every kind at the same handlers, in the same rooms.

use std::time::Duration;

use jidda::Client;
use jidda::payload::Value;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::client::{Heard, Peer, authority};
use super::start;

#[derive(Serialize, Deserialize)]
struct Picture {
    name: String,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

#[tokio::test]
async fn one_emit_reaches_native_and_socket_io_peers() {
    let server = start().await;
    let native = Client::connect(&format!("tcp://{}", authority(&server))).await.unwrap();
    let (told, mut heard) = mpsc::unbounded_channel();
    native.on("said", move |picture: Picture| {
        let told = told.clone();
        async move { told.send((picture.name, picture.bytes)).unwrap() }
    });
    native.call::<()>("join", "room").await.unwrap();
    let (mut peer, _) = Peer::join(&server).await;
    peer.ask(r#"["join","room"]"#).await;
    let picture = Picture { name: "ada".into(), bytes: vec![1, 2, 255] };
    assert_eq!(server.to("room").emit("said", &picture).await, Ok(2));
    assert_eq!(heard.recv().await, Some(("ada".to_owned(), vec![1, 2, 255])));
    assert_eq!(peer.text().await, r#"451-["said",{"name":"ada","bytes":{"_placeholder":true,"num":0}}]"#);
    assert_eq!(peer.hear().await, Heard::Bytes(vec![1, 2, 255]));
    // And from one peer to the other.
    peer.say(r#"451-1["tell_picture",{"name":"bob","bytes":{"_placeholder":true,"num":0}}]"#).await;
    peer.say_bytes(&[9]).await;
    assert_eq!(heard.recv().await, Some(("bob".to_owned(), vec![9])));
    assert_eq!(peer.text().await, "431[]");
}

#[jidda::on]
async fn tell_picture(socket: &jidda::Socket, picture: Picture) {
    let _ = socket.to("room").emit("said", &picture).await;
}

#[tokio::test]
async fn one_call_asks_peers_of_both_kinds() {
    let server = start().await;
    let native = Client::connect(&format!("tcp://{}", authority(&server))).await.unwrap();
    native.on("double", |n: i64| async move { n * 2 });
    native.call::<()>("now", &()).await.unwrap();
    let (mut peer, _) = Peer::join(&server).await;
    let calls = server.call::<i64>("double", &4).timeout(Duration::from_secs(5));
    let answer = async {
        let question = peer.text().await;
        let id = question.strip_prefix("42").and_then(|rest| rest.strip_suffix(r#"["double",4]"#)).unwrap();
        peer.say(&format!("43{id}[9]")).await;
    };
    let (replies, ()) = tokio::join!(calls, answer);
    let mut replies: Vec<_> = replies.unwrap().into_iter().map(|(_, reply)| reply.unwrap()).collect();
    replies.sort_unstable();
    assert_eq!(replies, [8, 9]);
}

#[tokio::test]
async fn a_handshake_tells_what_the_request_said() {
    let server = start().await;
    let mut peer = Peer::open_at(&server, "/socket.io/?EIO=4&transport=websocket&name=ada%20l").await;
    peer.enter("/", r#"{"name":"ada"}"#).await;
    let handshake = server.sockets()[0].handshake();
    assert_eq!((handshake.transport, handshake.protocol), (jidda::peer::Transport::WebSocket, "socket.io/5"));
    assert!(handshake.query.contains(&("name".to_owned(), "ada l".to_owned())), "{:?}", handshake.query);
    assert!(handshake.headers["host"] == "test", "{:?}", handshake.headers);
    assert_eq!(handshake.auth, Value::Map(vec![("name".into(), "ada".into())]));
    assert!(matches!(handshake.peer, jidda::peer::PeerAddress::Tcp(_)));
}
