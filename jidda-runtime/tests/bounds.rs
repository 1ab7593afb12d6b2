//! What a peer can make a server keep has a bound for its connection, however many namespaces and events it is spread
//! over.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use handlers::{CONNECT, ECHO, Gate, HERE, NEVER, WAIT_IN_TURN, done};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry};
use jidda_runtime::{Server, Value};
use peer::{Peer, bytes, code, eventually, notification, request, response};

/// Accepts nobody before the gate opens.
fn late(context: &Context, _: Arguments<'_>) -> Dispatch {
    let gate = Gate::of(context);
    Dispatch::future(async move {
        gate.pass().await;
        done(&())
    })
}

fn nothing(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(done(&()))
}

static LATE: HandlerEntry = HandlerEntry::new("connect", late, HERE).namespaced("/late/{id}");
static LATE_EVENT: HandlerEntry = HandlerEntry::new("nothing", nothing, HERE).namespaced("/late/{id}");
static QUIET: HandlerEntry = HandlerEntry::new("nothing", nothing, HERE).namespaced("/quiet/{id}");

const MESSAGE: usize = 2000;

async fn server() -> (Server, Gate) {
    let handlers = [&CONNECT, &ECHO, &NEVER, &WAIT_IN_TURN, &LATE, &LATE_EVENT, &QUIET];
    let (builder, _, gate) = handlers::builder(handlers);
    (builder.max_message(MESSAGE).start().await.unwrap(), gate)
}

fn text(size: usize) -> Value {
    "x".repeat(size).into()
}

/// How many of a hundred calls are taken, if all of those that are not are refused as busy. `id` is the first.
async fn taken(peer: &mut Peer, event: &str, id: u32) -> u32 {
    for id in id..id + 100 {
        peer.send(&request(id, event, vec![text(MESSAGE / 2)])).await;
    }
    peer.send(&request(id + 100, "$/ping", vec![])).await;
    let mut busy = 0;
    loop {
        let reply = peer.receive().await.expect("a reply");
        if reply == response(id + 100, Value::Nil) {
            return 100 - busy;
        }
        assert_eq!(code(&reply), "busy", "{reply}");
        busy += 1;
    }
}

#[tokio::test]
async fn events_under_way_have_no_more_bytes_than_sixteen_messages() {
    for event in ["never", "wait_in_turn"] {
        let (server, _) = server().await;
        let mut peer = Peer::joined(&server, "/").await;
        // Each has half a message's bytes, and a few beside.
        assert_eq!(taken(&mut peer, event, 0).await, 32, "{event}");
        assert_eq!(taken(&mut peer, event, 1000).await, 0, "{event}");
        // What is cancelled makes room at once.
        for id in 0..10u32 {
            peer.send(&notification("$/cancel", vec![id.into()])).await;
        }
        assert_eq!(taken(&mut peer, event, 2000).await, 10, "{event}");
    }
}

#[tokio::test]
async fn what_is_large_is_taken_where_little_is_under_way_and_waits_where_much_is() {
    let (server, gate) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    let mut out = Vec::new();
    for _ in 0..60 {
        out.extend(bytes(&notification("wait_in_turn", vec![text(MESSAGE / 2)])));
    }
    peer.send_bytes(&out).await;
    gate.open();
    // Those that waited for room ran, and none was lost.
    peer.send(&request(1, "wait_in_turn", vec![1.into()])).await;
    let reply = peer.reply(1).await;
    assert!(reply == response(1, 1) || code(&reply) == "busy", "{reply}");
    peer.send(&request(2, "echo", vec![text(MESSAGE - 100)])).await;
    assert_eq!(peer.reply(2).await, response(2, text(MESSAGE - 100)));
    assert_eq!(server.refused_events(), 0);
}

#[tokio::test]
async fn unreceived_messages_share_one_bound() {
    let (server, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    for (number, room) in (0u32..).zip(["a", "b", "c"]) {
        peer.join(number, &format!("/quiet/{room}")).await;
    }
    for (id, namespace, is_taken) in
        [(10, "/quiet/a", true), (11, "/quiet/b", false), (12, "/quiet/a", false), (13, "/quiet/c", false)]
    {
        peer.send(&request(id, &format!("{namespace}:message"), vec![text(MESSAGE - 200)])).await;
        let reply = peer.reply(id).await;
        assert_eq!(reply[2].is_nil(), is_taken, "{reply}");
    }
    let socket = server.of("/quiet/a").sockets().remove(0);
    assert_eq!(socket.recv::<String>().await.unwrap().len(), MESSAGE - 200);
    peer.send(&request(14, "/quiet/b:message", vec![text(MESSAGE - 200)])).await;
    assert!(peer.reply(14).await[2].is_nil());
}

#[tokio::test]
async fn early_events_share_one_bound() {
    let (server, gate) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    for (id, room) in (0u32..).zip(["a", "b"]) {
        peer.send(&request(id, "$/connect", vec![format!("/late/{room}").into(), Value::Nil])).await;
    }
    for (id, room) in [(10, "a"), (11, "b"), (12, "b")] {
        peer.send(&request(id, &format!("/late/{room}:nothing"), vec![text(MESSAGE / 2)])).await;
    }
    for id in [11, 12] {
        assert_eq!(code(&peer.reply(id).await), "busy");
    }
    gate.open();
    assert!(peer.reply(10).await[2].is_nil());
    eventually("both are there", || server.of("/late/b").count() == 1).await;
    peer.send(&request(13, "/late/b:nothing", vec![text(MESSAGE / 2)])).await;
    assert!(peer.reply(13).await[2].is_nil());
}
