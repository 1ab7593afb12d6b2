//! What handlers may rely on: order, time, permissions, rooms, values, and handlers added at run time.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::time::Duration;

use handlers::{
    CONNECT, DISCONNECT, ECHO, Gate, HERE, Journal, NEVER, NOTE, WAIT, WAIT_IN_TURN, builder, done,
};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry};
use jidda_runtime::{CallError, Client, SendError, Server, Socket, Value};
use peer::{LIMIT, Peer, bytes, code, eventually, request, response};

fn pending(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::future(std::future::pending())
}

fn secret(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(done("secret"))
}

static BRIEF: HandlerEntry = HandlerEntry::new("brief", pending, HERE).within_ms(5);
static BRIEF_IN_TURN: HandlerEntry =
    HandlerEntry::new("brief_in_turn", pending, HERE).within_ms(5).sequentially();
static SECRET: HandlerEntry = HandlerEntry::new("secret", secret, HERE).allowing(&["admin"]);

async fn server() -> (Server, Journal, Gate) {
    let handlers =
        [&CONNECT, &DISCONNECT, &ECHO, &NEVER, &NOTE, &WAIT, &WAIT_IN_TURN, &BRIEF, &BRIEF_IN_TURN, &SECRET];
    let (builder, journal, gate) = builder(handlers);
    (builder.start().await.unwrap(), journal, gate)
}

async fn client(server: &Server) -> (Client, Socket) {
    let known = server.sockets();
    let client = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
    let socket = server.sockets().into_iter().find(|socket| !known.contains(socket)).expect("a new one");
    (client, socket)
}

#[tokio::test]
async fn those_in_turn_keep_their_order_and_hold_up_no_others() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    let mut out = Vec::new();
    for id in 0..100u32 {
        out.extend_from_slice(&bytes(&request(id, "wait_in_turn", vec![id.into()])));
    }
    out.extend_from_slice(&bytes(&request(1000, "echo", vec!["first".into()])));
    peer.send_bytes(&out).await;
    assert_eq!(peer.receive().await.unwrap(), response(1000, "first"));
    assert_eq!(journal.lines()[1..], ["began 0"]);
    gate.open();
    for id in 0..100 {
        assert_eq!(peer.receive().await.unwrap(), response(id, id));
    }
    let expected = (0..100).flat_map(|id| [format!("began {id}"), format!("ended {id}")]);
    assert!(journal.lines().into_iter().skip(1).eq(expected));
    // Another socket's turn is its own.
    peer.send(&request(1, "wait_in_turn", vec![1.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, 1));
}

#[tokio::test]
async fn those_that_wait_start_in_order_and_end_as_they_can() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    for id in 0..50 {
        peer.send(&request(id, "wait", vec![id.into()])).await;
    }
    peer.ping().await;
    let expected = (0..50).map(|id| format!("began {id}"));
    assert!(journal.lines().into_iter().skip(1).eq(expected));
    gate.open();
    let mut replies = Vec::new();
    for _ in 0..50 {
        let reply = peer.receive().await.unwrap();
        assert_eq!(reply[1], reply[3]);
        replies.push(reply[1].as_u64().unwrap());
    }
    replies.sort_unstable();
    assert!(replies.into_iter().eq(0..50));
}

#[tokio::test]
async fn time_runs_out_at_the_server_and_at_the_caller() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(1, "brief", vec![])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "timeout");
    for id in 2..5 {
        peer.send(&request(id, "brief_in_turn", vec![])).await;
    }
    for id in 2..5 {
        let reply = peer.receive().await.unwrap();
        assert_eq!((&reply[1], code(&reply)), (&id.into(), "timeout"));
    }
    // The caller's own deadline travels beside the call.
    let meta = Value::Map(vec![("deadline".into(), 5.into()), ("unknown".into(), true.into())]);
    let call = Value::Array(vec![0.into(), 6.into(), "never".into(), Value::Array(vec![]), meta]);
    peer.send(&call).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "timeout");
    assert_eq!(journal.count("never dropped"), 1);
    for odd in [Value::Nil, Value::from(-1), Value::from(u64::MAX), Value::from(f64::NAN), "soon".into()] {
        let meta = Value::Map(vec![("deadline".into(), odd)]);
        let call = Value::Array(vec![0.into(), 7.into(), "echo".into(), Value::Array(vec![1.into()]), meta]);
        peer.send(&call).await;
        assert_eq!(peer.receive().await.unwrap(), response(7, 1));
    }
    let (client, _) = client(&server).await;
    let late = client.call::<()>("never", &()).timeout(Duration::from_millis(5)).await;
    assert!(late.unwrap_err().is_timeout());
    eventually("the handler is dropped", || journal.count("never dropped") == 2).await;
}

