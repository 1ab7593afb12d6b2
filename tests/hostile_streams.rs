//! Streaming replies and peers that do not keep to the rules.
#![allow(missing_docs)]

#[path = "../jidda-runtime/tests/support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jidda::State;
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::stream::Stream;
use jidda_runtime::ServerBuilder;
use peer::{Peer, closing, code, eventually, notification, request, response};
use tokio::net::TcpListener;
use tokio::sync::Notify;

struct Streams;

#[derive(Default)]
struct Seen {
    begun: AtomicUsize,
    produced: AtomicU64,
    dropped: AtomicUsize,
    gate: Notify,
}

impl Seen {
    fn produced(&self) -> u64 {
        self.produced.load(Ordering::SeqCst)
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

struct Guard(Arc<Seen>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn counting(seen: &Arc<Seen>) -> impl Stream<Item = u64> + use<> {
    seen.begun.fetch_add(1, Ordering::SeqCst);
    stream::unfold(Guard(Arc::clone(seen)), |guard| async move {
        Some((guard.0.produced.fetch_add(1, Ordering::SeqCst), guard))
    })
}

#[on(app = Streams)]
async fn endless(seen: &State<Arc<Seen>>) -> impl Stream<Item = u64> {
    counting(seen)
}

/// Begins only when the test says so.
#[on(app = Streams)]
async fn late(seen: &State<Arc<Seen>>) -> impl Stream<Item = u64> {
    seen.gate.notified().await;
    counting(seen)
}

#[on(app = Streams, sequential)]
async fn in_turn(seen: &State<Arc<Seen>>) -> impl Stream<Item = u64> {
    counting(seen)
}

/// Items of 10 kB.
#[on(app = Streams)]
async fn wide(seen: &State<Arc<Seen>>) -> impl Stream<Item = String> {
    counting(seen).map(|n| format!("{n:10000}"))
}

#[on(app = Streams)]
async fn waits(seen: &State<Arc<Seen>>) {
    seen.gate.notified().await;
}

async fn start() -> (Server, Arc<Seen>) {
    start_with(|server| server).await
}

async fn start_with(build: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, Arc<Seen>) {
    let seen = Arc::<Seen>::default();
    let server = Server::builder().listen("127.0.0.1:0").app::<Streams>().state(Arc::clone(&seen));
    (build(server).start().await.unwrap(), seen)
}

/// A request that takes so many items.
fn asks(id: u32, method: &str, credit: impl Into<Value>) -> Value {
    let Value::Array(mut message) = request(id, method, vec![]) else { unreachable!() };
    message.push(Value::Map(vec![("credit".into(), credit.into())]));
    Value::Array(message)
}

fn item(id: u32, value: impl Into<Value>) -> Value {
    notification("$/item", vec![id.into(), value.into()])
}

fn more(id: u32, count: impl Into<Value>) -> Value {
    notification("$/more", vec![id.into(), count.into()])
}

#[tokio::test]
async fn a_caller_without_streams_gets_an_error_that_says_what_to_do() {
    let (server, seen) = start().await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&request(1, "endless", vec![])).await;
    let refused = peer.reply(1).await;
    assert_eq!(code(&refused), "streaming");
    assert!(refused.to_string().contains("call the event with `credit`"), "{refused}");
    peer.send(&asks(2, "endless", "many")).await;
    assert_eq!(code(&peer.reply(2).await), "streaming");
    assert_eq!((seen.produced(), seen.dropped()), (0, 0), "nothing of it has run");
}

#[tokio::test]
async fn items_are_sent_only_for_credit() {
    let (server, seen) = start().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&asks(7, "endless", 3)).await;
    for n in 0..3 {
        assert_eq!(peer.receive().await.unwrap(), item(7, n));
    }
    // `ping` would find an item before its answer.
    peer.send(&request(1, "$/ping", vec![])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, Value::Nil));
    assert_eq!(seen.produced(), 3);
    peer.send(&more(7, 2)).await;
    assert_eq!(peer.receive().await.unwrap(), item(7, 3));
    assert_eq!(peer.receive().await.unwrap(), item(7, 4));
    assert_eq!(seen.produced(), 5);
    peer.send(&notification("$/cancel", vec![7.into()])).await;
    peer.send(&request(1, "$/ping", vec![])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, Value::Nil));
    assert_eq!(seen.dropped(), 1);
    // Its number is free again.
    peer.send(&asks(7, "endless", 1)).await;
    assert_eq!(peer.receive().await.unwrap(), item(7, 5));
}

