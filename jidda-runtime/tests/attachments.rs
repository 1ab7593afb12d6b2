//! More byte strings than clients of Socket.IO take beside one text: their parsers would end the connection.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use handlers::{HERE, builder};
use http::{Http, Ws};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Encoding, Error, Integers, SendError, Server, Value};
use peer::{Peer, address, eventually};

fn pictures(count: usize) -> Vec<Value> {
    vec![Value::Binary(vec![7]); count]
}

/// Replies with so many byte strings, or fails with them.
fn reply(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let count = handlers::first::<i64>(arguments).expect("a number");
    let value = Value::Array(pictures(usize::try_from(count.abs()).expect("a small number")));
    Dispatch::Ready(if count < 0 {
        Reply::error(Error::new("full", "of pictures").with_data(value))
    } else {
        Reply::value(&value, Encoding::Json(Integers::Safe))
    })
}

static REPLY: HandlerEntry = HandlerEntry::new("reply", reply, HERE);

async fn websocket(server: &Server) -> Ws {
    let http = Http::connect(&address(server)).await;
    let mut ws = http.websocket("/socket.io/?EIO=4&transport=websocket").await;
    assert!(ws.text().await.starts_with('0'));
    ws.say("40").await;
    assert!(ws.text().await.starts_with("40"));
    ws
}

#[tokio::test]
async fn they_are_an_error_for_their_sender_and_end_nothing() {
    let server = builder([&REPLY]).0.start().await.unwrap();
    let mut ws = websocket(&server).await;
    eventually("it joined", || server.count() == 1).await;
    let socket = server.sockets().pop().unwrap();
    let is_told = |sent: Result<(), SendError>| match sent {
        Err(SendError::Encode(text)) => assert!(text.contains("11 byte strings"), "{text}"),
        other => panic!("{other:?}"),
    };
    is_told(socket.emit("pictures", &(pictures(11),)).await);
    is_told(socket.try_emit("pictures", &(pictures(11),)));
    is_told(socket.volatile().emit("pictures", &(pictures(11),)).map(drop));
    is_told(socket.call::<Value>("pictures", &(pictures(11),)).await.map(drop).map_err(
        |error| match error {
            jidda_runtime::CallError::Send(error) => error,
            other => panic!("{other:?}"),
        },
    ));
    is_told(server.of("/").emit("pictures", &(pictures(11),)).await.map(drop));
    // A native peer takes any number.
    let mut native = Peer::joined(&server, "/").await;
    assert_eq!(server.of("/").emit("pictures", &(pictures(11),)).await, Ok(1));
    assert_eq!(native.receive().await.unwrap()[2][0], Value::Array(pictures(11)));
    // Ten are no more than it takes.
    socket.emit("pictures", &(pictures(10),)).await.unwrap();
    assert!(ws.text().await.starts_with(r#"4510-["pictures","#));
    for _ in 0..10 {
        assert_eq!(ws.frame().await, Some((2, vec![7])));
    }
    // Replies, and the data of errors.
    ws.say(r#"421["reply",11]"#).await;
    let refusal = ws.text().await;
    assert!(refusal.starts_with(r#"431[{"error":{"code":"too_large""#), "{refusal}");
    ws.say(r#"422["reply",-11]"#).await;
    assert_eq!(ws.text().await, r#"432[{"error":{"code":"full","message":"of pictures"}}]"#);
    ws.say(r#"423["reply",1]"#).await;
    assert!(ws.text().await.starts_with("461-3["));
    assert_eq!(ws.frame().await, Some((2, vec![7])));
}
