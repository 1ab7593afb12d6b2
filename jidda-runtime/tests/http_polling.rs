//! Long polling: what each request is answered, and what ends a session.
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
use http::Http;
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Encoding, Resource, Server, ServerBuilder, Value};
use peer::eventually;

/// Sends a message back, as often as it says.
fn message(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value = first::<Value>(arguments).expect("a message");
    let socket = context.socket().expect("a socket");
    Dispatch::future(async move {
        match value.as_str() {
            Some("close") => socket.close(),
            Some("twice") => {
                socket.emit("message", "one").await.unwrap();
                socket.emit("message", &Value::Binary(vec![1, 2, 3])).await.unwrap();
            }
            _ => socket.emit("message", &value).await.unwrap(),
        }
        Reply::value(&(), Encoding::MessagePack)
    })
}

static MESSAGE: HandlerEntry = HandlerEntry::new("message", message, HERE);

fn builder() -> (ServerBuilder, Journal) {
    let (builder, journal, _) = handlers::builder([&CONNECT, &DISCONNECT, &MESSAGE]);
    (builder.resource(Resource::raw("/engine.io")), journal)
}

async fn server() -> (Server, Journal) {
    let (builder, journal) = builder();
    (builder.start().await.unwrap(), journal)
}

fn authority(server: &Server) -> String {
    peer::address(server)
}

const OPEN: &str = "/engine.io/?EIO=4&transport=polling";

/// Opens a session; gives the target of its requests.
async fn open(http: &mut Http, target: &str) -> String {
    let answer = http.get(target).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    let start = text.find("\"sid\":\"").expect("an opening") + 7;
    format!("{target}&sid={}", &text[start..start + 20])
}

async fn session(server: &Server) -> (Http, Http, String) {
    let mut http = Http::connect(&authority(server)).await;
    let target = open(&mut http, OPEN).await;
    (http, Http::connect(&authority(server)).await, target)
}