#[tokio::test]
async fn credit_may_arrive_before_the_stream() {
    let (server, seen) = start().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&asks(1, "late", 0)).await;
    peer.send(&more(1, 2)).await;
    peer.ping().await;
    seen.gate.notify_one();
    assert_eq!(peer.receive().await.unwrap(), item(1, 0));
    assert_eq!(peer.receive().await.unwrap(), item(1, 1));
    // Also before its turn.
    peer.send(&asks(2, "in_turn", 1)).await;
    assert_eq!(peer.receive().await.unwrap(), item(2, 2));
    peer.send(&asks(3, "in_turn", 0)).await;
    peer.send(&more(3, 2)).await;
    peer.ping().await;
    peer.send(&notification("$/cancel", vec![2.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), item(3, 3));
    assert_eq!(peer.receive().await.unwrap(), item(3, 4));
    // And before the namespace was joined at all.
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    let params = vec!["/".into(), Value::Nil];
    let sent = [request(1, "$/connect", params), asks(4, "endless", 0), more(4, 1)];
    peer.send_bytes(&sent.iter().flat_map(peer::bytes).collect::<Vec<_>>()).await;
    assert_eq!(peer.receive().await.unwrap()[1], 1.into());
    assert_eq!(peer.receive().await.unwrap(), item(4, 5));
}

#[tokio::test]
async fn credit_that_makes_no_sense_ends_the_stream() {
    let (server, seen) = start().await;
    let mut peer = Peer::joined(&server, "/").await;
    let odd: [Value; 7] =
        [0.into(), (-1).into(), "many".into(), Value::Nil, 1.5.into(), u64::MAX.into(), 1_000_001.into()];
    for (count, ended) in odd.into_iter().zip(1..) {
        peer.send(&asks(1, "endless", 1)).await;
        assert_eq!(peer.receive().await.unwrap()[1], "$/item".into());
        peer.send(&more(1, count)).await;
        assert_eq!(code(&peer.reply(1).await), "bad_arguments");
        assert_eq!(seen.dropped(), ended);
    }
    peer.send(&notification("$/more", vec![1.into()])).await;
    // Far too much at the beginning.
    let produced = seen.produced();
    for credit in [1_000_001_u64, u64::from(u32::MAX), u64::MAX] {
        peer.send(&asks(2, "endless", credit)).await;
        assert_eq!(code(&peer.reply(2).await), "bad_arguments");
    }
    assert_eq!(seen.produced(), produced);
    // A bit at a time, while nothing is read.
    let mut greedy = Peer::joined(&server, "/").await;
    greedy.send(&asks(1, "late", 1)).await;
    for _ in 0..11 {
        greedy.send(&more(1, 100_000)).await;
    }
    greedy.ping().await;
    seen.gate.notify_one();
    assert_eq!(code(&greedy.reply(1).await), "bad_arguments");
    // The connections are none the worse for it.
    peer.send(&asks(3, "endless", 1)).await;
    assert_eq!(peer.receive().await.unwrap()[1], "$/item".into());
}

