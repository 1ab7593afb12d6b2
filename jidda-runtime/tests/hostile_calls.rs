//! Peers that call, cancel, panic, join and vanish as they please.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use handlers::{
    ASK, CONNECT, DISCONNECT, ECHO, EXPLODE, Gate, HERE, Journal, NEVER, NOTE, SLOW_CONNECT, SLOW_DISCONNECT,
    SLOW_NOTE, WAIT, WAIT_IN_TURN, builder, done,
};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Error, Server, ServerBuilder, Value};
use peer::{Peer, bytes, closing, code, eventually, notification, request, response};

/// Joins a room, says who it is, waits for the gate, and then is refused.
fn refuse_late(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let gate = Gate::of(&context);
    Dispatch::future(async move {
        let socket = context.socket().expect("a socket");
        socket.join("lobby").await.ok();
        socket.identify("mallory").ok();
        gate.pass().await;
        Reply::error(Error::new("banned", "go away"))
    })
}

/// Says who it is only after the gate.
fn identify_late(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let (journal, gate) = (Journal::of(&context), Gate::of(&context));
    Dispatch::future(async move {
        let socket = context.socket().expect("a socket");
        gate.pass().await;
        socket.join("lobby").await.ok();
        socket.identify("mallory").ok();
        journal.write("identified");
        done(&())
    })
}

fn refuse_at_once(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::refused(Error::new("banned", "go away"))
}

static REFUSE: HandlerEntry = HandlerEntry::new("connect", refuse_late, HERE).namespaced("/refused");
static IDENTIFY: HandlerEntry = HandlerEntry::new("connect", identify_late, HERE).namespaced("/identified");
static REFUSE_ROOT: HandlerEntry = HandlerEntry::new("connect", refuse_at_once, HERE);
static FAMILY: HandlerEntry = HandlerEntry::new("connect", accept, HERE).namespaced("/orders/{id}");
static FAMILY_ECHO: HandlerEntry = HandlerEntry::new("path", path, HERE).namespaced("/orders/{id}");

fn accept(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(done(&()))
}

fn path(context: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(done(context.origin().namespace()))
}

static HANDLERS: [&HandlerEntry; 16] = [
    &ASK,
    &CONNECT,
    &DISCONNECT,
    &ECHO,
    &EXPLODE,
    &NEVER,
    &NOTE,
    &WAIT,
    &WAIT_IN_TURN,
    &SLOW_CONNECT,
    &SLOW_DISCONNECT,
    &SLOW_NOTE,
    &REFUSE,
    &IDENTIFY,
    &FAMILY,
    &FAMILY_ECHO,
];

async fn server_with(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, Journal, Gate) {
    let (builder, journal, gate) = builder(HANDLERS);
    (change(builder).start().await.unwrap(), journal, gate)
}

async fn server() -> (Server, Journal, Gate) {
    server_with(|builder| builder).await
}

#[tokio::test]
async fn a_peer_that_vanishes_mid_call_takes_its_handlers_along() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(1, "never", vec![])).await;
    peer.send(&request(2, "ask", vec![])).await;
    assert_eq!(peer.receive().await.unwrap()[2], "question".into());
    let socket = server.sockets().pop().unwrap();
    let call = tokio::spawn({
        let socket = socket.clone();
        async move { socket.call::<Value>("question", &()).await }
    });
    assert_eq!(peer.receive().await.unwrap()[2], "question".into());
    drop(peer);
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
    eventually("it was told to be gone", || journal.len() == 5).await;
    let lines = journal.lines();
    assert_eq!(lines[..2], ["connect", "never began"]);
    assert_eq!(journal.count("never dropped"), 1);
    assert_eq!(journal.count("ask dropped"), 1);
    assert!(lines[4].starts_with("disconnect: transport "), "{lines:?}");
    eventually("it is in no room", || server.count() == 0).await;
    assert!(!socket.is_connected());
    assert!(socket.emit("late", &()).await.is_err());
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_and_its_number_is_free() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(1, "never", vec![])).await;
    peer.ping().await;
    // In one write: the number is used again before the server has had a moment to clean up.
    let mut out = bytes(&notification("$/cancel", vec![1.into()]));
    out.extend_from_slice(&bytes(&request(1, "never", vec![])));
    out.extend_from_slice(&bytes(&notification("$/cancel", vec![1.into()])));
    out.extend_from_slice(&bytes(&request(1, "echo", vec!["again".into()])));
    peer.send_bytes(&out).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, "again"));
    eventually("both were dropped", || journal.count("never dropped") == 2).await;
    // What was never there can be cancelled without harm.
    peer.send(&notification("$/cancel", vec![77.into()])).await;
    peer.ping().await;
}

