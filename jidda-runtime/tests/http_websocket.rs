//! WebSockets: opened at once, and in place of long polling.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::time::{Duration, Instant};

use handlers::{CONNECT, DISCONNECT, HERE, Journal, first};
use http::{Http, WEBSOCKET, Ws, frame};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Encoding, Resource, Server, ServerBuilder, Value};
use peer::eventually;

/// Sends a message back.
fn message(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value = first::<Value>(arguments).expect("a message");
    let socket = context.socket().expect("a socket");
    Dispatch::future(async move {
        match value.as_str() {
            Some("close") => socket.close(),
            Some("transport") => {
                socket.emit("message", &socket.handshake().transport).await.unwrap();
            }
            _ => socket.emit("message", &value).await.unwrap(),
        }
        Reply::value(&(), Encoding::MessagePack)
    })
}

static MESSAGE: HandlerEntry = HandlerEntry::new("message", message, HERE);

fn builder() -> (ServerBuilder, Journal) {
    let (builder, journal, _) = handlers::builder([&CONNECT, &DISCONNECT, &MESSAGE]);
    (builder.resource(Resource::raw("/engine.io").upgrade_timeout(Duration::from_millis(300))), journal)
}

async fn server() -> (Server, Journal) {
    let (builder, journal) = builder();
    (builder.start().await.unwrap(), journal)
}