const UNKNOWN: (u16, &str) = (400, r#"{"code":1,"message":"Session ID unknown"}"#);
const BAD: (u16, &str) = (400, r#"{"code":3,"message":"Bad request"}"#);

/// Waits until the server does not know the session any more.
async fn assert_over(http: &mut Http, target: &str) {
    assert_eq!(http.get(target).await.is(), UNKNOWN);
    assert_eq!(http.post(target, "4a").await.is(), UNKNOWN);
}

#[tokio::test]
async fn an_opening_says_what_is_needed_and_no_more() {
    let (server, _) = server().await;
    let mut http = Http::connect(&authority(&server)).await;
    let answer = http.get(OPEN).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.headers("access-control"), [""; 0]);
    assert_eq!(answer.header("set-cookie"), None);
    let text = answer.text();
    let id = &text[9..29];
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
    let expected = format!(
        "0{{\"sid\":\"{id}\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000,\
         \"maxPayload\":1000000}}"
    );
    assert_eq!(text, expected);
    assert_eq!(http.post(&format!("{OPEN}&sid={id}"), "4hello").await.is(), (200, "ok"));
}

#[tokio::test]
async fn handshakes_are_refused_in_the_words_of_the_reference() {
    let (builder, _) = builder();
    let polling = [jidda_runtime::Transport::Polling];
    let v4 = [jidda_runtime::wire::engine_io::Version::V4];
    let server = builder
        .resource(Resource::raw("/only").transports(polling).versions(v4))
        .resource(Resource::raw("/guarded").allow_request(|parts| async move {
            match parts.headers.get("x-who") {
                Some(who) if who == "friend" => Ok(()),
                Some(who) => Err(format!("not \"{}\"", who.to_str().unwrap())),
                None => Err(String::new()),
            }
        }))
        .start()
        .await
        .unwrap();
    let mut http = Http::connect(&authority(&server)).await;
    let mut check =
        async |method: &str, target: &str, headers: &[&str], status: u16, code: u8, message: &str| {
            let answer = http.request(method, target, headers, "").await;
            let body = format!("{{\"code\":{code},\"message\":{message}}}");
            assert_eq!(answer.is(), (status, &*body), "{method} {target} {headers:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        };
    let unknown = "\"Transport unknown\"";
    check("GET", "/engine.io/", &[], 400, 0, unknown).await;
    check("GET", "/engine.io/?EIO=4&transport=abc", &[], 400, 0, unknown).await;
    check("GET", "/engine.io/?EIO=4&transport=webtransport", &[], 400, 0, unknown).await;
    check("GET", "/engine.io/?EIO=4&transport=polling&transport=", &[], 400, 0, unknown).await;
    check("GET", "/only/?EIO=4&transport=websocket", &[], 400, 0, unknown).await;
    check("GET", "/engine.io/?EIO=4&transport=polling&sid=abc", &[], 400, 1, "\"Session ID unknown\"").await;
    let stranger = "/engine.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA";
    check("GET", stranger, &[], 400, 1, "\"Session ID unknown\"").await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        check(method, OPEN, &[], 400, 2, "\"Bad handshake method\"").await;
    }
    check("GET", "/engine.io/?EIO=4&transport=websocket", &[], 400, 3, "\"Bad request\"").await;
    check("GET", OPEN, &["origin: http://a\u{fc}"], 400, 3, "\"Bad request\"").await;
    // The method comes first, the transport before that.
    check("POST", "/engine.io/?EIO=4&transport=websocket", &[], 400, 2, "\"Bad handshake method\"").await;
    check("POST", "/engine.io/?EIO=4&transport=abc", &["origin: \u{fc}"], 400, 0, unknown).await;
    let guarded = "/guarded/?EIO=4&transport=polling";
    check("GET", guarded, &[], 403, 4, "\"Forbidden\"").await;
    check("GET", guarded, &["x-who: foe"], 403, 4, r#""not \"foe\"""#).await;
    check("GET", "/only/?EIO=3&transport=polling", &[], 400, 5, "\"Unsupported protocol version\"").await;
    // A version that there is not is none that is served, wherever.
    for version in
        ["transport=polling", "EIO=x&transport=polling", "EIO=2&transport=polling", "EIO=5&transport=polling"]
    {
        for path in ["/only", "/engine.io"] {
            let target = format!("{path}/?{version}");
            check("GET", &target, &[], 400, 5, "\"Unsupported protocol version\"").await;
        }
    }
    // What is below a resource's path is the resource's.
    check("GET", "/only/deep/down?EIO=x&transport=polling", &[], 400, 5, "\"Unsupported protocol version\"")
        .await;
    let answer = http.request("GET", guarded, &["x-who: friend"], "").await;
    assert_eq!(answer.status, 200);
    let answer = http.get("/only/deep/down?EIO=4&transport=polling").await;
    assert!(answer.text().contains("\"upgrades\":[]"), "{answer:?}");
    let answer = http.request("HEAD", OPEN, &[], "").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let (server, _) = server().await;
    let mut http = Http::connect(&authority(&server)).await;
    for path in ["/", "/engine.i", "/engine.iox", "/engine.iox/", "/favicon.ico", "/ENGINE.IO/"] {
        let answer = http.get(&format!("{path}?EIO=4&transport=polling")).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=UTF-8")));
        assert!(!answer.body.is_empty());
    }
    assert_eq!(http.get("/engine.io/socket.io.js").await.status, 404);
    // The default resource is always there.
    assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 200);
}

#[tokio::test]
async fn messages_go_both_ways() {
    let (server, journal) = server().await;
    let (mut get, mut post, target) = session(&server).await;
    get.ask("GET", &target, &[], "").await;
    let answer = post.post(&target, "4hello \u{20ac}\u{1f600}").await;
    assert_eq!((answer.is(), answer.header("content-type")), ((200, "ok"), Some("text/html")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(get.answer().await.unwrap().is(), (200, "4hello \u{20ac}\u{1f600}"));
    // Several in one body, and in the order they came; nobody waits for the answer yet.
    assert_eq!(post.post(&target, "4a\x1ebAQIDBA==\x1e4b\x1e4").await.is(), (200, "ok"));
    let mut came = String::new();
    while came.matches('\x1e').count() < 4 {
        came += get.get(&target).await.text();
        came.push('\x1e');
    }
    assert_eq!(came, "4a\x1ebAQIDBA==\x1e4b\x1e4\x1e");
    let headers = ["content-type: Text/Plain;charset=UTF-8"];
    assert_eq!(post.request("POST", &target, &headers, "4twice").await.is(), (200, "ok"));
    let mut came = get.get(&target).await.text().to_owned();
    if came == "4one" {
        came = came + "\x1e" + get.get(&target).await.text();
    }
    assert_eq!(came, "4one\x1ebAQID");
    assert_eq!(server.count(), 1);
    assert_eq!(journal.lines(), ["connect"]);
}

#[tokio::test]
async fn other_methods_have_no_meaning_within_a_session() {
    let (server, _) = server().await;
    let (mut http, _, target) = session(&server).await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] {
        assert_eq!(http.request(method, &target, &[], "").await.status, 500, "{method}");
    }
    assert_eq!(http.post(&target, "4still there").await.is(), (200, "ok"));
    assert_eq!(http.get(&target.replace("EIO=4", "EIO=3")).await.is(), BAD, "another version");
    assert_eq!(http.get(&target.replace("polling", "websocket")).await.is(), BAD, "another transport");
    let elsewhere = target.replace("/engine.io/", "/socket.io/");
    assert_eq!(http.get(&elsewhere).await.is(), UNKNOWN, "another resource");
    assert_eq!(http.get(&target).await.is(), (200, "4still there"));
}

#[tokio::test]
async fn a_second_get_ends_both() {
    let (server, journal) = server().await;
    let (mut first, mut second, target) = session(&server).await;
    first.ask("GET", &target, &[], "").await;
    // Which of the two comes first is for the network to say.
    second.ask("GET", &target, &[], "").await;
    let mut answers = [first.answer().await.unwrap(), second.answer().await.unwrap()];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].is(), (200, "1"));
    assert_eq!(answers[1].is(), BAD);
    assert_over(&mut first, &target).await;
    eventually("it ended", || journal.count("disconnect: transport error") == 1).await;
}

#[tokio::test]
async fn a_second_post_ends_the_session() {
    let (server, journal) = server().await;
    let (mut get, mut post, target) = session(&server).await;
    get.ask("GET", &target, &[], "").await;
    post.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n4a")).await;
    let mut second = Http::connect(&authority(&server)).await;
    // It may overtake the first; then it is a POST like any other.
    let mut answer = second.post(&target, "4b").await;
    while answer.is() == (200, "ok") {
        answer = second.post(&target, "6").await;
    }
    assert_eq!(answer.is(), BAD);
    let mut answer = get.answer().await.unwrap();
    if answer.is() == (200, "4b") {
        answer = get.get(&target).await;
    }
    assert!([(200, "1"), UNKNOWN].contains(&answer.is()), "{answer:?}");
    assert_over(&mut get, &target).await;
    eventually("it ended", || journal.count("disconnect: transport error") == 1).await;
    // The first is not left without an answer.
    post.send("b").await;
    assert_eq!(post.answer().await.unwrap().is(), UNKNOWN);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_session() {
    let (server, journal) = server().await;
    let (mut get, mut post, target) = session(&server).await;
    get.ask("GET", &target, &[], "").await;
    assert_eq!(post.post(&target, "4a").await.is(), (200, "ok"));
    assert_eq!(get.answer().await.unwrap().text(), "4a");
    get.ask("GET", &target, &[], "").await;
    drop(get);
    eventually("it ended", || journal.count("disconnect: transport error") == 1).await;
    assert_over(&mut post, &target).await;
    // In the middle of a POST.
    let (mut get, mut post, target) = session(&server).await;
    post.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n4a")).await;
    drop(post);
    eventually("it ended", || journal.count("disconnect: transport error") == 2).await;
    assert_over(&mut get, &target).await;
}

#[tokio::test]
async fn the_client_closes_the_session() {
    let (server, journal) = server().await;
    let (mut get, mut post, target) = session(&server).await;
    // Both at once: whichever comes first, the GET is released.
    tokio::join!(get.ask("GET", &target, &[], ""), post.ask("POST", &target, &[], "1"));
    assert_eq!(post.answer().await.unwrap().is(), (200, "ok"));
    assert_eq!(get.answer().await.unwrap().is(), (200, "6"));
    assert_over(&mut get, &target).await;
    eventually("it ended", || journal.count("disconnect: transport close") == 1).await;
    let (mut http, _, target) = session(&server).await;
    assert_eq!(http.post(&target, "4a\x1e1").await.is(), (200, "ok"));
    assert_over(&mut http, &target).await;
}

#[tokio::test]
async fn the_server_closes_the_session() {
    let (server, journal) = server().await;
    let (mut get, mut post, target) = session(&server).await;
    get.ask("GET", &target, &[], "").await;
    assert_eq!(post.post(&target, "4a\x1e4close").await.is(), (200, "ok"));
    // One after the other: clients act upon the end before they do upon what came with it.
    assert_eq!(get.answer().await.unwrap().is(), (200, "4a"));
    assert_eq!(get.get(&target).await.is(), (200, "1"));
    eventually("it ended", || journal.count("disconnect: forced close") == 1).await;
    assert_over(&mut get, &target).await;
    // Nobody waits: the words are kept.
    let (mut get, mut post, target) = session(&server).await;
    assert_eq!(post.post(&target, "4close").await.is(), (200, "ok"));
    eventually("it ended", || journal.count("disconnect: forced close") == 2).await;
    assert_eq!(get.get(&target).await.is(), (200, "1"));
    assert_over(&mut get, &target).await;
}

#[tokio::test]
async fn a_body_that_is_no_payload_ends_the_session() {
    let (server, journal) = server().await;
    for (body, headers) in [
        ("abc", &[][..]),
        ("", &[]),
        ("4a\x1e", &[]),
        ("4a", &["content-type: application/octet-stream"][..]),
        ("b!", &[]),
        ("9", &[]),
    ] {
        let (mut get, mut post, target) = session(&server).await;
        get.ask("GET", &target, &[], "").await;
        let before = journal.count("disconnect: parse error");
        // The GET has to be there first; a message says so.
        assert_eq!(post.post(&target, "4a").await.status, 200);
        assert_eq!(get.answer().await.unwrap().text(), "4a");
        get.ask("GET", &target, &[], "").await;
        assert_eq!(post.request("POST", &target, headers, body).await.is(), BAD, "{body:?}");
        let answer = get.answer().await.unwrap();
        assert!(matches!(answer.is(), (200, "1" | "4a") | UNKNOWN), "{body:?}: {answer:?}");
        assert_over(&mut get, &target).await;
        eventually("it ended", || journal.count("disconnect: parse error") == before + 1).await;
    }
}

#[tokio::test]
async fn a_body_is_no_larger_than_a_message() {
    let (builder, _) = builder();
    let server = builder.max_message(1000).start().await.unwrap();
    let (mut get, mut post, target) = session(&server).await;
    let largest = format!("4{0}\x1e4{0}", "x".repeat(499))[..1000].to_owned();
    get.ask("GET", &target, &[], "").await;
    assert_eq!(post.post(&target, &largest).await.is(), (200, "ok"));
    assert!(get.answer().await.unwrap().text().starts_with("4xxx"));
    // Told before it is read.
    post.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n")).await;
    assert_eq!(post.answer().await.unwrap().status, 413);
    let mut post = Http::connect(&authority(&server)).await;
    post.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n"))
        .await;
    assert!(matches!(post.answer().await.unwrap().status, 400 | 413));
    // Without its length, when it gets too large.
    let mut post = Http::connect(&authority(&server)).await;
    post.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")).await;
    post.send(format!("1f4\r\n4{}\r\n1f5\r\n{}\r\n", "x".repeat(499), "y".repeat(501))).await;
    assert_eq!(post.answer().await.unwrap().status, 413);
    // The session is as it was.
    let mut post = Http::connect(&authority(&server)).await;
    assert_eq!(post.post(&target, "4a").await.is(), (200, "ok"));
    assert_eq!(get.get(&target).await.text(), "4a");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_forgotten() {
    let (builder, journal) = builder();
    let server = builder
        .heartbeat(Duration::from_millis(300))
        .heartbeat_timeout(Duration::from_millis(200))
        .start()
        .await
        .unwrap();
    let mut http = Http::connect(&authority(&server)).await;
    let start = Instant::now();
    let target = open(&mut http, OPEN).await;
    assert_eq!(http.get(&target).await.text(), "2");
    assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
    assert_eq!(http.post(&target, "3").await.is(), (200, "ok"));
    assert_eq!(http.get(&target).await.text(), "2");
    let mut waiting = Http::connect(&authority(&server)).await;
    waiting.ask("GET", &target, &[], "").await;
    eventually("it ended", || journal.count("disconnect: ping timeout") == 1).await;
    assert_eq!(waiting.answer().await.unwrap().text(), "1");
    assert_over(&mut http, &target).await;
    // One that does not even ask is gone as soon.
    let start = Instant::now();
    let target = open(&mut http, OPEN).await;
    eventually("it ended", || journal.count("disconnect: ping timeout") == 2).await;
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    assert_over(&mut http, &target).await;
}

#[tokio::test]
async fn slow_bodies_have_an_end() {
    let (builder, journal) = builder();
    let server = builder.handshake_timeout(Duration::from_millis(200)).start().await.unwrap();
    let (mut get, mut post, target) = session(&server).await;
    get.ask("GET", &target, &[], "").await;
    post.send(format!("POST {target} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n4a")).await;
    assert_eq!(post.answer().await.unwrap().status, 408);
    assert_eq!(get.answer().await.unwrap().text(), "1");
    eventually("it ended", || journal.count("disconnect: transport error") == 1).await;
}

/// A payload of version 4 has its packets parted by U+001E: a text with one in it would arrive as two.
#[tokio::test]
async fn a_text_that_would_be_two_packets_is_refused_to_its_sender() {
    const TEXT: &str = "a\u{1e}4b";
    let (server, _) = server().await;
    let (mut get, _, target) = session(&server).await;
    let socket = server.sockets().pop().expect("it polls");
    let refused = socket.send(TEXT).await.unwrap_err().to_string();
    assert!(refused.contains("U+001E"), "{refused}");
    assert!(socket.try_emit("message", TEXT).is_err());
    assert!(server.of("/").emit("message", TEXT).await.is_err(), "there is nobody else");
    socket.send(&[TEXT]).await.unwrap();
    assert_eq!(get.get(&target).await.is(), (200, r#"4["a\u001e4b"]"#));
    // Others have frames, or lengths.
    let mut ws =
        Http::connect(&authority(&server)).await.websocket("/engine.io/?EIO=4&transport=websocket").await;
    assert!(ws.text().await.starts_with('0'));
    let mut old = Http::connect(&authority(&server)).await;
    let old_target = open(&mut old, "/engine.io/?EIO=3&transport=polling").await;
    eventually("all are there", || server.count() == 3).await;
    assert_eq!(server.of("/").emit("message", TEXT).await, Ok(2));
    assert_eq!(ws.text().await, "4a\u{1e}4b");
    assert_eq!(old.get(&old_target).await.is(), (200, "5:4a\u{1e}4b"));
    // And so has the session when a WebSocket takes it over.
    let mut ws =
        Http::connect(&authority(&server)).await.websocket(&target.replace("polling", "websocket")).await;
    ws.say("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    assert!(socket.send(TEXT).await.is_err(), "it still polls");
    ws.say("5").await;
    eventually("it is upgraded", || socket.handshake().transport == jidda_runtime::Transport::WebSocket)
        .await;
    socket.send(TEXT).await.unwrap();
    assert_eq!(ws.text().await, "4a\u{1e}4b");
}

#[tokio::test]
async fn large_messages_go_both_ways() {
    let (builder, _) = builder();
    let server = builder.resource(Resource::raw("/plain").compression(None)).start().await.unwrap();
    let mut http = Http::connect(&authority(&server)).await;
    let target = open(&mut http, "/plain/?EIO=4&transport=polling").await;
    let large = format!("4{}", "\u{e4}bc".repeat(240_000));
    for _ in 0..3 {
        assert_eq!(http.post(&target, &large).await.is(), (200, "ok"));
        assert_eq!(http.get(&target).await.text(), large);
    }
}
