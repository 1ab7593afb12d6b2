//! Requests for a WebSocket are answered the same whether they come in one piece, which is answered without hyper, or
//! in several, which is not.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handlers::{CONNECT, DISCONNECT, HERE, first};
use http::{Answer, Http, WEBSOCKET, Ws, frame};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Cors, Encoding, PeerAddress, Resource, Server, ServerBuilder, Value};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

/// Says what came, and the headers that a request had.
fn message(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value = first::<Value>(arguments).expect("a message");
    let socket = context.socket().expect("a socket");
    Dispatch::future(async move {
        let headers = socket.handshake().headers;
        let odd = headers.get("x-odd").map(|value| String::from_utf8_lossy(value.as_bytes()));
        let text = format!("{} {}", value.as_str().unwrap_or_default(), odd.unwrap_or_default());
        socket.emit("message", &text).await.unwrap();
        Reply::value(&(), Encoding::MessagePack)
    })
}

static MESSAGE: HandlerEntry = HandlerEntry::new("message", message, HERE);

fn builder() -> ServerBuilder {
    let (builder, _, _) = handlers::builder([&CONNECT, &DISCONNECT, &MESSAGE]);
    builder.resource(Resource::raw("/engine.io").cors(Cors::origin("https://a.example").credentials(true)))
}

const OPEN: &str = "/engine.io/?EIO=4&transport=websocket";

async fn connect(server: &Server) -> Http {
    Http::connect(&peer::address(server)).await
}

/// A request with these headers and no others.
fn head(first: &str, headers: &[&str]) -> Vec<u8> {
    format!("{first}\r\n{}\r\n\r\n", headers.join("\r\n")).into_bytes()
}

/// What is answered, but for the date: without hyper there is none.
fn said(answer: &Answer) -> (u16, Vec<String>, &str) {
    let headers = answer.headers("").into_iter().filter(|header| !header.starts_with("date"));
    (answer.status, headers.collect(), answer.text())
}

/// The answer to a request in one piece, which is the one in two pieces as well; with both connections.
async fn both(server: &Server, request: &[u8]) -> (Answer, [Http; 2]) {
    let (mut whole, mut split) = (connect(server).await, connect(server).await);
    whole.send(request).await;
    let answer = whole.answer().await.expect("an answer");
    split.send(&request[..10]).await;
    // However they are read, the answer has to be the same; mostly this is enough for two reads.
    tokio::time::sleep(Duration::from_millis(20)).await;
    split.send(&request[10..]).await;
    let other = split.answer().await.expect("an answer");
    assert_eq!(said(&answer), said(&other), "{}", String::from_utf8_lossy(request));
    (answer, [whole, split])
}

#[tokio::test]
async fn requests_in_one_piece_and_in_two_open_the_same_websocket() {
    let server = builder().start().await.unwrap();
    let first = format!("GET {OPEN} HTTP/1.1");
    let absolute = format!("GET http://a.example{OPEN} HTTP/1.1");
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let version = "sec-websocket-version: 13";
    let with = |more: &[&'static str]| [&["host: a", key, version], more].concat();
    let usual = ["connection: Upgrade", "upgrade: websocket"];
    for request in [
        head(&first, &[&with(&usual)[..], &["origin: https://a.example"]].concat()),
        head(&absolute, &with(&usual)),
        head(&first, &with(&["CONNECTION: keep-alive ,\tUPGRADE, close-not", "Upgrade: h2c, WebSocket"])),
        head(&first, &with(&["connection: keep-alive", "Connection: upgrade", "UPGRADE: websocket"])),
        head(&first, &with(&["connection: upgrade", "upgrade: websocket", "sec-websocket-protocol: a, b"])),
        // A body that is none.
        head(&first, &with(&["connection: upgrade", "upgrade: websocket", "content-length: 0"])),
    ] {
        let (answer, ends) = both(&server, &request).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for http in ends {
            let mut ws = Ws { http };
            assert!(ws.text().await.starts_with('0'));
            ws.say("4hello").await;
            assert_eq!(ws.text().await, "4hello ");
            // Its goodbye is answered, and nothing comes behind that.
            ws.http.send(frame(8, &1000_u16.to_be_bytes())).await;
            assert_eq!(ws.close_code().await, 1000);
            assert_eq!(ws.frame().await, None);
        }
    }
    let (answer, _) =
        both(&server, &head(&first, &[&with(&usual)[..], &["origin: https://a.example"]].concat())).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
}

#[tokio::test]
async fn headers_that_are_no_text_are_taken_as_they_are_and_names_are_not() {
    let server = builder().start().await.unwrap();
    let first = format!("GET {OPEN} HTTP/1.1");
    let request = |line: &[u8]| {
        let mut request = head(&first, &[&["host: a"], WEBSOCKET].concat());
        request.truncate(request.len() - 2);
        [&request, line, b"\r\n\r\n"].concat()
    };
    let (answer, ends) = both(&server, &request(b"X-Odd: a\xffb")).await;
    assert_eq!(answer.status, 101);
    for http in ends {
        let mut ws = Ws { http };
        ws.text().await;
        ws.say("4odd").await;
        assert_eq!(ws.text().await, "4odd a\u{fffd}b");
    }
    for line in [&b"x-\xff: a"[..], b"a b: c", b": c", b"a: \0", b"no colon"] {
        let (answer, ends) = both(&server, &request(line)).await;
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(line));
        for mut http in ends {
            assert_eq!(http.answer().await, None, "it is closed");
        }
    }
}

