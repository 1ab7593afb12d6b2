//! How sockets begin and end: every accepted one is disconnected exactly once, and nothing runs before or after.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::time::Duration;

use handlers::{
    CONNECT, DISCONNECT, ECHO, Gate, HERE, Journal, NEVER, NOTE, OnDrop, SLOW_CONNECT, SLOW_DISCONNECT,
    SLOW_NOTE, WAIT, builder, done,
};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{DisconnectReason, Error, Server, ServerBuilder, Value};
use peer::{LIMIT, Peer, bytes, closing, code, eventually, notification, request, response};

/// Accepts by sending, and fails afterwards.
fn accept_then_fail(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let gate = Gate::of(&context);
    Dispatch::future(async move {
        let socket = context.socket().expect("a socket");
        socket.send(&"welcome").await.unwrap();
        gate.pass().await;
        Reply::error(Error::new("late", "changed my mind"))
    })
}

fn refuse(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::refused(Error::new("banned", "go away"))
}

fn explode(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::future(async { panic!("boom") })
}

/// Leaves by itself before it lets the peer in.
fn leave(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let gate = Gate::of(&context);
    Dispatch::future(async move {
        context.socket().expect("a socket").disconnect();
        gate.pass().await;
        done(&())
    })
}

/// The same, after which it lets the peer in by sending.
fn leave_then_accept(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let (journal, gate) = (Journal::of(&context), Gate::of(&context));
    Dispatch::future(async move {
        journal.write("waits");
        gate.pass().await;
        let socket = context.socket().expect("a socket");
        socket.disconnect();
        socket.send(&"welcome").await.unwrap();
        done(&())
    })
}

fn disconnected(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let socket = context.socket().expect("a socket");
    let reason: DisconnectReason = handlers::first(arguments).expect("a reason");
    let rooms = socket.rooms().len();
    Journal::of(context).write(format!("{} disconnect: {reason}, {rooms} rooms", socket.namespace()));
    Dispatch::Ready(done(&()))
}

/// Starts a job that never ends by itself.
fn start_job(context: &Context, _: Arguments<'_>) -> Dispatch {
    let socket = context.socket().expect("a socket");
    let guard = OnDrop(Journal::of(context), "job dropped");
    socket.spawn(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    Dispatch::Ready(done(&()))
}

static LATE: HandlerEntry = HandlerEntry::new("connect", accept_then_fail, HERE).namespaced("/late");
static LATE_END: HandlerEntry = HandlerEntry::new("disconnect", disconnected, HERE).namespaced("/late");
static REFUSE: HandlerEntry = HandlerEntry::new("connect", refuse, HERE).namespaced("/refused");
static REFUSE_END: HandlerEntry = HandlerEntry::new("disconnect", disconnected, HERE).namespaced("/refused");
static EXPLODE: HandlerEntry = HandlerEntry::new("connect", explode, HERE).namespaced("/explode");
static EXPLODE_END: HandlerEntry = HandlerEntry::new("disconnect", disconnected, HERE).namespaced("/explode");
static LEAVE: HandlerEntry = HandlerEntry::new("connect", leave, HERE).namespaced("/leave");
static LEAVE_END: HandlerEntry = HandlerEntry::new("disconnect", disconnected, HERE).namespaced("/leave");
static JOB: HandlerEntry = HandlerEntry::new("job", start_job, HERE);

static HANDLERS: [&HandlerEntry; 18] = [
    &CONNECT,
    &DISCONNECT,
    &ECHO,
    &NEVER,
    &NOTE,
    &WAIT,
    &SLOW_CONNECT,
    &SLOW_DISCONNECT,
    &SLOW_NOTE,
    &LATE,
    &LATE_END,
    &REFUSE,
    &REFUSE_END,
    &EXPLODE,
    &EXPLODE_END,
    &LEAVE,
    &LEAVE_END,
    &JOB,
];

async fn server_with(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, Journal, Gate) {
    let (builder, journal, gate) = builder(HANDLERS);
    (change(builder).start().await.unwrap(), journal, gate)
}

async fn server() -> (Server, Journal, Gate) {
    server_with(|builder| builder).await
}

/// A peer that said hello and asked to join a namespace, without waiting for the answer.
async fn asking(server: &Server, namespace: &str) -> Peer {
    let mut peer = Peer::connect(server).await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec![namespace.into(), Value::Nil])).await;
    peer
}

