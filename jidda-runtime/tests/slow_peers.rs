//! Peers that are slow, but not dead, and those that only look alive. Time is simulated.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::time::Duration;

use handlers::{Journal, NOTE};
use jidda_runtime::transport::{ClientSecrets, Stream};
use jidda_runtime::{Server, ServerBuilder, Value};
use peer::{bytes, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// A server in memory whose silent peers have ten seconds.
async fn server(name: &str, change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, Journal) {
    let (builder, journal, _) = handlers::builder([&NOTE]);
    let builder = builder.listen(format!("mem:{name}")).heartbeat(5 * SECOND).heartbeat_timeout(5 * SECOND);
    (change(builder).start().await.unwrap(), journal)
}

async fn connect(name: &str) -> Stream {
    let address = format!("mem:{name}").parse().unwrap();
    Stream::connect(&address, &ClientSecrets::default()).await.unwrap().0
}

async fn native(name: &str) -> Stream {
    let mut stream = connect(name).await;
    let hello = request(1, "$/hello", vec![Value::Map(vec![("wire".into(), 1.into())])]);
    let join = request(2, "$/connect", vec!["/".into(), Value::Nil]);
    stream.write_all(&[bytes(&hello), bytes(&join)].concat()).await.unwrap();
    stream
}

/// Frames as clients write them, with a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// A client of Socket.IO on a WebSocket that reads what it is sent and answers pings.
struct WebSocket {
    stream: Stream,
    bytes: Vec<u8>,
    /// What it says when it is asked for a sign of life.
    sign: Vec<u8>,
}

impl WebSocket {
    async fn open(name: &str) -> Self {
        let mut stream = connect(name).await;
        let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, bytes: Vec::new(), sign: frame(0x81, b"3") }
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(&frame(0x81, text.as_bytes())).await.unwrap();
    }

    async fn join(name: &str) -> Self {
        let mut ws = Self::open(name).await;
        ws.say("40").await;
        ws
    }

    /// Lives for so long, answering pings. The time after which the connection ended, if it did.
    async fn live(&mut self, time: Duration) -> Option<Duration> {
        let start = Instant::now();
        loop {
            let left = time.saturating_sub(start.elapsed());
            match timeout(left, self.stream.read_buf(&mut self.bytes)).await {
                Err(_over) => return None,
                Ok(Ok(0) | Err(_)) => return Some(start.elapsed()),
                Ok(Ok(_)) if self.bytes.ends_with(&[0x81, 1, b'2']) => {
                    self.stream.write_all(&self.sign).await.unwrap();
                }
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// Reads 16 KiB a second of what it is sent, and says nothing at all. How many bytes it got, and how long it took, up to
/// the end of the connection.
async fn read_slowly(mut stream: Stream) -> (usize, Duration) {
    let (mut count, start) = (0, Instant::now());
    let mut bytes = vec![0; 16 * 1024];
    loop {
        sleep(SECOND).await;
        match stream.read(&mut bytes).await {
            Ok(read @ 1..) => count += read,
            Ok(0) | Err(_) => return (count, start.elapsed()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_steadily_is_asked_for_a_sign_of_life_when_it_gets_there() {
    const SIZE: usize = 900_000;
    for wire in ["native", "websocket"] {
        let name = format!("slow reader, {wire}");
        let (server, _) = server(&name, |builder| builder).await;
        let stream = match wire {
            "native" => native(&name).await,
            _ => WebSocket::join(&name).await.stream,
        };
        while server.count() == 0 {
            sleep(SECOND / 100).await;
        }
        let reading = tokio::spawn(read_slowly(stream));
        assert_eq!(server.of("/").emit("large", &"x".repeat(SIZE)).await, Ok(1));
        // It takes ten times as long for it as a silent peer has.
        sleep(50 * SECOND).await;
        assert_eq!(server.count(), 1, "{wire}: it reads");
        let (count, time) = reading.await.unwrap();
        assert!(count > SIZE, "{wire}: {count}");
        // But it has to say something then.
        assert!((55..80).contains(&time.as_secs()), "{wire}: {time:?}");
        assert_eq!(server.count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn missing_attachments_end_the_connection() {
    let name = "attachments that do not come";
    let (_server, _) = server(name, |builder| builder).await;
    for sent in 0..3 {
        let mut ws = WebSocket::join(name).await;
        ws.say(r#"453-["note",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]"#)
            .await;
        for _ in 0..sent {
            assert_eq!(ws.live(8 * SECOND).await, None, "the next one is on its way");
            // An empty one is one, too.
            ws.stream.write_all(&frame(0x82, b"")).await.unwrap();
        }
        let ended = ws.live(60 * SECOND).await.expect("it does not wait for ever");
        assert!((10..15).contains(&ended.as_secs()), "{ended:?} after {sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_fragments_end_the_connection() {
    let name = "fragments that do not come";
    let (_server, _) = server(name, |builder| builder).await;
    let mut ws = WebSocket::join(name).await;
    ws.stream.write_all(&frame(0x01, b"42[")).await.unwrap();
    // Nothing but control frames may come between them.
    ws.sign = frame(0x8a, b"");
    let ended = ws.live(60 * SECOND).await.expect("it does not wait for ever");
    assert!((10..15).contains(&ended.as_secs()), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn attachments_may_arrive_slowly() {
    let name = "slow attachments";
    let (server, journal) = server(name, |builder| builder).await;
    let mut ws = WebSocket::join(name).await;
    ws.say(r#"452-["note",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]"#).await;
    assert_eq!(ws.live(8 * SECOND).await, None);
    ws.stream.write_all(&frame(0x82, b"one")).await.unwrap();
    // The other one in pieces, for longer than the peer may be silent altogether. Nothing else can come meanwhile.
    let sign = std::mem::take(&mut ws.sign);
    for byte in frame(0x82, b"another") {
        assert_eq!(ws.live(4 * SECOND).await, None);
        ws.stream.write_all(&[byte]).await.unwrap();
    }
    ws.sign = sign;
    assert_eq!(ws.live(60 * SECOND).await, None, "nothing is waited for any more");
    assert_eq!((journal.len(), server.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_before_joining_gives_no_more_time_for_that() {
    let name = "attachments before joining";
    let (_server, _) = server(name, |builder| builder.connect_timeout(3 * SECOND)).await;
    let mut ws = WebSocket::open(name).await;
    ws.say(r#"451-["note",{"_placeholder":true,"num":0}]"#).await;
    let ended = ws.live(60 * SECOND).await.expect("it does not wait for ever");
    assert!((3..5).contains(&ended.as_secs()), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_handler_does_not_hold_a_call_for_ever() {
    for (limit, expected) in [(None, 30), (Some(7 * SECOND), 7)] {
        let name = format!("no handler, {expected}");
        let (server, _) = server(&name, |builder| match limit {
            Some(limit) => builder.call_timeout(limit),
            None => builder,
        })
        .await;
        let mut ws = WebSocket::join(&name).await;
        let living = tokio::spawn(async move { ws.live(100 * SECOND).await });
        while server.count() == 0 {
            sleep(SECOND / 100).await;
        }
        let (socket, start) = (server.sockets().pop().unwrap(), Instant::now());
        assert!(socket.call::<Value>("nobody", &()).await.unwrap_err().is_timeout());
        assert_eq!(start.elapsed().as_secs(), expected);
        living.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_may_have_no_limit() {
    let name = "no limit for calls";
    let (server, _) = server(name, |builder| builder.call_timeout(None)).await;
    let mut ws = WebSocket::join(name).await;
    tokio::spawn(async move { ws.live(1000 * SECOND).await });
    while server.count() == 0 {
        sleep(SECOND / 100).await;
    }
    let socket = server.sockets().pop().unwrap();
    assert!(timeout(500 * SECOND, socket.call::<Value>("nobody", &()).into_future()).await.is_err());
}