#[tokio::test]
async fn what_is_said_of_unknown_streams_is_passed_over() {
    let (server, _seen) = start().await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(5, "waits", vec![])).await;
    for id in [0, 5, 17, u32::MAX] {
        peer.send(&more(id, 1)).await;
        peer.send(&item(id, 1)).await;
    }
    peer.send(&notification("$/cancel", vec![17.into()])).await;
    peer.ping().await;
    assert_eq!(server.unknown_replies(), 4);
}

#[tokio::test]
async fn what_cannot_be_read_closes_the_connection() {
    let (server, seen) = start().await;
    for odd in [
        notification("$/more", vec![]),
        notification("$/more", vec!["one".into(), 1.into()]),
        notification("$/more", vec![u64::MAX.into(), 1.into()]),
        notification("$/item", vec![1.into()]),
        notification("$/item", vec![]),
        // Its number is in use.
        asks(1, "endless", 1),
    ] {
        let mut peer = Peer::joined(&server, "/").await;
        peer.send(&asks(1, "endless", 1)).await;
        assert_eq!(peer.receive().await.unwrap()[1], "$/item".into());
        let before = seen.dropped();
        peer.send(&odd).await;
        let rest = peer.rest().await;
        assert!(rest.iter().any(|message| closing(message).is_some()), "{odd}: {rest:?}");
        eventually("the producer is gone", || seen.dropped() == before + 1).await;
    }
}

#[tokio::test]
async fn a_server_is_sent_no_items_it_did_not_ask_for() {
    let (server, _seen) = start().await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let call = tokio::spawn(async move { socket.call::<u8>("ask", &()).await });
    let asked = peer.receive().await.unwrap();
    peer.send(&item(u32::try_from(asked[1].as_u64().unwrap()).unwrap(), 1)).await;
    let rest = peer.rest().await;
    assert!(closing(&rest[0]).is_some_and(|reason| reason.contains("no call asked for")), "{rest:?}");
    assert!(call.await.unwrap().unwrap_err().is_disconnected());
}

#[tokio::test]
async fn a_peer_that_grants_and_does_not_read_is_bounded() {
    let (server, seen) =
        start_with(|server| server.max_outbox(100_000).slow_consumer(Duration::from_millis(300))).await;
    let mut peer = Peer::joined(&server, "/").await;
    for id in 0..100 {
        peer.send(&asks(id, "wide", 1_000_000)).await;
    }
    eventually("it is given up", || server.count() == 0).await;
    // Those that it was still listened to for.
    let begun = seen.begun.load(Ordering::SeqCst);
    assert!((1..=100).contains(&begun), "{begun}");
    eventually("its producers are gone", || seen.dropped() == begun).await;
    // What the system's own buffers took, and the outbox: not what was granted.
    assert!(seen.produced() < 10_000, "{}", seen.produced());
}

#[tokio::test]
async fn as_many_streams_as_events_are_granted_more() {
    let (server, seen) = start_with(|server| server.max_in_flight(8)).await;
    let mut peer = Peer::joined(&server, "/").await;
    for id in 0..8 {
        peer.send(&asks(id, "endless", 0)).await;
    }
    peer.send(&asks(8, "endless", 1)).await;
    assert_eq!(code(&peer.reply(8).await), "busy");
    // Events wait until a stream has ended, even when they fill all the room there is for them.
    for _ in 0..3 {
        peer.send(&notification("waits", vec![Value::from("x".repeat(400_000))])).await;
    }
    peer.send(&more(3, 1)).await;
    assert_eq!(peer.receive().await.unwrap(), item(3, 0));
    peer.send(&notification("$/cancel", vec![3.into()])).await;
    eventually("it is gone", || seen.dropped() == 1).await;
}

/// A server of the test's own, and a client of it.
async fn odd_server() -> (Peer, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let mut server = Peer::over(listener.accept().await.unwrap().0);
        for result in [Value::Map(vec![("max_message".into(), 1_000_000.into())]), Value::Map(vec![])] {
            let asked = server.receive().await.unwrap();
            server.send(&response(u32::try_from(asked[1].as_u64().unwrap()).unwrap(), result)).await;
        }
        server
    });
    let client = Client::builder(address).connect().await.unwrap();
    (server.await.unwrap(), client)
}