#[tokio::test]
async fn what_opens_nothing_is_refused_alike() {
    let server = builder()
        .resource(Resource::raw("/guarded").allow_request(|parts| async move {
            let peer = parts.extensions.get::<PeerAddress>();
            Err(format!("not today, {}", peer.is_some()))
        }))
        .start()
        .await
        .unwrap();
    let usual = [&["host: a"], WEBSOCKET].concat();
    let many: Vec<String> = (0..101).map(|number| format!("x-{number}: 1")).collect();
    let many: Vec<&str> = usual.iter().copied().chain(many.iter().map(|line| &**line)).collect();
    let large = format!("x: {}", "y".repeat(17_000));
    let large: Vec<&str> = usual.iter().copied().chain([&*large]).collect();
    for (first, headers, status, text) in [
        ("GET /engine.io/?EIO=4 HTTP/1.1", &usual, 400, "Transport unknown"),
        ("GET /guarded/?EIO=4&transport=websocket HTTP/1.1", &usual, 400, "not today, true"),
        ("GET /nowhere/ HTTP/1.1", &usual, 404, "there is nothing here\n"),
        ("GET /engine.io/socket.io.js HTTP/1.1", &usual, 404, "there is nothing here\n"),
        (&format!("POST {OPEN} HTTP/1.1"), &usual, 400, "Bad handshake method"),
        // It cannot change to anything else.
        (&format!("GET {OPEN} HTTP/1.0"), &usual, 400, r#"{"code":3,"message":"Bad request"}"#),
        (&format!("GET {OPEN} HTTP/1.1"), &many, 431, ""),
        (&format!("GET {OPEN} HTTP/1.1"), &large, 431, ""),
    ] {
        let (answer, _) = both(&server, &head(first, headers)).await;
        assert_eq!(answer.is(), (status, text), "{first}");
        assert!(answer.header("date").is_some(), "hyper writes all that is not 101");
    }
}

/// A server whose program lets a request wait until the semaphore has a permit, and counts those that came.
async fn hesitating() -> (Server, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (open, came) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (waiting, counting) = (Arc::clone(&open), Arc::clone(&came));
    let hesitate = move |_| {
        let (open, came) = (Arc::clone(&waiting), Arc::clone(&counting));
        // Counted for as long as it is waited for.
        let count = Count::of(came);
        async move {
            let _count = count;
            open.acquire().await.map_err(|error| error.to_string())?.forget();
            Ok(())
        }
    };
    let server = builder().resource(Resource::raw("/slow").allow_request(hesitate)).start().await.unwrap();
    (server, open, came)
}

struct Count(Arc<AtomicUsize>);

impl Count {
    fn of(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

const SLOW: &str = "GET /slow/?EIO=4&transport=websocket HTTP/1.1";

#[tokio::test]
async fn what_is_said_before_the_answer_is_not_lost() {
    let (server, open, waiting) = hesitating().await;
    let mut http = connect(&server).await;
    http.send(head(SLOW, &[&["host: a"], WEBSOCKET].concat())).await;
    peer::eventually("it waits", || waiting.load(Ordering::SeqCst) == 1).await;
    http.send(frame(1, b"4early")).await;
    http.send(frame(1, b"4earlier")).await;
    open.add_permits(1);
    assert_eq!(http.answer().await.unwrap().status, 101);
    let mut ws = Ws { http };
    assert!(ws.text().await.starts_with('0'));
    assert_eq!(ws.text().await, "4early ");
    assert_eq!(ws.text().await, "4earlier ");
}

#[tokio::test]
async fn a_peer_that_hangs_up_before_the_answer_delays_nothing() {
    let (server, _open, waiting) = hesitating().await;
    let mut http = connect(&server).await;
    http.send(head(SLOW, &[&["host: a"], WEBSOCKET].concat())).await;
    peer::eventually("it waits", || waiting.load(Ordering::SeqCst) == 1).await;
    http.stream.shutdown().await.unwrap();
    peer::eventually("it was given up", || waiting.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_program_that_never_answers_does_not_keep_the_server() {
    let (server, _open, waiting) = hesitating().await;
    let mut http = connect(&server).await;
    http.send(head(SLOW, &[&["host: a"], WEBSOCKET].concat())).await;
    peer::eventually("it waits", || waiting.load(Ordering::SeqCst) == 1).await;
    assert!(!server.shutdown(Duration::from_millis(50)).await);
    assert!(http.rest().await.is_empty());
}

#[tokio::test]
async fn a_silent_peer_is_notified_that_the_server_ends() {
    let server = builder().start().await.unwrap();
    let silent = connect(&server).await;
    let gone = connect(&server).await;
    drop(gone);
    // Those before it were accepted by then.
    assert_eq!(connect(&server).await.get("/nowhere").await.status, 404);
    assert!(server.shutdown(Duration::from_secs(60)).await);
    // It might have been a native one.
    assert!(silent.rest().await.starts_with(&[0x93]));
}
