//! The order in which messages arrive: that in which one task sends them and in which the events of one socket cause them,
//! and one for all who get two broadcasts.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use handlers::{ECHO, HERE, builder, done};
use http::Http;
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry};
use jidda_runtime::{SendError, Server, ServerBuilder, Value};
use peer::{LIMIT, Peer, address, bytes, eventually, notification, request};
use tokio::task::JoinSet;

async fn server(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    change(builder([&ECHO, &SEND]).0).start().await.unwrap()
}

/// Sends its number on, in one way after another: to all by a broadcast, to all one by one, in a call of all, and
/// to each in a call of its own.
fn send(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let socket = context.socket().expect("a socket");
    let value = handlers::first::<Value>(arguments).expect("a number and a text");
    let number = value[0].as_u64().expect("a number");
    // Members that do not answer are no reason to wait for long: what counts is the order of what is sent.
    let limit = Duration::from_secs(1);
    Dispatch::future(async move {
        let others = socket.broadcast();
        match number % 4 {
            0 => drop(others.emit("n", &(number, value[1].as_str())).await),
            1 => {
                for member in others.sockets() {
                    member.emit("n", &(number, "")).await.expect("connected");
                }
            }
            2 => drop(others.call::<Value>("n", &(number, "")).timeout(limit).await),
            _ => {
                let members = others.sockets();
                let calls = members.iter().map(|member| member.call::<Value>("n", &(number, "")));
                let mut calls: Vec<_> = calls.map(|call| call.timeout(limit).into_future()).collect();
                for call in &mut calls {
                    assert!(poll_once(Pin::new(call)).is_pending());
                }
                for call in calls {
                    drop(call.await);
                }
            }
        }
        done(&())
    })
}

static SEND: HandlerEntry = HandlerEntry::new("send", send, HERE);

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// The numbers that a native peer gets, in their order.
async fn native(mut peer: Peer, count: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < usize::try_from(count).unwrap() {
        let message = peer.receive().await.expect("the server goes on");
        // A request has its number in between.
        let at = if message[0] == 0.into() { 2 } else { 1 };
        // A call that is given up is cancelled.
        if message[at] == "n".into() {
            numbers.push(message[at + 1][0].as_u64().expect("a number"));
        }
    }
    numbers
}

/// The number of an event or a call in a packet of Socket.IO, whatever its acknowledgement's id.
fn number_of(packet: &str) -> Option<u64> {
    let (_, arguments) = packet.split_once(r#"["n","#)?;
    arguments[..arguments.find(',')?].parse().ok()
}

/// The numbers that a client of Socket.IO gets by WebSocket.
async fn websocket(server: &Server, version: u8) -> impl Future<Output = Vec<u64>> + Send + 'static {
    let http = Http::connect(&address(server)).await;
    let mut ws = http.websocket(&format!("/socket.io/?EIO={version}&transport=websocket")).await;
    if version == 4 {
        ws.say("40").await;
    }
    while !ws.text().await.starts_with("40") {}
    async move {
        let mut numbers = Vec::new();
        while numbers.len() < COUNT {
            numbers.extend(number_of(&ws.text().await));
        }
        numbers
    }
}

/// The numbers that a client of Socket.IO gets by long polling.
async fn polling(server: &Server) -> impl Future<Output = Vec<u64>> + Send + 'static {
    let mut http = Http::connect(&address(server)).await;
    let opening = http.get("/socket.io/?EIO=4&transport=polling").await;
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={}", &opening.text()[9..29]);
    assert_eq!(http.post(&target, "40").await.status, 200);
    assert!(http.get(&target).await.text().starts_with("40"));
    async move {
        let mut numbers = Vec::new();
        while numbers.len() < COUNT {
            let answer = http.get(&target).await;
            numbers.extend(answer.text().split('\u{1e}').filter_map(number_of));
        }
        numbers
    }
}

const COUNT: usize = 80;