#[tokio::test]
async fn permissions_open_and_close_doors() {
    let (server, _, _) = server().await;
    let (client, socket) = client(&server).await;
    let denied = client.call::<String>("secret", &()).await.unwrap_err();
    assert_eq!(denied.code(), Some("denied"));
    socket.grant("other");
    socket.grant("admin");
    assert_eq!(client.call::<String>("secret", &()).await.unwrap(), "secret");
    assert!(socket.allows("admin") && socket.revoke("admin") && !socket.revoke("admin"));
    let denied = client.call::<String>("secret", &()).await.unwrap_err();
    assert_eq!(denied.code(), Some("denied"));
}

#[tokio::test]
async fn values_are_kept_by_their_type() {
    let (server, _, _) = server().await;
    let (_client, socket) = client(&server).await;
    assert_eq!(socket.get::<u8>(), None);
    assert_eq!(socket.insert(1u8), None);
    assert_eq!(socket.insert("text"), None);
    assert_eq!(socket.insert(2u8).as_deref(), Some(&1));
    assert_eq!(socket.get::<u8>().as_deref(), Some(&2));
    assert_eq!(socket.remove::<u8>().as_deref(), Some(&2));
    assert_eq!(socket.remove::<u8>(), None);
    assert_eq!(socket.get::<&str>().as_deref(), Some(&"text"));
}

#[tokio::test]
async fn handlers_can_be_added_and_removed_at_run_time() {
    let (server, journal, _) = server().await;
    let (client, socket) = client(&server).await;
    let double = |n: u32| async move { 2 * n };
    socket.on("double", double);
    socket.once("only", || async { "once" });
    socket.on("echo", |_: Value| async { "mine comes first" });
    socket.on_any({
        let journal = journal.clone();
        move |event, arguments| journal.write(format!("saw {event} with {}", arguments.0.len()))
    });
    assert_eq!(client.call::<u32>("double", &21).await.unwrap(), 42);
    assert_eq!(client.call::<String>("only", &()).await.unwrap(), "once");
    assert_eq!(client.call::<String>("only", &()).await.unwrap_err().code(), Some("not_found"));
    assert_eq!(client.call::<String>("echo", &1).await.unwrap(), "mine comes first");
    assert!(socket.off("echo") && !socket.off("echo"));
    assert_eq!(client.call::<u32>("echo", &1).await.unwrap(), 1);
    let wrong = client.call::<u32>("double", &"text").await.unwrap_err();
    assert_eq!(wrong.code(), Some("bad_arguments"));
    socket.on("explode", || async { panic_with("boom") });
    let internal = client.call::<()>("explode", &()).await.unwrap_err();
    assert!(matches!(internal, CallError::Internal { .. }), "{internal}");
    let saw: Vec<_> = journal.lines().into_iter().filter(|line| line.starts_with("saw ")).collect();
    assert_eq!(saw[..2], ["saw double with 1", "saw only with 0"]);
    assert_eq!(saw.len(), 7);
}

fn panic_with(text: &str) -> u8 {
    panic!("{text}")
}

/// What one client heard of the event `news`, once it has heard the last word.
async fn heard(client: &Client) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let word: String = tokio::time::timeout(LIMIT, client.recv()).await.expect("a last word").unwrap();
        if word == "end" {
            return all;
        }
        all.push(word);
    }
}