#[tokio::test]
async fn a_cancelled_call_that_waits_for_its_turn_never_runs() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    for id in 1..=3 {
        peer.send(&request(id, "wait_in_turn", vec![id.into()])).await;
    }
    peer.send(&notification("$/cancel", vec![2.into()])).await;
    peer.ping().await;
    gate.open();
    assert_eq!(peer.receive().await.unwrap(), response(1, 1));
    assert_eq!(peer.receive().await.unwrap(), response(3, 3));
    assert_eq!(journal.lines()[1..], ["began 1", "ended 1", "began 3", "ended 3"]);
}

#[tokio::test]
async fn a_panic_is_the_callers_alone() {
    let (server, _, gate) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(1, "wait", vec![1.into()])).await;
    for (id, params) in [(2, vec![]), (3, vec![1.into()])] {
        peer.send(&request(id, "explode", params)).await;
        let reply = peer.receive().await.unwrap();
        assert_eq!((&reply[1], code(&reply)), (&id.into(), "internal"));
        let text = reply.to_string();
        assert!(!text.contains("boom"), "the panic's text stays at the server: {text}");
        let Value::Map(error) = &reply[2] else { unreachable!() };
        let data = &error.iter().find(|(key, _)| key.as_str() == Some("data")).expect("an id").1;
        assert_eq!(data.as_str().map(str::len), Some(20));
    }
    peer.send(&notification("explode", vec![])).await;
    gate.open();
    assert_eq!(peer.reply(1).await, response(1, 1));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn saying_hello_and_joining_twice() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec!["/".into(), Value::Nil])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "already_connected");
    peer.send(&request(2, "$/connect", vec!["/nowhere".into(), Value::Nil])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_found");
    peer.send(&request(3, "/nowhere:echo", vec![1.into()])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_connected");
    peer.send(&notification("/nowhere:echo", vec![1.into()])).await;
    let refused = peer.receive().await.unwrap();
    assert_eq!(refused[1], "$/refused".into());
    assert_eq!(refused[2][0], "/nowhere:echo".into());
    peer.send(&request(4, "echo", vec![1.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(4, 1));
    assert_eq!(server.count(), 1);
    peer.send(&notification("$/disconnect", vec!["/".into()])).await;
    peer.send(&request(5, "echo", vec![1.into()])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_connected");
    peer.join(6, "/").await;
    drop(peer);
    eventually("it left twice", || journal.len() == 4).await;
    assert_eq!(journal.count("connect"), 2);
    assert_eq!(journal.count("disconnect: client namespace disconnect"), 1);
}

#[tokio::test]
async fn before_joining_a_peer_that_said_hello_is_not_connected() {
    let (server, journal, _) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.send(&request(1, "echo", vec![1.into()])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_connected");
    peer.send(&notification("note", vec![1.into()])).await;
    assert_eq!(peer.receive().await.unwrap()[1], "$/refused".into());
    assert_eq!(journal.len(), 0);
    assert_eq!(server.refused_events(), 1);
}

#[tokio::test]
async fn ten_thousand_namespaces_are_too_many() {
    let (server, _, _) = server_with(|builder| builder.max_namespaces(50)).await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    let (mut reader, mut writer) = peer.stream.into_split();
    let sending = tokio::spawn(async move {
        let mut out = Vec::new();
        for id in 0..10_000u32 {
            out.extend(bytes(&request(id, "$/connect", vec![format!("/orders/{id}").into(), Value::Nil])));
        }
        tokio::io::AsyncWriteExt::write_all(&mut writer, &out).await.unwrap();
        writer
    });
    let (mut joined, mut busy, mut buffer) = (0, 0, Vec::new());
    while joined + busy < 10_000 {
        assert_ne!(tokio::io::AsyncReadExt::read_buf(&mut reader, &mut buffer).await.unwrap(), 0);
        let mut rest = buffer.as_slice();
        let mut used = 0;
        while let Ok(message) = rmpv::decode::read_value(&mut rest) {
            used = buffer.len() - rest.len();
            if message[2].is_nil() {
                joined += 1;
            } else {
                assert_eq!(code(&message), "busy");
                busy += 1;
            }
        }
        buffer.drain(..used);
    }
    assert_eq!((joined, busy), (50, 9950));
    drop((reader, sending.await.unwrap()));
    eventually("all left", || server.of("/orders/7").count() == 0).await;
}

#[tokio::test]
async fn a_namespace_whose_events_could_not_be_named_is_not_joined() {
    let (server, _, _) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec!["/orders/a:b".into(), Value::Nil])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "not_found");
    peer.join(2, "/orders/a").await;
    peer.send(&request(3, "/orders/a:path", vec![])).await;
    assert_eq!(peer.receive().await.unwrap(), response(3, "/orders/a"));
}

#[tokio::test]
async fn a_plain_peer_that_is_refused_hears_it_once() {
    let (builder, _, _) = builder([&REFUSE_ROOT, &ECHO]);
    let server = builder.start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.send(&request(7, "echo", vec![1.into()])).await;
    let heard = peer.rest().await;
    let replies: Vec<_> = heard.iter().filter(|message| message[0] == 1.into()).map(code).collect();
    assert_eq!(replies, ["banned"], "{heard:?}");
    let closings: Vec<_> = heard.iter().filter_map(closing).collect();
    assert_eq!(closings, ["go away (banned)"], "{heard:?}");
}

#[tokio::test]
async fn a_peer_that_leaves_while_joining_gets_every_answer() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    let mut out = bytes(&request(1, "$/connect", vec!["/slow".into(), Value::Nil]));
    out.extend_from_slice(&bytes(&request(2, "/slow:note", vec![1.into()])));
    out.extend_from_slice(&bytes(&notification("$/disconnect", vec!["/slow".into()])));
    peer.send_bytes(&out).await;
    let mut answered = vec![peer.receive().await.unwrap(), peer.receive().await.unwrap()];
    answered.sort_by_key(|reply| reply[1].as_u64());
    assert_eq!((&answered[0][1], &answered[1][1]), (&1.into(), &2.into()));
    assert!(answered.iter().all(|reply| reply[2].is_map()), "{answered:?}");
    gate.open();
    eventually("the handler is over", || journal.count("connect over") == 1).await;
    peer.ping().await;
    assert_eq!(journal.lines(), ["connecting", "connect over"], "not accepted, so not disconnected");
    assert_eq!(server.of("/slow").count(), 0);
    peer.join(3, "/slow").await;
}

#[tokio::test]
async fn the_refused_are_in_no_room() {
    let (server, _, gate) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec!["/refused".into(), Value::Nil])).await;
    eventually("it is in the lobby", || server.of("/refused").to("lobby").count() == 1).await;
    gate.open();
    assert_eq!(code(&peer.receive().await.unwrap()), "banned");
    assert_eq!(server.of("/refused").to("lobby").count(), 0);
    assert_eq!(server.user("mallory").count(), 0);
}

