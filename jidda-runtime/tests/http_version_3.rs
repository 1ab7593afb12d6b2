//! Long polling for the clients of version 3: lengths in UTF-16, bytes as bytes, and JSONP.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use handlers::{CONNECT, DISCONNECT, HERE, Journal, first};
use http::{Answer, Http};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Encoding, Resource, Server, Value};
use peer::eventually;

/// Sends a message back.
fn message(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value = first::<Value>(arguments).expect("a message");
    let socket = context.socket().expect("a socket");
    Dispatch::future(async move {
        socket.emit("message", &value).await.unwrap();
        Reply::value(&(), Encoding::MessagePack)
    })
}

static MESSAGE: HandlerEntry = HandlerEntry::new("message", message, HERE);

async fn server() -> (Server, Journal) {
    let (builder, journal, _) = handlers::builder([&CONNECT, &DISCONNECT, &MESSAGE]);
    (builder.resource(Resource::raw("/engine.io")).start().await.unwrap(), journal)
}

const OPEN: &str = "/engine.io/?EIO=3&transport=polling";
const BYTES: &str = "content-type: application/octet-stream";

struct Session {
    http: Http,
    target: String,
    opening: Answer,
}

/// Opens a session with more in its query.
async fn session(server: &Server, query: &str) -> Session {
    let mut http = Http::connect(&peer::address(server)).await;
    let target = format!("{OPEN}{query}");
    let opening = http.get(&target).await;
    let text = String::from_utf8_lossy(&opening.body).replace('\\', "");
    let start = text.find("\"sid\":\"").expect("an opening") + 7;
    let target = format!("{target}&sid={}", &text[start..start + 20]);
    Session { http, target, opening }
}

impl Session {
    /// Posts a body and gets what comes back.
    async fn echo(&mut self, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        assert_eq!(self.http.request("POST", &self.target, headers, body).await.is(), (200, "ok"));
        self.http.get(&self.target).await
    }
}

#[tokio::test]
async fn a_text_has_its_length_in_units_of_utf_16() {
    let (server, journal) = server().await;
    let mut session = session(&server, "").await;
    let text = session.opening.text();
    let (length, packet) = text.split_once(':').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), packet.len());
    assert!(packet.starts_with("0{\"sid\":\""), "{packet}");
    assert_eq!(session.opening.header("content-type"), Some("text/plain; charset=UTF-8"));
    let answer = session.echo(&[], "8:4h\u{e9} \u{1f600}!\u{20ac}").await;
    assert_eq!(answer.is(), (200, "8:4h\u{e9} \u{1f600}!\u{20ac}"));
    // The client asks for signs of life.
    assert_eq!(session.echo(&[], "1:2").await.is(), (200, "1:3"));
    assert_eq!(session.http.post(&session.target, "1:1").await.is(), (200, "ok"));
    assert_eq!(session.http.get(&session.target).await.status, 400);
    eventually("it ended", || journal.count("disconnect: transport close") == 1).await;
}

#[tokio::test]
async fn bytes_arrive_as_bytes() {
    let (server, _) = server().await;
    let mut session = session(&server, "&t=NxY1a2").await;
    let answer = session.echo(&[BYTES], b"\x01\x04\xff\x04\x01\x02\x03").await;
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"\x01\x04\xff\x04\x01\x02\x03"[..]));
    // A text alone is sent as one, in whichever form it came.
    let answer = session
        .echo(&[BYTES], "\0\u{4}".as_bytes().iter().chain(b"\xff4\xe2\x82\xac").copied().collect::<Vec<_>>())
        .await;
    assert_eq!(answer.is(), (200, "2:4\u{20ac}"));
    let answer = session.echo(&[], "10:b4AQIDBA==").await;
    assert_eq!(answer.body, b"\x01\x05\xff\x04\x01\x02\x03\x04");
}

#[tokio::test]
async fn clients_that_read_no_other_form_get_everything_as_bytes() {
    let (server, _) = server().await;
    let mut session = session(&server, "&t=1700000000000-0").await;
    assert_eq!(session.opening.header("content-type"), Some("application/octet-stream"));
    let end = session.opening.body.iter().position(|byte| *byte == 0xff).unwrap();
    let (head, packet) = session.opening.body.split_at(end + 1);
    let digits = head[1..end].iter().fold(0, |length, digit| length * 10 + usize::from(*digit));
    assert_eq!((head[0], digits), (0, packet.len()));
    assert!(packet.starts_with(b"0{"));
    let answer = session.echo(&[BYTES], b"\x00\x02\xff4a").await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"\x00\x02\xff4a"[..]));
}

#[tokio::test]
async fn bytes_are_base64_for_clients_that_request_it() {
    let (server, _) = server().await;
    let mut session = session(&server, "&b64=1&t=1700000000000-0").await;
    assert_eq!(session.opening.header("content-type"), Some("text/plain; charset=UTF-8"));
    let answer = session.echo(&[], "10:b4AQIDBA==").await;
    assert_eq!(answer.is(), (200, "10:b4AQIDBA=="));
}

#[tokio::test]
async fn scripts_and_forms_are_enough() {
    let (server, journal) = server().await;
    let mut session = session(&server, "&j=0").await;
    let text = session.opening.text();
    assert!(text.starts_with("___eio[0](\"118:0{\\\"sid\\\":\\\"") && text.ends_with("\");"), "{text}");
    let form = ["content-type: application/x-www-form-urlencoded"];
    let answer = session.echo(&form, "d=5%3A4a%5Cn%E2%80%A8b").await;
    assert_eq!(answer.is(), (200, "___eio[0](\"5:4a\\n\\u2028b\");"));
    let answer = session.echo(&form, "d=10%3Ab4AQIDBA%3D%3D").await;
    assert_eq!(answer.is(), (200, "___eio[0](\"10:b4AQIDBA==\");"));
    assert_eq!(session.http.request("POST", &session.target, &form, "x=1").await.status, 400);
    eventually("it ended", || journal.count("disconnect: parse error") == 1).await;
    // A function's name is no place for a program.
    let mut http = Http::connect(&peer::address(&server)).await;
    let answer = http.get(&format!("{OPEN}&j=0](alert(1))//")).await;
    assert!(answer.text().starts_with("___eio[01](\""), "{answer:?}");
}