async fn all_wires_keep_the_order(size: usize) {
    let server = server(|builder| builder).await;
    let mut members = JoinSet::new();
    for _ in 0..150 {
        members.spawn(native(Peer::joined(&server, "/").await, COUNT as u64));
    }
    for _ in 0..50 {
        members.spawn(websocket(&server, 4).await);
    }
    for _ in 0..3 {
        members.spawn(websocket(&server, 3).await);
        members.spawn(polling(&server).await);
    }
    let mut teller = Peer::connect(&server).await;
    teller.hello().await;
    teller.join(1, "/").await;
    let pad = "x".repeat(size);
    let events = (0..COUNT as u64).map(|number| Value::Array(vec![number.into(), pad.as_str().into()]));
    let segment: Vec<u8> = events.flat_map(|event| bytes(&notification("send", vec![event]))).collect();
    teller.send_bytes(&segment).await;
    let expected: Vec<_> = (0..COUNT as u64).collect();
    while let Some(numbers) = members.join_next().await {
        assert_eq!(numbers.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_events_of_one_socket_cause_what_they_cause_in_order() {
    all_wires_keep_the_order(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn large_events_keep_the_order_too() {
    all_wires_keep_the_order(20_000).await;
}

#[tokio::test]
async fn one_thread_keeps_the_order_too() {
    all_wires_keep_the_order(4096).await;
}

/// Two rooms that share most of their members, and several tasks that tell both at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_broadcasts_have_the_same_order_at_all_receivers() {
    const TELLERS: u64 = 4;
    const EACH: u64 = 40;
    let server = server(|builder| builder).await;
    let mut members = JoinSet::new();
    for _ in 0..200 {
        members.spawn(native(Peer::joined(&server, "/").await, TELLERS * EACH));
    }
    eventually("all have joined", || server.count() == 200).await;
    for socket in server.sockets() {
        socket.join("a").await.unwrap();
        socket.join("b").await.unwrap();
    }
    let pad = "x".repeat(3000);
    let mut tellers = JoinSet::new();
    for teller in 0..TELLERS {
        let (server, pad) = (server.clone(), pad.clone());
        tellers.spawn(async move {
            let room = if teller % 2 == 0 { "a" } else { "b" };
            for number in 0..EACH {
                server.to(room).emit("n", &(teller * EACH + number, &pad)).await.unwrap();
            }
        });
    }
    tellers.join_all().await;
    let heard = members.join_all().await;
    for numbers in &heard {
        assert_eq!(numbers, &heard[0]);
    }
    for teller in 0..TELLERS {
        let own: Vec<_> = heard[0].iter().filter(|number| **number / EACH == teller).collect();
        assert!(own.is_sorted(), "{own:?}");
    }
}

/// What waits for room stands in the order in which it was sent, whatever it is; what its sender gave up is not sent.
#[tokio::test]
async fn what_waits_for_room_keeps_its_place() {
    let server = server(|builder| builder.max_outbox(64 << 10).slow_consumer(LIMIT)).await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let pad = "x".repeat(30_000);
    let mut number = 0;
    // Until nothing more is taken, and the outbox is full as well.
    loop {
        let event = (number, &pad);
        let mut emit = pin!(socket.emit("n", &event));
        match poll_once(emit.as_mut()) {
            Poll::Ready(sent) => sent.unwrap(),
            Poll::Pending => break,
        }
        number += 1;
        tokio::task::yield_now().await;
    }
    assert_eq!(socket.try_emit("n", &(0, "")), Err(SendError::Full));
    assert_eq!(socket.volatile().emit("n", &(0, "")), Ok(false));
    let everyone = server.of("/");
    let first = (number, &pad);
    let mut first = Box::pin(socket.emit("n", &first));
    assert!(poll_once(first.as_mut()).is_pending());
    let given_up = (1_000_000, &pad);
    let mut dropped = Box::pin(socket.emit("n", &given_up));
    assert!(poll_once(dropped.as_mut()).is_pending());
    let second = (number + 1, &pad);
    let mut second = Box::pin(everyone.emit("n", &second));
    assert!(poll_once(second.as_mut()).is_pending());
    let mut third = Box::pin(
        socket.call::<Value>("n", &(number + 2, &pad)).timeout(Duration::from_secs(50)).into_future(),
    );
    assert!(poll_once(Pin::new(&mut *third)).is_pending());
    let given_up_call = socket.call::<Value>("n", &(1_000_001, &pad));
    let mut dropped_call = given_up_call.into_future();
    assert!(poll_once(Pin::new(&mut dropped_call)).is_pending());
    let fourth = (number + 3, "small");
    let mut fourth = Box::pin(socket.emit("n", &fourth));
    assert!(poll_once(fourth.as_mut()).is_pending());
    drop((dropped, dropped_call));
    let reading = async {
        let mut deadline = Value::Nil;
        for expected in 0..number + 4 {
            let message = peer.receive().await.expect("the server goes on");
            let is_call = message[0] == 0.into();
            assert_eq!(is_call, expected == number + 2, "{expected}");
            let parameters = if is_call { &message[3] } else { &message[2] };
            assert_eq!(parameters[0], expected.into());
            if is_call {
                deadline = message[4].clone();
                peer.send(&peer::response(u32::try_from(message[1].as_u64().unwrap()).unwrap(), 7)).await;
            }
        }
        deadline
    };
    let (deadline, first, second, third, fourth) = tokio::join!(reading, first, second, third, fourth);
    assert_eq!((first, second, fourth), (Ok(()), Ok(1), Ok(())));
    assert_eq!(third.unwrap(), Value::from(7));
    // A call that waited for room still says how long it has.
    let Value::Map(meta) = deadline else { panic!("no deadline in {deadline}") };
    assert!(meta.iter().any(|(key, value)| key.as_str() == Some("deadline") && value.as_u64() > Some(0)));
}

/// What waits for the room of a namespace that is left is not sent behind its end.
#[tokio::test]
async fn what_waits_ends_with_its_namespace() {
    let server = server(|builder| builder.max_outbox(64 << 10).slow_consumer(LIMIT)).await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let pad = "x".repeat(30_000);
    let mut sent = 0;
    let mut waiting = loop {
        let mut emit = Box::pin(socket.emit("n", &pad));
        match poll_once(emit.as_mut()) {
            Poll::Ready(done) => done.unwrap(),
            Poll::Pending => break emit,
        }
        sent += 1;
        tokio::task::yield_now().await;
    };
    let mut call = socket.call::<Value>("n", &pad).into_future();
    assert!(poll_once(Pin::new(&mut call)).is_pending());
    socket.disconnect();
    assert_eq!(tokio::time::timeout(LIMIT, &mut waiting).await, Ok(Err(SendError::NotConnected)));
    assert!(call.await.unwrap_err().is_disconnected());
    for _ in 0..sent {
        assert_eq!(peer.receive().await.unwrap()[1], "n".into());
    }
    assert_eq!(peer.receive().await.unwrap()[1], "$/disconnect".into());
    peer.send(&request(7, "$/ping", vec![])).await;
    assert_eq!(peer.receive().await.unwrap()[1], 7.into());
}

/// More than the outbox may hold, in less time than any limit: members who read get all of it, and stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_delays_its_senders_and_ends_no_reading_peer() {
    let server = server(|builder| builder).await;
    let mut members = JoinSet::new();
    for _ in 0..8 {
        members.spawn(native(Peer::joined(&server, "/").await, 14));
    }
    let pad = "x".repeat(900_000);
    let mut tellers = JoinSet::new();
    for number in 0..14 {
        let (server, pad) = (server.clone(), pad.clone());
        tellers.spawn(async move { server.of("/").emit("n", &(number, &pad)).await });
    }
    for told in tellers.join_all().await {
        assert_eq!(told, Ok(8));
    }
    for numbers in members.join_all().await {
        assert_eq!(numbers.len(), 14);
    }
}

/// One member that reads nothing delays a broadcast for a moment once, and the others not at all.
#[tokio::test]
async fn a_peer_that_does_not_read_is_disconnected() {
    let server = server(|builder| builder.max_outbox(64 << 10).slow_consumer(LIMIT)).await;
    let _silent = Peer::joined(&server, "/").await;
    let other = tokio::spawn(native(Peer::joined(&server, "/").await, 400));
    let pad = "x".repeat(30_000);
    let mut told = Vec::new();
    for number in 0..400 {
        told.push(server.of("/").emit("n", &(number, &pad)).await.unwrap());
    }
    assert!(other.await.unwrap().into_iter().eq(0..400));
    assert_eq!((told[0], told[399]), (2, 1));
    assert_eq!(server.count(), 1);
}

/// A few bytes now and then are no progress.
#[tokio::test]
async fn a_peer_that_reads_a_few_bytes_at_a_time_is_slow() {
    let server = server(|builder| builder.slow_consumer(Duration::from_millis(400))).await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let pad = "x".repeat(30_000);
    while socket.try_emit("n", &pad).is_ok() {
        tokio::task::yield_now().await;
    }
    let mut few = [0; 100];
    let closed = socket.closed();
    let trickle = async {
        // Until the connection is reset, or what was sent before its end is read.
        while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut peer.stream, &mut few).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::future::pending::<()>().await;
    };
    let reason = tokio::time::timeout(LIMIT, async {
        tokio::select! { reason = closed => reason, () = trickle => unreachable!() }
    });
    assert_eq!(reason.await.unwrap().as_str(), "slow consumer");
}

/// What the same turn sent is no reason to drop a volatile event; what an earlier write left is.
#[tokio::test]
async fn a_volatile_event_may_follow_what_was_just_sent() {
    let server = server(|builder| builder).await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    socket.emit("n", &(0, "")).await.unwrap();
    for number in 1..10 {
        assert_eq!(socket.volatile().emit("n", &(number, "")), Ok(true));
    }
    for number in 0..10 {
        assert_eq!(peer.receive().await.unwrap(), notification("n", vec![number.into(), "".into()]));
    }
}
