//! Long polling, and the change to a WebSocket.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::engine::{self, Manner, Seen, Upgrade};
use super::server::HandServer;
use super::*;
use crate::wire::websocket::{self, masked_frame, opcode};

/// A generous limit for what happens on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const MESSAGES: usize = 500;

fn only(transports: &[WebTransport]) -> WebOptions {
    WebOptions { transports: transports.to_vec(), ..WebOptions::default() }
}

async fn opened(manner: Manner, options: &WebOptions) -> (Opened, HandServer, Arc<Seen>) {
    let (server, seen) = engine::start(manner).await;
    let opened = open(&address(&format!("http://{}", server.authority)), options).await.unwrap();
    assert_eq!((opened.version, opened.transport), (manner.version, Transport::Polling));
    (opened, server, seen)
}

/// What the message of this number is: every seventh is bytes, of many sizes.
fn message(version: Version, number: usize) -> (u8, Vec<u8>) {
    if number.is_multiple_of(7) {
        let mut bytes = if version == Version::V3 { vec![4] } else { Vec::new() };
        bytes.extend(number.to_be_bytes());
        bytes.resize(bytes.len() + number, 0xfe);
        (opcode::BINARY, bytes)
    } else {
        (opcode::TEXT, format!("4{number} € 😀").into_bytes())
    }
}

/// Reads one frame of the server.
async fn read(stream: &mut Stream, bytes: &mut Vec<u8>) -> (u8, Vec<u8>) {
    loop {
        if let Some(head) = websocket::head(bytes).unwrap()
            && bytes.len() >= head.size + head.length
        {
            assert_eq!(head.mask, None);
            let payload = bytes[head.size..head.size + head.length].to_vec();
            bytes.drain(..head.size + head.length);
            return (head.opcode, payload);
        }
        assert!(stream.read_buf(bytes).await.unwrap() > 0, "the stream ended");
    }
}

