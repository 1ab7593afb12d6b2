//! What stands beside an event is bounded like the event. Alone in its process, since it looks at that one's memory.
#![allow(missing_docs)]

#[path = "../jidda-runtime/tests/support/peer.rs"]
mod peer;

use jidda::payload::Value;
use jidda::prelude::*;
use peer::{Peer, bytes, request};

struct Service;

#[on("connect", namespace = "/slow", app = Service)]
async fn slow() {
    std::future::pending::<()>().await;
}

/// How much memory this process has now, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}

/// How much is kept of events that wait for a socket to be accepted.
async fn kept_of(meta: &[u8], count: usize) -> usize {
    let builder = Server::builder().app::<Service>().listen("127.0.0.1:0");
    let server = builder.start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec!["/slow".into(), Value::Nil])).await;
    let mut message = vec![0x94, 2];
    message.extend(bytes(&"/slow:e".into()));
    message.push(0x90);
    message.extend_from_slice(meta);
    let before = resident();
    for _ in 0..count {
        peer.send_bytes(&message).await;
    }
    peer.ping().await;
    resident().saturating_sub(before)
}

#[tokio::test]
async fn what_stands_beside_an_event_counts_like_the_event() {
    let text = |key: &str| [&[0x81][..], &bytes(&key.into()), &bytes(&"x".repeat(900_000).into())].concat();
    // 900,000 empty names.
    let via = [&[0x81, 0xa3, b'v', b'i', b'a', 0xdd, 0, 0x0d, 0xbb, 0xa0][..], &vec![0xa0; 900_000]].concat();
    for (meta, count) in [(text("tracestate"), 200), (text("identity"), 200), (via, 60)] {
        let kept = kept_of(&meta, count).await;
        assert!(kept < 40_000_000, "{kept} bytes are kept");
    }
}
