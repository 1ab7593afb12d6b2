//! Plain peers that say nothing, which are asked nothing: when they are closed, and when they are not.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::time::Duration;

use handlers::{CONNECT, DISCONNECT, NEVER, NOTE, builder};
use jidda_runtime::transport::{Address, ClientSecrets, Stream};
use jidda_runtime::{Server, ServerBuilder};
use peer::{bytes, closing, eventually, notification, request};
use rmpv::decode::read_value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

const MINUTE: Duration = Duration::from_secs(60);

async fn server(name: &str, change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Server {
    let (builder, _, _) = builder([&CONNECT, &DISCONNECT, &NOTE, &NEVER]);
    change(builder.listen(format!("mem:{name}"))).start().await.unwrap()
}

/// Says one thing.
async fn plain(server: &Server, words: Vec<u8>) -> Stream {
    let address: Address = server.addresses()[1].clone();
    let known = server.count();
    let (mut stream, _) = Stream::connect(&address, &ClientSecrets::default()).await.unwrap();
    stream.write_all(&words).await.unwrap();
    while server.count() == known {
        tokio::task::yield_now().await;
    }
    stream
}

/// After how many minutes a stream ends, and why.
async fn end(mut stream: Stream) -> (u64, String) {
    let (start, mut heard) = (Instant::now(), Vec::new());
    stream.read_to_end(&mut heard).await.unwrap();
    let mut rest = &heard[..];
    let messages = std::iter::from_fn(|| read_value(&mut rest).ok());
    let reason = messages.filter_map(|message| closing(&message).map(str::to_owned)).last();
    (start.elapsed().as_secs() / 60, reason.expect("a last word"))
}

#[tokio::test(start_paused = true)]
async fn a_peer_without_traffic_is_closed_after_ten_minutes() {
    let server = server("idle", |builder| builder).await;
    let quiet = plain(&server, bytes(&notification("note", vec!["here".into()]))).await;
    assert_eq!(end(quiet).await, (10, "idle timeout".to_owned()));
    eventually("it left", || server.count() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_with_traffic_or_a_pending_call_stays() {
    let server = server("busy", |builder| builder).await;
    let listens = plain(&server, bytes(&notification("note", vec!["here".into()]))).await;
    let listener = server.sockets().remove(0);
    let _waits = plain(&server, bytes(&request(1, "never", vec![]))).await;
    let mut talks = plain(&server, bytes(&notification("note", vec!["here".into()]))).await;
    for _ in 0..20 {
        sleep(5 * MINUTE).await;
        talks.write_all(&bytes(&notification("note", vec!["still here".into()]))).await.unwrap();
        listener.emit("news", &"of the day").await.unwrap();
        assert_eq!(server.count(), 3);
    }
    drop(talks);
    assert_eq!(end(listens).await, (10, "idle timeout".to_owned()));
    eventually("they left", || server.count() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn how_long_is_the_programs_choice() {
    let server = server("choice", |builder| builder.plain_idle_timeout(3 * MINUTE)).await;
    let quiet = plain(&server, bytes(&notification("note", vec!["here".into()]))).await;
    assert_eq!(end(quiet).await, (3, "idle timeout".to_owned()));
}