#[tokio::test]
async fn a_refused_peer_gets_no_disconnect_event() {
    let (server, journal, gate) = server().await;
    for (namespace, expected) in [("/refused", "banned"), ("/explode", "internal"), ("/leave", "denied")] {
        let mut peer = asking(&server, namespace).await;
        peer.send(&request(2, &format!("{namespace}:echo"), vec![])).await;
        assert_eq!(code(&peer.reply(1).await), expected, "{namespace}");
        assert_eq!(code(&peer.reply(2).await), "not_connected", "{namespace}");
        peer.ping().await;
        assert_eq!(server.of(namespace).count(), 0);
    }
    gate.open();
    assert_eq!(journal.len(), 0, "{:?}", journal.lines());
}

#[tokio::test]
async fn a_plain_peer_whose_early_event_is_refused_is_disconnected_as_any_other() {
    static ENTER: HandlerEntry = HandlerEntry::new("connect", leave_then_accept, HERE);
    static END: HandlerEntry = HandlerEntry::new("disconnect", disconnected, HERE);
    let (builder, journal, gate) = builder([&ENTER, &END, &NOTE]);
    let server = builder.start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    // It has no id to answer, and goes with the namespace that it was for.
    peer.send(&notification("note", vec!["early".into()])).await;
    eventually("the handler waits", || journal.len() == 1).await;
    gate.open();
    eventually("it is parted from", || journal.len() == 2).await;
    assert_eq!(journal.lines(), ["waits", "/ disconnect: server namespace disconnect, 1 rooms"]);
    // The connection goes on.
    peer.ping().await;
}

#[tokio::test]
async fn a_peer_that_was_accepted_early_is_disconnected_with_the_reason() {
    let (server, journal, gate) = server().await;
    let mut peer = asking(&server, "/late").await;
    let joined = peer.receive().await.unwrap();
    assert_eq!((&joined[1], &joined[2]), (&1.into(), &Value::Nil));
    assert_eq!(peer.receive().await.unwrap(), notification("/late:message", vec!["welcome".into()]));
    assert_eq!(server.of("/late").count(), 1);
    gate.open();
    let left = peer.receive().await.unwrap();
    let reason = "changed my mind (late)";
    assert_eq!(left, notification("$/disconnect", vec!["/late".into(), reason.into()]));
    peer.ping().await;
    assert_eq!(journal.lines(), [format!("/late disconnect: {reason}, 1 rooms")]);
    assert_eq!(server.of("/late").count(), 0);
}

#[tokio::test]
async fn a_peer_that_vanishes_while_it_joins_was_never_there() {
    let (server, journal, gate) = server().await;
    let peer = asking(&server, "/slow").await;
    eventually("its connect handler runs", || journal.count("connecting") == 1).await;
    drop(peer);
    eventually("its connect handler is dropped", || journal.count("connect over") == 1).await;
    gate.open();
    let mut other = Peer::joined(&server, "/").await;
    other.ping().await;
    assert_eq!(journal.lines(), ["connecting", "connect over", "connect"]);
    assert_eq!(server.of("/slow").count(), 0);
}

#[tokio::test]
async fn messages_before_acceptance_wait_and_keep_their_order() {
    let (server, journal, gate) = server().await;
    let mut peer = asking(&server, "/slow").await;
    let mut out = Vec::new();
    for number in 10..500u32 {
        out.extend_from_slice(&if number % 2 == 0 {
            bytes(&notification("/slow:note", vec![number.into()]))
        } else {
            bytes(&request(number, "/slow:note", vec![number.into()]))
        });
    }
    peer.send_bytes(&out).await;
    peer.ping().await;
    assert_eq!(journal.lines(), ["connecting"]);
    gate.open();
    let joined = peer.receive().await.unwrap();
    assert_eq!((&joined[1], &joined[2]), (&1.into(), &Value::Nil), "the first that is heard");
    for number in (11..500).step_by(2) {
        assert_eq!(peer.receive().await.unwrap(), response(number, Value::Nil));
    }
    let numbers = (10..500).map(|number| number.to_string());
    assert!(journal.lines().into_iter().skip(2).eq(numbers));
    peer.send(&notification("/slow:note", vec![500.into()])).await;
    peer.ping().await;
    assert_eq!(journal.lines().last().unwrap(), "500");
}

