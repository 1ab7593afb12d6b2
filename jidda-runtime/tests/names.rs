//! Names that peers choose: how long they may be, and how many of them a connection may have.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use handlers::{ECHO, HERE};
use http::{Http, frame};
use jidda_runtime::handler::HandlerEntry;
use jidda_runtime::{
    Authenticator, Handshake, Identity, Result, RoomError, Server, ServerBuilder, Socket, Value,
};
use peer::{Peer, bytes, closing, code, eventually, request};

static ORDERS: HandlerEntry = HandlerEntry::new("echo", nothing, HERE).namespaced("/orders/{id}");

fn nothing(
    _: &jidda_runtime::handler::Context,
    _: jidda_runtime::handler::Arguments<'_>,
) -> jidda_runtime::handler::Dispatch {
    jidda_runtime::handler::Dispatch::Ready(handlers::done(&()))
}

async fn server(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    let (builder, _, _) = handlers::builder([&ECHO, &ORDERS]);
    change(builder.max_name(10).max_rooms(3)).start().await.unwrap()
}

fn socket_of(server: &Server, namespace: &str) -> Socket {
    server.of(namespace).sockets().pop().expect("a socket")
}

fn refused(result: &Result<(), RoomError>) -> &str {
    result.as_ref().map_or_else(RoomError::code, |()| "joined")
}

#[tokio::test]
async fn a_room_has_a_short_name_and_a_connection_is_in_few() {
    let server = server(|builder| builder).await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = socket_of(&server, "/");
    for (room, expected) in [
        ("12345678901", "too_large"),
        ("1234567890", "joined"),
        ("b", "joined"),
        ("", "joined"),
        ("one more", "too_many_rooms"),
        ("b", "joined"),
    ] {
        assert_eq!(refused(&socket.join(room).await), expected, "{room}");
    }
    assert_eq!(socket.rooms()[1..], ["1234567890", "b", ""]);
    assert!(socket.leave("b").await);
    // An identity is no room, and the sockets of a connection share its rooms.
    socket.identify("ada").unwrap();
    peer.join(1, "/orders/7").await;
    let order = socket_of(&server, "/orders/7");
    assert_eq!(refused(&order.join("b").await), "joined");
    for one in [&socket, &order] {
        assert_eq!(refused(&one.join("one more").await), "too_many_rooms");
    }
    // Another connection has rooms of its own, and a socket that is over has none.
    let _other = Peer::joined(&server, "/").await;
    let error = server.of("/").join("everyone").await.unwrap_err();
    assert_eq!((error.code(), server.to("everyone").count()), ("too_many_rooms", 1));
    assert_eq!(server.of("/").join("12345678901").await.unwrap_err().code(), "too_large");
    drop(peer);
    eventually("it left", || server.count() == 1).await;
    assert_eq!(refused(&socket.join("b").await), "not_connected");
    assert_eq!(server.of("/").join("everyone").await, Ok(1));
}

#[tokio::test]
async fn a_namespace_with_a_long_name_is_refused_and_the_connection_lives() {
    let server = server(|builder| builder).await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    let long = format!("/orders/{}", "7".repeat(3));
    peer.send(&request(1, "$/connect", vec![long.as_str().into(), Value::Nil])).await;
    assert_eq!(code(&peer.reply(1).await), "too_large");
    peer.join(2, "/orders/77").await;
    let http = Http::connect(&peer::address(&server)).await;
    let mut browser = http.websocket("/socket.io/?EIO=4&transport=websocket").await;
    browser.text().await;
    browser.say(&format!("40{long}")).await;
    let refusal = browser.text().await;
    assert!(refusal.starts_with(&format!("44{long},")) && refusal.contains("too_large"), "{refusal}");
    browser.http.send(frame(1, b"40/orders/77")).await;
    assert!(browser.text().await.starts_with("40/orders/77,"));
}

/// Finds that everyone is who the claim says.
struct Credulous;

impl Authenticator for Credulous {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        Ok(handshake.claimed_identity.as_deref().map(Identity::new))
    }
}

#[tokio::test]
async fn an_identity_with_a_long_name_is_refused() {
    let server = server(|builder| builder.authenticator(Credulous)).await;
    for (name, expected) in [("1234567890", None), ("12345678901", Some("too_large"))] {
        let mut peer = Peer::connect(&server).await;
        let hello = vec![("wire".into(), 1.into()), ("identity".into(), name.into())];
        peer.send_bytes(&bytes(&request(1, "$/hello", vec![Value::Map(hello)]))).await;
        let welcome = peer.reply(1).await;
        assert_eq!((!welcome[2].is_nil()).then(|| code(&welcome)), expected);
        if expected.is_some() {
            assert_eq!(
                peer.rest().await.iter().filter_map(closing).collect::<Vec<_>>(),
                ["authentication failed"]
            );
            continue;
        }
        peer.join(2, "/").await;
        let socket = socket_of(&server, "/");
        assert_eq!(socket.identify("12345678901").unwrap_err().code(), "too_large");
        assert_eq!(socket.identity().unwrap().name(), name);
    }
}
