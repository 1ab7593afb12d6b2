//! Whatever peers say, the log has one line for each thing that happened. A program of its own: the log is the process's.
#![allow(missing_docs)]

#[path = "support/fake.rs"]
mod fake;
#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::io::Write;
use std::sync::{Arc, Mutex};

use fake::{Fake, number};
use handlers::{ASK, CONNECT, DISCONNECT, EXPLODE, HERE, builder, first};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry};
use jidda_runtime::{CallError, DisconnectReason, Error, Identity, Password, Value};
use peer::{Peer, address, eventually, notification, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::fmt::MakeWriter;

/// Ends the line and begins another, clears a terminal and names its window, turns the writing around.
const EVIL: &str =
    "x\n2026-11-30T00:00:00Z  INFO forged: a line\r\n\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{2028}\u{85}";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Fails with an error of the program's own that says what it was given.
fn fail(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let text: String = first(arguments).unwrap_or_else(|_| EVIL.to_owned());
    Dispatch::refused(std::io::Error::other(text).into())
}

fn refuse(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let text: String = first(arguments).unwrap_or_else(|_| EVIL.to_owned());
    Dispatch::refused(Error::new(text.clone(), text))
}

fn name(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let text: String = first(arguments).unwrap();
    context.socket().unwrap().identify(Identity::new(text)).unwrap();
    Dispatch::Ready(handlers::done(&()))
}

static FAIL: HandlerEntry = HandlerEntry::new("fail", fail, HERE);
static REFUSE: HandlerEntry = HandlerEntry::new("refuse", refuse, HERE);
static NAME: HandlerEntry = HandlerEntry::new("name", name, HERE);
static FAMILY: HandlerEntry = HandlerEntry::new("fail", fail, HERE).namespaced("/family/{id}");
static STRICT: HandlerEntry = HandlerEntry::new("connect", refuse, HERE).namespaced("/strict/{id}");

/// Says everything that a native peer can say, with that text in it.
async fn native(server: &jidda_runtime::Server) {
    let mut peer = Peer::connect(server).await;
    let words = vec![
        ("wire".into(), 1.into()),
        ("identity".into(), EVIL.into()),
        ("credentials".into(), EVIL.into()),
    ];
    peer.send(&request(1, "$/hello", vec![Value::Map(words)])).await;
    let mut peer = Peer::joined(server, "/").await;
    let failure = Value::Map(vec![("code".into(), EVIL.into()), ("message".into(), EVIL.into())]);
    for (id, method) in [(1, EVIL), (2, "fail"), (3, "refuse"), (4, "name"), (5, "explode")] {
        peer.send(&request(id, method, vec![EVIL.into()])).await;
        peer.send(&notification(method, vec![EVIL.into()])).await;
    }
    let family = format!("/family/{}", EVIL.replace(':', ""));
    peer.send(&request(6, "$/connect", vec![family.clone().into()])).await;
    peer.send(&request(7, &format!("{family}:fail"), vec![EVIL.into()])).await;
    peer.send(&request(8, "$/connect", vec![format!("/strict/{}", EVIL.replace(':', "")).into()])).await;
    peer.send(&request(9, "ask", vec![])).await;
    let question = loop {
        let message = peer.receive().await.expect("a question");
        if message[0] == 0.into() {
            break message;
        }
    };
    peer.send(&Value::Array(vec![1.into(), question[1].clone(), EVIL.into(), Value::Nil])).await;
    peer.send(&notification("$/refused", vec![EVIL.into(), failure.clone()])).await;
    peer.send(&notification("$/disconnect", vec![family.into(), EVIL.into()])).await;
    peer.ping().await;
    peer.send(&notification("$/close", vec![EVIL.into()])).await;
    drop(peer);
    // A plain one is let go for what it said.
    let mut plain = Peer::connect(server).await;
    plain.send(&notification(EVIL, vec![EVIL.into()])).await;
    plain.rest().await;
}

/// The same in requests of HTTP.
async fn http(server: &jidda_runtime::Server) {
    let evil = "\u{1b}[2J\u{202e}";
    for request in [
        format!("GET /socket.io/?EIO=4&transport={evil}%0aLINE HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET /{evil} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\nHost: a\r\nX: {evil}\r\n\r\n"),
        format!(
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nOrigin: {evil}\r\nCookie: a=b\r\n\r\n"
        ),
        format!("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{evil}\r\n"),
    ] {
        let mut stream = TcpStream::connect(address(server)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.ok();
    }
}

/// And a server's words for a client.
async fn client() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let failure = Value::Map(vec![("code".into(), EVIL.into()), ("message".into(), EVIL.into())]);
    let call = tokio::spawn(client.call::<Value>("any", &()).into_future());
    let id = number(&peer.receive().await.expect("a call"));
    peer.send(&Value::Array(vec![1.into(), id.into(), failure.clone(), Value::Nil])).await;
    let refused: CallError = call.await.unwrap().unwrap_err();
    assert_one_line(&refused.to_string());
    assert_eq!(refused.code(), Some(EVIL));
    let seen = Arc::new(Mutex::new(String::new()));
    peer.send(&notification("$/refused", vec![EVIL.into(), failure.clone()])).await;
    peer.send(&request(1, "$/ping", vec![])).await;
    peer.receive().await.expect("an answer");
    client.of("/").on_refused({
        let seen = Arc::clone(&seen);
        move |_, error| *seen.lock().unwrap() = error.to_string()
    });
    peer.send(&notification("$/refused", vec!["news".into(), failure])).await;
    eventually("the hook saw it", || !seen.lock().unwrap().is_empty()).await;
    assert_one_line(&seen.lock().unwrap());
    peer.send(&notification("$/close", vec![EVIL.into()])).await;
    drop(peer);
    let _again = fake.welcome().await;
    assert_one_line(&DisconnectReason::from(EVIL).to_string());
}

fn assert_one_line(text: &str) {
    let is_hidden = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.chars().any(is_hidden), "{text:?}");
}

#[tokio::test]
async fn no_line_is_forged() {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .init();
    let entries = [&ASK, &CONNECT, &DISCONNECT, &EXPLODE, &FAIL, &REFUSE, &NAME, &FAMILY, &STRICT];
    let users = Password::new(async |user: String, _| Err(Error::new(user.clone(), user)));
    let (guarded, _, _) = builder(entries);
    let guarded = guarded.authenticator(users).start().await.unwrap();
    let mut stranger = Peer::connect(&guarded).await;
    let credentials = Value::Map(vec![("user".into(), EVIL.into()), ("password".into(), EVIL.into())]);
    let words = vec![("wire".into(), 1.into()), ("credentials".into(), credentials)];
    stranger.send(&request(1, "$/hello", vec![Value::Map(words)])).await;
    stranger.rest().await;
    let (open, journal, _) = builder(entries);
    let open = open.socket_io(|resource| resource).start().await.unwrap();
    native(&open).await;
    http(&open).await;
    client().await;
    eventually("all have left", || open.count() == 0 && journal.len() > 0).await;
    let text = lines.text();
    for said in [
        "refused a peer's credentials",
        "a peer refused an event",
        "the server refused an event",
        "refused an event",
        "forged",
    ] {
        assert!(text.contains(said), "nothing was logged of `{said}`");
    }
    for line in text.lines() {
        assert_one_line(line);
        assert!(!line.starts_with("2026-11-30"), "{line}");
    }
}