#[tokio::test]
async fn every_end_is_reported_once() {
    let (server, journal, _) = server().await;
    for reason in ["server namespace disconnect", "forced close"] {
        let mut peer = Peer::joined(&server, "/").await;
        let socket = server.sockets().pop().unwrap();
        for _ in 0..2 {
            if reason == "forced close" {
                socket.close();
            } else {
                socket.disconnect();
            }
        }
        assert_eq!(socket.closed().await, DisconnectReason::from(reason));
        let line = format!("disconnect: {reason}");
        eventually("its handler ran", || journal.count(&line) == 1).await;
        let told = peer.receive().await.unwrap();
        assert_eq!(told[2].as_array().unwrap().last().unwrap(), &Value::from(reason), "{told}");
        assert!(!socket.is_connected());
        assert!(socket.rooms().len() == 1);
    }
    assert_eq!(journal.lines().iter().filter(|line| line.starts_with("disconnect: ")).count(), 2);
}

#[tokio::test]
async fn jobs_die_with_their_socket() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    for id in 0..3 {
        peer.send(&request(id, "job", vec![])).await;
        peer.receive().await.unwrap();
    }
    let socket = server.sockets().pop().unwrap();
    assert_eq!(journal.count("job dropped"), 0);
    peer.send(&notification("$/disconnect", vec!["/".into()])).await;
    eventually("all are dropped", || journal.count("job dropped") == 3).await;
    socket.closed().await;
    socket.spawn(async { panic!("a job of a closed socket ran") });
    peer.ping().await;
}

#[tokio::test]
async fn a_closed_socket_keeps_nothing_alive() {
    let (server, journal, _) = server().await;
    let peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let guard = std::sync::Arc::new(OnDrop(journal.clone(), "freed"));
    socket.on("hold", {
        let (guard, socket) = (std::sync::Arc::clone(&guard), socket.clone());
        move || {
            let _held = (std::sync::Arc::clone(&guard), socket.clone());
            async {}
        }
    });
    socket.insert((guard, socket.clone()));
    drop(peer);
    socket.closed().await;
    socket.disconnect();
    socket.close();
    eventually("what it held is freed", || journal.count("freed") == 1).await;
    let late = std::sync::Arc::new(OnDrop(journal.clone(), "late freed"));
    socket.insert((late, socket.clone()));
    drop(socket);
    eventually("also what came late", || journal.count("late freed") == 1).await;
}

#[tokio::test]
async fn draining_lets_running_calls_end_and_begins_no_more() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    let mut plain = Peer::connect(&server).await;
    peer.send(&request(2, "wait", vec![2.into()])).await;
    plain.send(&request(3, "wait", vec![3.into()])).await;
    eventually("both run", || journal.lines().iter().filter(|line| line.starts_with("began")).count() == 2)
        .await;
    let shutdown = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(LIMIT).await }
    });
    for peer in [&mut peer, &mut plain] {
        assert_eq!(closing(&peer.receive().await.unwrap()), Some("server shutting down"));
        peer.send(&request(4, "echo", vec![])).await;
        assert_eq!(code(&peer.receive().await.unwrap()), "closing");
        // A plain peer, too, has its running call's answer although this is refused.
        peer.send(&notification("echo", vec![])).await;
    }
    peer.send(&request(5, "$/connect", vec!["/slow".into(), Value::Nil])).await;
    assert_eq!(code(&peer.reply(5).await), "closing");
    server.stopping().await;
    eventually("the refused are counted", || server.refused_events() == 2).await;
    gate.open();
    assert_eq!(peer.reply(2).await, response(2, 2));
    assert_eq!(plain.reply(3).await, response(3, 3));
    peer.rest().await;
    plain.rest().await;
    drop((peer, plain));
    assert!(shutdown.await.unwrap());
    assert_eq!(journal.count("disconnect: server shutting down"), 2);
    assert_eq!(journal.count("connect"), 2);
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline_whatever_runs() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(1, "never", vec![])).await;
    eventually("it runs", || journal.count("never began") == 1).await;
    let joining = asking(&server, "/slow").await;
    eventually("one is about to join", || journal.count("connecting") == 1).await;
    let shutdown = tokio::time::timeout(LIMIT, server.shutdown(Duration::from_millis(50))).await;
    assert!(!shutdown.expect("it ends"), "not by itself");
    assert_eq!(journal.count("never dropped"), 1);
    assert_eq!(journal.count("connect over"), 1);
    assert_eq!(journal.count("disconnect: server shutting down"), 1);
    assert_eq!(server.count(), 0);
    drop((peer, joining));
}