#[tokio::test]
async fn selections_mean_each_socket_once_and_not_the_sender() {
    let (server, _, _) = server().await;
    let (ada, a) = client(&server).await;
    let (bob, b) = client(&server).await;
    let (cyd, c) = client(&server).await;
    a.join("x").await.unwrap();
    a.join("y").await.unwrap();
    b.join("y").await.unwrap();
    b.join("y").await.unwrap();
    assert_eq!(a.rooms(), [a.id().to_string(), "x".into(), "y".into()]);
    assert_eq!(b.rooms().len(), 2);
    assert_eq!(server.to("x").to("y").send("x or y").await.unwrap(), 2);
    assert_eq!(a.to_all(["x", "y"]).send("x or y from a").await.unwrap(), 1);
    assert_eq!(server.except("x").send("not x").await.unwrap(), 2);
    assert_eq!(server.to("y").except("x").send("y without x").await.unwrap(), 1);
    assert_eq!(c.broadcast().send("from c").await.unwrap(), 2);
    assert_eq!(server.to(c.id()).send("to c").await.unwrap(), 1);
    assert_eq!(c.to(c.id()).send("to itself").await.unwrap(), 0);
    assert_eq!(c.except("y").send("from c but y").await.unwrap(), 0);
    assert_eq!(server.to("nowhere").send("nobody").await.unwrap(), 0);
    assert!(b.leave("y").await && !b.leave("y").await);
    assert_eq!(server.to("y").send("y is a").await.unwrap(), 1);
    c.identify("carol").unwrap();
    b.identify("carol").unwrap();
    assert_eq!(server.user("carol").send("to carol").await.unwrap(), 2);
    b.identify("bob").unwrap();
    assert_eq!(server.user("carol").send("to carol alone").await.unwrap(), 1);
    server.of("/").send("end").await.unwrap();
    assert_eq!(heard(&ada).await, ["x or y", "from c", "y is a"]);
    assert_eq!(heard(&bob).await, ["x or y", "x or y from a", "not x", "y without x", "from c", "to carol"]);
    assert_eq!(heard(&cyd).await, ["not x", "to c", "to carol", "to carol alone"]);
    drop(bob);
    eventually("bob left his rooms", || server.user("bob").count() == 0 && server.count() == 2).await;
    server.to("x").disconnect();
    eventually("ada left", || server.count() == 1).await;
}

#[tokio::test]
async fn what_is_volatile_is_dropped_when_it_cannot_leave_at_once() {
    let (server, _, _) = server().await;
    let sleeper = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let text = "x".repeat(100_000);
    let mut sent = 0;
    // Each leaves at once until the system's buffers are full.
    let start = std::time::Instant::now();
    let mut dropped = 0;
    while dropped < 100 {
        assert!(start.elapsed() < LIMIT, "never full after {sent}");
        if socket.volatile().emit("news", &text).unwrap() {
            sent += 1;
            dropped = 0;
        } else {
            dropped += 1;
        }
        tokio::task::yield_now().await;
    }
    assert!(sent > 0);
    assert_eq!(server.of("/").volatile().emit("news", &text).await.unwrap(), 0);
    assert!(socket.volatile().emit("connect", &()).is_err(), "a reserved name is a mistake, not bad luck");
    drop(sleeper);
    socket.closed().await;
    assert_eq!(socket.volatile().emit("news", &1), Ok(false));
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let (server, _, _) = server().await;
    let (client, socket) = client(&server).await;
    for reserved in ["connect", "disconnect", "connect_error", "$/ping", "$/anything"] {
        let error = socket.emit(reserved, &()).await.unwrap_err();
        assert_eq!(error, SendError::Reserved(reserved.into()));
        assert!(server.emit(reserved, &()).await.is_err());
        assert!(client.call::<()>(reserved, &()).await.is_err());
    }
    let error = socket.emit("large", &"x".repeat(2_000_000)).await.unwrap_err();
    assert!(matches!(error, SendError::TooLarge { limit: 1_000_000, .. }), "{error}");
    assert!(client.call::<()>("echo", &"x".repeat(1_000_000)).await.is_err());
    assert_eq!(client.call::<u8>("echo", &1).await, Ok(1));
}

#[tokio::test]
async fn refusals_of_events_reach_their_hook() {
    let (server, _, _) = server().await;
    let (client, socket) = client(&server).await;
    let journal = Journal::default();
    client.root().on_refused({
        let journal = journal.clone();
        move |event, error| journal.write(format!("{event}: {}", error.code()))
    });
    client.emit("nothing", &()).await.unwrap();
    client.emit("secret", &()).await.unwrap();
    eventually("both came back", || journal.len() == 2).await;
    assert_eq!(journal.lines(), ["nothing: not_found", "secret: denied"]);
    // A hook that panics costs neither the connection nor its disconnect handler.
    client.root().on_refused(|_, _| panic!("boom in a hook"));
    client.emit("nothing", &()).await.unwrap();
    assert_eq!(client.call::<u8>("echo", &1).await, Ok(1));
    assert!(socket.is_connected());
    assert_eq!(server.refused_events(), 3);
}