/// The number of the stream that is asked for, and the credit that comes with it.
async fn asked(server: &mut Peer) -> (u32, u64) {
    let asked = server.receive().await.unwrap();
    let Value::Map(meta) = &asked[4] else { panic!("no meta in {asked}") };
    let credit = meta.iter().find(|(key, _)| key.as_str() == Some("credit")).unwrap();
    (u32::try_from(asked[1].as_u64().unwrap()).unwrap(), credit.1.as_u64().unwrap())
}

#[tokio::test]
async fn a_server_that_sends_more_than_was_granted_is_left() {
    let (mut server, client) = odd_server().await;
    let reader =
        tokio::spawn(
            async move { (client.stream::<u8>("x", &()).window(4).collect::<Vec<_>>().await, client) },
        );
    let (id, credit) = asked(&mut server).await;
    assert_eq!(credit, 4);
    // Two are taken and granted again, whenever; these are too many in any case.
    let flood: Vec<u8> = (0..200_u8).flat_map(|n| peer::bytes(&item(id, n))).collect();
    server.send_bytes(&flood).await;
    let rest = server.rest().await;
    assert!(rest.iter().any(|message| closing(message).is_some()), "{rest:?}");
    let (items, _client) = reader.await.unwrap();
    let (last, taken) = items.split_last().unwrap();
    assert!(taken.iter().all(Result::is_ok) && taken.len() < 200, "{items:?}");
    assert!(last.as_ref().unwrap_err().is_disconnected());
}

#[tokio::test]
async fn unusual_ends_of_a_servers_stream_are_reported() {
    let (mut server, client) = odd_server().await;
    // Nothing comes after the end, whatever is sent.
    let stream = client.stream::<u8>("x", &());
    let reader = tokio::spawn(stream.collect::<Vec<_>>());
    let (id, credit) = asked(&mut server).await;
    assert_eq!(credit, 32);
    for message in [item(id, 1), response(id, Value::Nil), item(id, 2), response(id, 3), item(99, 1)] {
        server.send(&message).await;
    }
    assert_eq!(reader.await.unwrap(), [Ok(1)]);
    // A plain error, as other implementations send them.
    let reader = tokio::spawn(client.stream::<u8>("x", &()).collect::<Vec<_>>());
    let (id, _) = asked(&mut server).await;
    server.send(&item(id, 1)).await;
    server.send(&Value::Array(vec![1.into(), id.into(), "upstream died".into(), Value::Nil])).await;
    let items = reader.await.unwrap();
    assert_eq!(items[0], Ok(1));
    assert!(matches!(&items[1], Err(CallError::Refused { message, .. }) if message == "upstream died"));
    // It goes away without a word.
    let reader = tokio::spawn(client.stream::<u8>("x", &()).collect::<Vec<_>>());
    let (id, _) = asked(&mut server).await;
    server.send(&item(id, 1)).await;
    drop(server);
    let items = reader.await.unwrap();
    assert_eq!(items[0], Ok(1));
    assert_eq!(items[1], Err(CallError::Disconnected { maybe_executed: true }));
}

#[tokio::test]
async fn a_plain_server_is_not_asked_for_streams() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let mut server = Peer::over(listener.accept().await.unwrap().0);
        let hello = server.receive().await.unwrap();
        server.send(&Value::Array(vec![1.into(), hello[1].clone(), "what?".into(), Value::Nil])).await;
        server
    });
    let client = Client::builder(address).connect().await.unwrap();
    let _server = server.await.unwrap();
    let items: Vec<_> = client.stream::<u8>("x", &()).collect().await;
    assert!(
        matches!(&items[..], [Err(CallError::Send(error))] if error.to_string().contains("no streaming replies"))
    );
}
