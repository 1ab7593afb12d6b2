//! A gateway's connection to the server behind is shared by all its callers: none of them can break it, or have it alone.
#![allow(missing_docs)]

use std::sync::Arc;

use jidda::State;
use jidda::error::CallError;
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::server::{Proxy, ServerBuilder};
use tokio::sync::Notify;

struct Gateway;
struct Behind;

#[derive(Default)]
struct Gate {
    begun: Notify,
    open: Notify,
}

#[on(app = Behind)]
async fn number(n: i64) -> i64 {
    n
}

#[on(app = Behind)]
async fn fail(text: String) -> jidda::Result<()> {
    Err(jidda::Error::new(text.clone(), text.clone()).with_data(text))
}

/// A reply of as many bytes.
#[on(app = Behind)]
async fn large(size: usize) -> String {
    "x".repeat(size)
}

/// A reply of as many levels.
#[on(app = Behind)]
async fn deep(levels: usize) -> Value {
    (0..levels).fold(Value::Nil, |inner, _| Value::Array(vec![inner]))
}

#[on(app = Behind)]
async fn items(size: usize) -> impl jidda::stream::Stream<Item = String> {
    futures_util::stream::iter([1, size, 1]).map(|size| "x".repeat(size))
}

#[on(app = Behind)]
async fn deep_items(levels: usize) -> impl jidda::stream::Stream<Item = Value> {
    let nested = |levels| (0..levels).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    futures_util::stream::iter([1, levels, 1]).map(nested)
}

#[on("connect", namespace = "/strict", app = Behind)]
async fn enter(_key: String) -> jidda::Result<()> {
    Err(jidda::Error::new("no", "\u{1}".repeat(900_000)))
}

#[on(app = Behind)]
async fn hold(gate: &State<Arc<Gate>>) -> &'static str {
    gate.begun.notify_one();
    gate.open.notified().await;
    "held"
}

use futures_util::StreamExt as _;

fn address(server: &Server) -> String {
    server.addresses()[0].to_string()
}

async fn start(builder: ServerBuilder) -> Server {
    builder.listen("127.0.0.1:0").start().await.unwrap()
}

async fn connect(server: &Server) -> Client {
    Client::connect(&address(server)).await.unwrap()
}

struct Shared {
    gateway: Server,
    gate: Arc<Gate>,
    _behind: Server,
}

/// A gateway that takes messages of 100 kB, before a server that takes larger and deeper ones.
async fn shared(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Shared {
    let gate = Arc::new(Gate::default());
    let behind = change(Server::builder().app::<Behind>().max_message(4_000_000).max_depth(500));
    let behind = start(behind.state(Arc::clone(&gate))).await;
    let client = Client::builder(address(&behind)).max_message(100_000).connect().await.unwrap();
    let proxies = Proxy::to(&client).namespace("/strict").auth(&"x".repeat(50_000));
    let gateway = start(Server::builder().app::<Gateway>().proxy(proxies).proxy(Proxy::to(&client))).await;
    Shared { gateway, gate, _behind: behind }
}

fn code(error: &CallError) -> &str {
    error.code().unwrap_or_else(|| panic!("{error}"))
}

#[tokio::test]
async fn nothing_that_one_caller_is_answered_ends_the_calls_of_others() {
    let Shared { gateway, gate, _behind } = shared(|builder| builder).await;
    let victim = connect(&gateway).await;
    let held = tokio::spawn(async move { victim.call::<String>("hold", &()).await });
    gate.begun.notified().await;
    for size in [1_000, 16_000, 90_000] {
        for text in ["\u{1}".repeat(size), "\"".repeat(size), "語".repeat(size / 3)] {
            let eve = connect(&gateway).await;
            let refused = eve.call::<i64>("number", &text).await.unwrap_err();
            assert_eq!(code(&refused), "bad_arguments");
            assert_eq!(code(&eve.call::<()>(&text, &()).await.unwrap_err()), "not_found");
            assert!(eve.call::<()>("fail", &text).await.is_err());
            assert_eq!(eve.call("number", &7).await, Ok(7));
        }
    }
    let eve = connect(&gateway).await;
    // The server behind knows what the gateway takes.
    assert_eq!(eve.call("large", &90_000).await, Ok("x".repeat(90_000)));
    for size in [99_990, 100_000, 150_000, 3_000_000] {
        assert_eq!(code(&eve.call::<String>("large", &size).await.unwrap_err()), "too_large", "{size}");
    }
    // It does not know how deep the gateway looks: what is too deep is passed over.
    for levels in [61, 62, 63, 64, 70, 400] {
        let answer = eve.call::<Value>("deep", &levels).await;
        assert!(
            answer.is_ok() || answer.as_ref().is_err_and(|error| code(error) == "too_deep"),
            "{answer:?}"
        );
        assert_eq!(answer.is_ok(), levels < 64, "{levels}");
    }
    for (event, most) in [("items", 200_000), ("deep_items", 100)] {
        let items = eve.stream::<Value>(event, &most).collect::<Vec<_>>().await;
        assert!(items[0].is_ok() && items[1].is_err() && items.len() == 2, "{event}: {}", items.len());
    }
    let strict = eve.join("/strict", &()).await.unwrap();
    assert_eq!(code(&strict.call::<()>("number", &1).await.unwrap_err()), "no");
    for length in [99_900, 99_950, 99_980, 99_990] {
        let answer = connect(&gateway).await.call::<()>(&"u".repeat(length), &()).await;
        assert!(answer.is_err());
    }
    gate.open.notify_one();
    assert_eq!(held.await.unwrap(), Ok("held".to_owned()));
}

#[tokio::test]
async fn one_callers_running_calls_leave_room_for_those_of_others() {
    let Shared { gateway, gate, _behind } = shared(|builder| builder.max_in_flight(16)).await;
    let greedy = connect(&gateway).await;
    let mut held: futures_util::stream::FuturesUnordered<_> =
        (0..100).map(|_| greedy.call::<String>("hold", &()).into_future()).collect();
    // The half that it may have is under way when the rest has been refused.
    for _ in 0..92 {
        assert_eq!(code(&held.next().await.unwrap().unwrap_err()), "busy");
    }
    let modest = connect(&gateway).await;
    assert_eq!(modest.call("number", &7).await, Ok(7));
    // Its own share is free as soon as it gives calls up.
    for _ in 0..50 {
        let calls: Vec<_> = (0..4).map(|_| modest.call::<String>("hold", &()).into_future()).collect();
        let mut calls = Box::pin(futures_util::future::select_all(calls));
        assert!(futures_util::poll!(&mut calls).is_pending());
        drop(calls);
        assert_eq!(modest.call("number", &7).await, Ok(7));
    }
    while !held.is_empty() {
        gate.open.notify_waiters();
        if let std::task::Poll::Ready(Some(ended)) = futures_util::poll!(held.next()) {
            assert_eq!(ended, Ok("held".to_owned()));
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(greedy.call("number", &7).await, Ok(7));
}