#[tokio::test]
async fn a_call_to_a_room_adds_no_member() {
    let (server, _, gate) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec!["/refused".into(), Value::Nil])).await;
    let lobby = server.of("/refused").to("lobby");
    eventually("it is in the lobby", || lobby.count() == 1).await;
    let replies = lobby.call::<Value>("secret", &()).timeout(std::time::Duration::from_millis(1)).await;
    assert!(replies.unwrap().iter().all(|(_, reply)| reply.is_err()));
    gate.open();
    assert_eq!(code(&peer.receive().await.unwrap()), "banned");
}

#[tokio::test]
async fn a_socket_that_left_is_not_restored_by_its_own_handler() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    let mut out = bytes(&request(1, "$/connect", vec!["/identified".into(), Value::Nil]));
    out.extend_from_slice(&bytes(&notification("$/disconnect", vec!["/identified".into()])));
    peer.send_bytes(&out).await;
    peer.ping().await;
    gate.open();
    eventually("the handler ran on", || journal.count("identified") == 1).await;
    peer.ping().await;
    assert_eq!(server.user("mallory").count(), 0);
    assert_eq!(server.of("/identified").to("lobby").count(), 0);
}

#[tokio::test]
async fn leaving_with_a_bang_still_runs_the_disconnect_handler() {
    let (server, journal, _) = server().await;
    for end in [&[0xc1][..], b"", &bytes(&request(1, "$/connect", vec!["/".into(), Value::Nil]))] {
        let before = journal.len();
        let mut peer = Peer::joined(&server, "/").await;
        let mut out = bytes(&notification("$/disconnect", vec!["/".into()]));
        out.extend_from_slice(end);
        peer.send_bytes(&out).await;
        drop(peer);
        let pairs = if end.len() > 1 { 2 } else { 1 };
        eventually("each connect has its disconnect", || journal.len() == before + 2 * pairs).await;
        assert_eq!(journal.lines()[before..].iter().filter(|line| *line == "connect").count(), pairs);
        eventually("nobody is left in the rooms", || server.count() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_a_thousand_leaves_nothing_behind() {
    let (server, journal, _) = server().await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for wave in 0..10 {
        let mut peers = Vec::new();
        for index in 0..100 {
            let mut peer = Peer::connect(&server).await;
            match (wave + index) % 4 {
                0 => {}
                1 => peer.send(&request(1, "never", vec![])).await,
                2 => peer.send(&request(1, "echo", vec![1.into()])).await,
                _ => {
                    peer.hello().await;
                    peer.join(1, "/").await;
                }
            }
            peers.push(peer);
        }
        drop(peers);
    }
    eventually("all are gone", || server.count() == 0 && tasks() <= before).await;
    let disconnects = journal.lines().iter().filter(|line| line.starts_with("disconnect: ")).count();
    assert_eq!(disconnects, journal.count("connect"));
    assert_eq!(journal.count("never began"), journal.count("never dropped"));
    assert!(journal.count("connect") >= 250);
}

#[tokio::test]
async fn a_call_cancelled_before_its_socket_was_accepted_never_runs() {
    let (server, journal, gate) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    let mut out = bytes(&request(1, "$/connect", vec!["/slow".into(), Value::Nil]));
    out.extend_from_slice(&bytes(&request(2, "/slow:note", vec![2.into()])));
    out.extend_from_slice(&bytes(&request(3, "/slow:note", vec![3.into()])));
    out.extend_from_slice(&bytes(&notification("$/cancel", vec![2.into()])));
    peer.send_bytes(&out).await;
    // The answer to this tells that all before it was read.
    peer.ping().await;
    gate.open();
    assert_eq!(peer.receive().await.unwrap()[1], 1.into());
    assert_eq!(peer.receive().await.unwrap()[1], 3.into());
    assert_eq!(journal.count("2"), 0);
    assert_eq!(journal.count("3"), 1);
}