const OPEN: &str = "/engine.io/?EIO=4&transport=websocket";
const POLL: &str = "/engine.io/?EIO=4&transport=polling";
const BAD: (u16, &str) = (400, r#"{"code":3,"message":"Bad request"}"#);

async fn connect(server: &Server) -> Http {
    Http::connect(&peer::address(server)).await
}

/// Opens a session by polling; its id.
async fn session(http: &mut Http) -> String {
    let answer = http.get(POLL).await;
    answer.text()[9..29].to_owned()
}

/// A session, and a WebSocket that asked for it.
async fn upgrading(server: &Server) -> (Http, String, Ws) {
    let mut http = connect(server).await;
    let id = session(&mut http).await;
    let ws = connect(server).await.websocket(&format!("{OPEN}&sid={id}")).await;
    (http, format!("{POLL}&sid={id}"), ws)
}

#[tokio::test]
async fn a_websocket_is_opened_at_once() {
    let (server, journal) = server().await;
    let mut ws = connect(&server).await.websocket(OPEN).await;
    let opening = ws.text().await;
    let id = &opening[9..29];
    let expected = format!(
        "0{{\"sid\":\"{id}\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}}"
    );
    assert_eq!(opening, expected);
    ws.say("4hello \u{1f600}").await;
    assert_eq!(ws.text().await, "4hello \u{1f600}");
    ws.http.send(frame(2, &[1, 2, 3])).await;
    assert_eq!(ws.frame().await.unwrap(), (2, vec![1, 2, 3]));
    ws.say("4transport").await;
    assert_eq!(ws.text().await, "4websocket");
    ws.say("4close").await;
    assert_eq!(ws.close_code().await, 1000);
    assert_eq!(ws.frame().await, None);
    eventually("it ended", || journal.count("disconnect: forced close") == 1).await;
}

#[tokio::test]
async fn bytes_after_the_websocket_request_are_not_lost() {
    let (server, _) = server().await;
    let mut http = connect(&server).await;
    let mut head =
        format!("GET {OPEN} HTTP/1.1\r\nhost: a\r\n{}\r\n\r\n", WEBSOCKET.join("\r\n")).into_bytes();
    head.extend(frame(1, b"4early"));
    http.send(&head).await;
    assert_eq!(http.answer().await.unwrap().status, 101);
    let mut ws = Ws { http };
    assert!(ws.text().await.starts_with('0'));
    assert_eq!(ws.text().await, "4early");
    // And with the upgrade of a session.
    let mut http = connect(&server).await;
    let id = session(&mut http).await;
    let target = format!("{OPEN}&sid={id}");
    let mut http = connect(&server).await;
    let mut head =
        format!("GET {target} HTTP/1.1\r\nhost: a\r\n{}\r\n\r\n", WEBSOCKET.join("\r\n")).into_bytes();
    for text in ["2probe", "5", "4early"] {
        head.extend(frame(1, text.as_bytes()));
    }
    http.send(&head).await;
    assert_eq!(http.answer().await.unwrap().status, 101);
    let mut ws = Ws { http };
    assert_eq!(ws.text().await, "3probe");
    assert_eq!(ws.text().await, "4early");
}

#[tokio::test]
async fn bytes_are_base64_for_clients_that_request_it() {
    let (server, _) = server().await;
    let mut ws = connect(&server).await.websocket(&format!("{OPEN}&b64=1")).await;
    ws.text().await;
    ws.http.send(frame(2, &[1, 2, 3])).await;
    assert_eq!(ws.text().await, "bAQID");
    ws.say("bAQID").await;
    assert_eq!(ws.text().await, "bAQID");
    let mut ws = connect(&server).await.websocket(&OPEN.replace('4', "3")).await;
    ws.text().await;
    ws.http.send(frame(2, &[4, 1, 2, 3])).await;
    assert_eq!(ws.frame().await.unwrap(), (2, vec![4, 1, 2, 3]));
}

#[tokio::test]
async fn what_is_no_handshake_of_a_websocket_is_refused() {
    let (builder, _) = builder();
    let polling = [jidda_runtime::Transport::Polling];
    let server = builder
        .resource(Resource::raw("/only").transports(polling))
        .resource(Resource::raw("/guarded").allow_request(|_| async { Err("not today".to_owned()) }))
        .start()
        .await
        .unwrap();
    let with = |change: &dyn Fn(&str) -> Option<String>| -> Vec<String> {
        WEBSOCKET.iter().filter_map(|header| change(header)).collect()
    };
    let drop =
        |name: &'static str| move |header: &str| (!header.starts_with(name)).then(|| header.to_owned());
    let set = |name: &'static str, value: &'static str| {
        move |header: &str| {
            let is_other = !header.starts_with(name);
            Some(if is_other { header.to_owned() } else { format!("{name}: {value}") })
        }
    };
    let normal = with(&|header| Some(header.to_owned()));
    let unknown = "/engine.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA";
    let cases: Vec<(&str, &str, Vec<String>, u16, &str)> = vec![
        // In the words of the reference.
        ("GET", "/engine.io/?EIO=4", normal.clone(), 400, "Transport unknown"),
        ("GET", "/only/?EIO=4&transport=websocket", normal.clone(), 400, "Transport unknown"),
        ("GET", POLL, normal.clone(), 400, "Bad request"),
        ("GET", unknown, normal.clone(), 400, "Session ID unknown"),
        ("GET", "/guarded/?EIO=4&transport=websocket", normal.clone(), 400, "not today"),
        ("POST", OPEN, normal.clone(), 400, "Bad handshake method"),
        // Of a WebSocket itself.
        ("GET", OPEN, with(&set("sec-websocket-version", "8")), 426, "the version of WebSocket is 13"),
        ("GET", OPEN, with(&drop("sec-websocket-version")), 426, "the version of WebSocket is 13"),
        ("GET", OPEN, with(&drop("sec-websocket-key")), 400, "the key of a WebSocket is 16 bytes in base64"),
        (
            "GET",
            OPEN,
            with(&set("sec-websocket-key", "abc")),
            400,
            "the key of a WebSocket is 16 bytes in base64",
        ),
        // Not one at all.
        ("GET", OPEN, with(&drop("upgrade")), 400, BAD.1),
        ("GET", OPEN, with(&set("connection", "keep-alive")), 400, BAD.1),
        ("GET", OPEN, with(&set("upgrade", "h2c")), 400, BAD.1),
    ];
    for (method, target, headers, status, text) in cases {
        let mut http = connect(&server).await;
        let headers: Vec<&str> = headers.iter().map(|header| &**header).collect();
        let answer = http.request(method, target, &headers, "").await;
        assert_eq!(answer.is(), (status, text), "{method} {target} {headers:?}");
        if text != BAD.1 {
            assert_eq!(answer.header("connection"), Some("close"));
            assert_eq!(http.answer().await, None, "it is closed");
        }
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
    }
    // A client that offers another protocol is served without it.
    let mut http = connect(&server).await;
    let headers = ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"];
    assert_eq!(http.request("GET", POLL, &headers, "").await.status, 200);
}

#[tokio::test]
async fn a_websocket_takes_the_place_of_polling() {
    let (server, journal) = server().await;
    let (mut http, target, mut ws) = upgrading(&server).await;
    http.ask("GET", &target, &[], "").await;
    ws.say("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    assert_eq!(http.answer().await.unwrap().is(), (200, "6"));
    // Polling goes on until the client is ready.
    assert_eq!(http.post(&target, "4by post").await.is(), (200, "ok"));
    assert_eq!(http.get(&target).await.is(), (200, "4by post"));
    let start = Instant::now();
    assert_eq!(http.get(&target).await.is(), (200, "6"));
    assert!(start.elapsed() >= Duration::from_millis(90), "{:?}", start.elapsed());
    assert_eq!(http.post(&target, "4late").await.is(), (200, "ok"));
    ws.say("5").await;
    assert_eq!(ws.text().await, "4late");
    ws.say("4transport").await;
    assert_eq!(ws.text().await, "4websocket");
    assert_eq!(http.get(&target).await.is(), BAD);
    assert_eq!(http.post(&target, "4a").await.is(), BAD);
    // Another WebSocket is closed, and this one stays.
    let mut other = connect(&server).await.websocket(&target.replace("polling", "websocket")).await;
    assert_eq!(other.close_code().await, 1000);
    ws.say("4still here").await;
    assert_eq!(ws.text().await, "4still here");
    assert_eq!(journal.lines(), ["connect"]);
    drop(ws);
    eventually("it ended", || journal.len() == 2).await;
    assert_eq!(http.get(&target).await.status, 400);
}

#[tokio::test]
async fn requests_after_both_words_of_an_upgrade_are_refused() {
    let (server, _) = server().await;
    let mut http = connect(&server).await;
    for _ in 0..20 {
        let id = session(&mut http).await;
        let mut ws = connect(&server).await.websocket(&format!("{OPEN}&sid={id}")).await;
        ws.say("2probe").await;
        ws.say("5").await;
        assert_eq!(http.get(&format!("{POLL}&sid={id}")).await.is(), BAD);
    }
}

#[tokio::test]
async fn an_upgrade_that_is_not_finished_leaves_polling_as_it_was() {
    let (server, _) = server().await;
    let mut unmasked = vec![0x81, 6];
    unmasked.extend_from_slice(b"2probe");
    let said: [(&[u8], u16); 6] = [
        (b"", 1008),
        (&frame(1, b"2probe"), 1008),
        (&frame(1, b"abc"), 1008),
        (&frame(2, b"2probe"), 1008),
        (&frame(8, &[]), 1000),
        (&unmasked, 1002),
    ];
    for (said, code) in said {
        let (mut http, target, mut ws) = upgrading(&server).await;
        // Only one at a time.
        let mut other = connect(&server).await.websocket(&target.replace("polling", "websocket")).await;
        assert_eq!(other.close_code().await, 1000);
        ws.http.send(said).await;
        let mut frame = ws.frame().await.unwrap();
        if frame.0 == 1 {
            assert_eq!(frame.1, b"3probe");
            frame = ws.frame().await.unwrap();
        }
        assert_eq!(frame, (8, code.to_be_bytes().to_vec()), "{said:?}");
        assert_eq!(ws.frame().await, None);
        assert_eq!(http.post(&target, "4a").await.is(), (200, "ok"), "{said:?}");
        assert_eq!(http.get(&target).await.is(), (200, "4a"));
        let mut again = connect(&server).await.websocket(&target.replace("polling", "websocket")).await;
        again.say("2probe").await;
        assert_eq!(again.text().await, "3probe");
        again.say("5").await;
        again.say("4b").await;
        assert_eq!(again.text().await, "4b");
    }
}

#[tokio::test]
async fn a_websocket_that_vanishes_before_the_upgrade_is_forgotten() {
    let (server, _) = server().await;
    let (mut http, target, ws) = upgrading(&server).await;
    drop(ws);
    assert_eq!(http.post(&target, "4a").await.is(), (200, "ok"));
    assert_eq!(http.get(&target).await.is(), (200, "4a"));
}

#[tokio::test]
async fn a_session_that_ends_takes_the_websocket_along() {
    let (server, journal) = server().await;
    let (mut http, target, mut ws) = upgrading(&server).await;
    ws.say("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    assert_eq!(http.post(&target, "1").await.is(), (200, "ok"));
    assert_eq!(ws.close_code().await, 1001);
    assert_eq!(ws.frame().await, None);
    eventually("it ended", || journal.count("disconnect: transport close") == 1).await;
    // The last words go over the WebSocket when the client is ready for it.
    let (mut http, target, mut ws) = upgrading(&server).await;
    ws.say("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    assert_eq!(http.post(&target, "4a\x1e4close").await.is(), (200, "ok"));
    eventually("it ended", || journal.count("disconnect: forced close") == 1).await;
    ws.say("5").await;
    assert_eq!(ws.text().await, "4a");
    assert_eq!(ws.close_code().await, 1000);
}
