//! One event for many: whoever hands it over, each has it once and in order, whatever else goes on.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::io::Read as _;
use std::time::Duration;

use futures_util::FutureExt as _;
use handlers::{ECHO, builder};
use jidda_runtime::{Server, ServerBuilder};
use peer::{LIMIT, Peer, bytes, eventually, notification, request, response};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// More than one task hands over where there are several worker threads.
const MANY: usize = 300;

async fn server(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    change(builder([&ECHO]).0).start().await.unwrap()
}

/// Longer than the time in which broadcasts are gathered.
async fn pause() {
    sleep(Duration::from_millis(3)).await;
}

#[tokio::test]
async fn a_frame_for_an_idle_peer_is_written_by_the_broadcaster() {
    let server = server(|builder| builder).await;
    let mut peer = Peer::joined(&server, "/").await;
    peer.ping().await;
    let mut stream = peer.stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let expected = bytes(&notification("news", vec![7.into()]));
    // The first one of a new server may pass for one that follows another.
    for _ in 0..10 {
        pause().await;
        // Polled once: the connection's task, which this thread would run, does not.
        assert_eq!(server.of("/").emit("news", &7).now_or_never(), Some(Ok(1)));
        let mut came = vec![0; expected.len()];
        if stream.read_exact(&mut came).is_ok() {
            assert_eq!(came, expected);
            return;
        }
    }
    panic!("the task had to be woken each time");
}

#[tokio::test]
async fn what_a_stream_takes_a_part_of_is_continued_in_order() {
    let server = server(|builder| builder.max_outbox(64 << 20).slow_consumer(LIMIT)).await;
    let mut peer = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let text = "x".repeat(20_001);
    let (mut sent, mut waiting) = (0, 0);
    // The system's buffers are full when the outbox is not emptied any more.
    while waiting < 20 {
        assert_eq!(server.of("/").emit("news", &(sent, &text)).await.unwrap(), 1);
        sent += 1;
        pause().await;
        waiting = if socket.volatile().emit("probe", &0).unwrap() { 0 } else { waiting + 1 };
        pause().await;
    }
    let mut next = 0;
    while next < sent {
        let message = peer.receive().await.unwrap();
        if message[1] == "news".into() {
            assert_eq!(message[2][0], next.into());
            assert_eq!(message[2][1].as_str().map(str::len), Some(text.len()));
            next += 1;
        }
    }
    peer.ping().await;
}

/// Reads until it has `count` events from each of two, and calls in between. Who `leaves` is gone before.
async fn listen(mut peer: Peer, count: u64, leaves: bool) {
    let (mut next, mut calls, mut replies) = ([0, 0], 0, 0);
    while next != [count, count] || replies < calls {
        let message = peer.receive().await.expect("the server goes on");
        if message[0] == 1.into() {
            assert_eq!(message, response(replies, replies));
            replies += 1;
            continue;
        }
        let (from, number) = (message[2][0].as_u64().unwrap(), message[2][1].as_u64().unwrap());
        let next = &mut next[usize::try_from(from).unwrap()];
        assert_eq!(number, *next, "of {from}");
        *next += 1;
        if number % 7 == 0 {
            peer.send(&request(calls, "echo", vec![calls.into()])).await;
            calls += 1;
        }
        if leaves && number == count / 2 {
            return;
        }
    }
}

async fn two_tell_many(listeners: usize) {
    const COUNT: u64 = 60;
    let server = server(|builder| builder).await;
    let mut audience = JoinSet::new();
    for place in 0..listeners {
        let peer = Peer::joined(&server, "/").await;
        audience.spawn(listen(peer, COUNT, place % 10 == 9));
    }
    let staying = listeners - listeners / 10;
    let mut tellers = JoinSet::new();
    for from in 0..2u64 {
        let server = server.clone();
        tellers.spawn(async move {
            for number in 0..COUNT {
                let told = server.of("/").emit("news", &(from, number)).await.unwrap();
                assert!((staying..=listeners).contains(&told), "{told}");
                // Some come at once and some after a while.
                if number % 3 == from {
                    pause().await;
                }
            }
        });
    }
    tellers.join_all().await;
    audience.join_all().await;
    eventually("all have left", || server.count() == 0).await;
}

#[tokio::test]
async fn everyone_has_each_event_once_and_in_order() {
    two_tell_many(50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everyone_has_each_event_once_and_in_order_from_several_threads() {
    two_tell_many(MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_dropped_or_watched_by_one_that_panics_reaches_all() {
    let server = server(|builder| builder).await;
    let mut peers = Vec::new();
    for _ in 0..MANY {
        peers.push(Peer::joined(&server, "/").await);
    }
    drop(server.of("/").emit("news", &"dropped").now_or_never());
    let all = server.sockets();
    all.last().unwrap().on_any_outgoing(|event, _| assert_ne!(&**event, "failing"));
    assert_eq!(server.of("/").emit("failing", &0).await.unwrap(), MANY);
    assert_eq!(server.of("/").emit("news", &"last").await.unwrap(), MANY);
    for mut peer in peers {
        assert_eq!(peer.receive().await.unwrap(), notification("news", vec!["dropped".into()]));
        assert_eq!(peer.receive().await.unwrap(), notification("failing", vec![0.into()]));
        assert_eq!(peer.receive().await.unwrap(), notification("news", vec!["last".into()]));
    }
}