/// Sends messages that the server sends back, and looks at their order. `before` is called before each.
async fn exchange(opened: &mut Opened, mut before: impl AsyncFnMut(usize, &Opened)) {
    let (version, mut bytes) = (opened.version, Vec::new());
    if version == Version::V3 {
        assert_eq!(read(&mut opened.stream, &mut bytes).await, (opcode::TEXT, b"40".to_vec()));
    }
    let mut received = 0;
    for number in 0..MESSAGES {
        before(number, opened).await;
        let (opcode, payload) = message(version, number);
        let mut frame = Vec::new();
        masked_frame(&mut frame, opcode, &payload);
        opened.stream.write_all(&frame).await.unwrap();
        if number % 50 == 49 {
            while received < number / 2 {
                let next = read(&mut opened.stream, &mut bytes).await;
                assert_eq!(next, message(version, received), "{received}");
                received += 1;
            }
        }
    }
    while received < MESSAGES {
        let next = read(&mut opened.stream, &mut bytes).await;
        assert_eq!(next, message(version, received), "{received}");
        received += 1;
    }
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn messages_of_both_versions_stay_in_order() {
    for version in [Version::V4, Version::V3] {
        for closes_connections in [false, true] {
            let manner = Manner { closes_connections, ..Manner::new(version) };
            let (mut opened, _server, seen) = opened(manner, &only(&[WebTransport::Polling])).await;
            timeout(LIMIT, exchange(&mut opened, async |_, _| {})).await.expect("in time");
            assert!(seen.most_bytes.load(Ordering::Relaxed) <= 1000, "{seen:?}");
            let posts = seen.posts.load(Ordering::Relaxed);
            assert!(posts > 10 && posts < MESSAGES, "several packets go in one body: {posts}");
            assert_eq!(seen.probes.load(Ordering::Relaxed), 0);
            let requests = seen.gets.load(Ordering::Relaxed) + posts;
            assert_eq!(seen.cookies.load(Ordering::Relaxed), requests, "each request has the cookie");
        }
    }
}

#[tokio::test]
async fn an_upgrade_loses_nothing_and_repeats_nothing() {
    for version in [Version::V4, Version::V3] {
        let manner = Manner { upgrade: Upgrade::Offered, ..Manner::new(version) };
        let options = only(&[WebTransport::Polling, WebTransport::WebSocket]);
        // The change meets messages under way, or none.
        for at in [0, 1, 100, MESSAGES] {
            let (mut opened, _server, seen) = opened(manner, &options).await;
            let exchanging = exchange(&mut opened, async |number, opened: &Opened| {
                while number == at && !opened.upgraded.load(crate::sync::atomic::Ordering::Relaxed) {
                    tokio::task::yield_now().await;
                }
            });
            timeout(LIMIT, exchanging).await.expect("in time");
            while !opened.upgraded.load(crate::sync::atomic::Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            assert_eq!(seen.upgrades.load(Ordering::Relaxed), 1);
            let mut frame = Vec::new();
            masked_frame(&mut frame, opcode::TEXT, b"4last");
            opened.stream.write_all(&frame).await.unwrap();
            let last = read(&mut opened.stream, &mut Vec::new()).await;
            assert_eq!(last, (opcode::TEXT, b"4last".to_vec()));
            assert_eq!(opened.stream.medium(), Transport::Tcp, "the stream is the WebSocket's own");
        }
    }
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_polling_as_it_was() {
    for upgrade in [Upgrade::Refused, Upgrade::Confused, Upgrade::Dropped] {
        let manner = Manner { upgrade, ..Manner::new(Version::V4) };
        let options = only(&[WebTransport::Polling, WebTransport::WebSocket]);
        let (mut opened, _server, seen) = opened(manner, &options).await;
        // Until the first message no request ends, so that the client learns of the end before it could take over.
        let dropped = async |number, _: &Opened| {
            while number == 0 && upgrade == Upgrade::Dropped && seen.drops.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(LIMIT, exchange(&mut opened, dropped)).await.expect("in time");
        assert_eq!(seen.probes.load(Ordering::Relaxed), 1, "{upgrade:?}");
        assert_eq!(seen.upgrades.load(Ordering::Relaxed), 0);
        assert!(!opened.upgraded.load(crate::sync::atomic::Ordering::Relaxed));
    }
}

#[tokio::test]
async fn our_own_server_is_polled_and_upgraded() {
    let server = crate::Server::builder().listen("127.0.0.1:0").start().await.unwrap();
    let address = address(&server.addresses()[0].to_string().replace("tcp", "http"));
    for (transports, upgrades) in
        [(&[WebTransport::Polling][..], false), (&[WebTransport::Polling, WebTransport::WebSocket], true)]
    {
        let mut opened = open(&address, &only(transports)).await.unwrap();
        assert_eq!((opened.version, opened.transport), (Version::V4, Transport::Polling));
        while upgrades && !opened.upgraded.load(crate::sync::atomic::Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let mut frame = Vec::new();
        masked_frame(&mut frame, opcode::TEXT, b"40");
        opened.stream.write_all(&frame).await.unwrap();
        let (opcode, payload) = timeout(LIMIT, read(&mut opened.stream, &mut Vec::new())).await.unwrap();
        assert_eq!(opcode, opcode::TEXT);
        assert!(payload.starts_with(b"40{\"sid\""), "{}", String::from_utf8_lossy(&payload));
    }
}

#[tokio::test]
async fn a_connection_that_is_dropped_closes_its_session() {
    let (opened, _server, seen) = opened(Manner::new(Version::V4), &only(&[WebTransport::Polling])).await;
    drop(opened);
    let closed = async {
        while seen.closes.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, closed).await.expect("in time");
}

#[tokio::test]
async fn last_packets_and_the_end_are_sent() {
    let (mut opened, _server, seen) = opened(Manner::new(Version::V4), &only(&[WebTransport::Polling])).await;
    let mut frames = Vec::new();
    masked_frame(&mut frames, opcode::TEXT, b"41");
    masked_frame(&mut frames, opcode::CLOSE, &[3, 232]);
    opened.stream.finish();
    opened.stream.write_all(&frames).await.unwrap();
    opened.stream.shutdown().await.unwrap();
    drop(opened);
    let closed = async {
        while seen.closes.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, closed).await.expect("in time");
    assert_eq!(seen.posts.load(Ordering::Relaxed), 2, "the end has a request of its own");
}

#[tokio::test]
async fn a_connection_that_does_not_read_stops_the_requests() {
    let (mut opened, _server, seen) = opened(Manner::new(Version::V4), &only(&[WebTransport::Polling])).await;
    let mut frame = Vec::new();
    masked_frame(&mut frame, opcode::TEXT, &vec![b'4'; 60_000]);
    for _ in 0..40 {
        opened.stream.write_all(&frame).await.unwrap();
    }
    let posted = async {
        while seen.posts.load(Ordering::Relaxed) < 40 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, posted).await.expect("in time");
    // Each has one message at least, and there is room for fewer than five.
    assert!(seen.gets.load(Ordering::Relaxed) <= 6, "{seen:?}");
    let mut bytes = Vec::new();
    for _ in 0..40 {
        assert_eq!(timeout(LIMIT, read(&mut opened.stream, &mut bytes)).await.unwrap().1.len(), 60_000);
    }
}
