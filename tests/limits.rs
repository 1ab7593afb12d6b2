//! What a program may say about room, time and depth, and how it is told when there is no more.
#![allow(missing_docs)]

use std::time::Duration;

use jidda::error::SendError;
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::testing;

#[on]
async fn never() {
    std::future::pending::<()>().await;
}

#[on]
async fn any(value: Value) -> bool {
    value.is_array()
}

#[tokio::test]
async fn an_event_that_does_not_wait_says_that_there_is_no_room() {
    let builder = Server::builder().max_outbox(10);
    let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
    let socket = server.sockets().pop().unwrap();
    let text = "longer than ten bytes";
    // Nothing is awaited in between, so nothing is written in between.
    assert_eq!(socket.try_emit("message", &text), Ok(()));
    assert_eq!(socket.try_emit("message", &text), Err(SendError::Full));
    assert_eq!(socket.try_emit("connect", &text), Err(SendError::Reserved("connect".into())));
    assert_eq!(client.recv::<String>().await.unwrap(), text);
    // The one that waits is sent as soon as there is room again.
    for _ in 0..3 {
        socket.emit("message", &text).await.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(client.recv::<String>().await.unwrap(), text);
    }
    socket.close();
    socket.closed().await;
    assert_eq!(socket.try_emit("message", &text), Err(SendError::NotConnected));
}

#[tokio::test]
async fn calls_have_the_time_that_their_client_gives_them() {
    let limit = Duration::from_millis(20);
    let (client, _server) =
        testing::pair_with(Server::builder(), |client| client.call_timeout(limit)).await.unwrap();
    assert!(never::call(&client).await.unwrap_err().is_timeout());
    assert!(client.call::<()>("never", &()).await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_message_that_nests_too_deep_is_refused_under_its_number() {
    let builder = Server::builder().max_depth(6);
    let (client, _server) =
        testing::pair_with(builder, jidda::client::ClientBuilder::no_reconnect).await.unwrap();
    let nested = |depth| (1..depth).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]));
    // The message and its argument list are two levels.
    assert!(any::call(&client, nested(4)).await.unwrap());
    assert_eq!(any::call(&client, nested(5)).await.unwrap_err().code(), Some("too_deep"));
    assert_eq!(client.closed().await.as_str(), "the message nests deeper than 6");
}
