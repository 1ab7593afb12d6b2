//! The rules of RFC 6455 for a server, case by case: those of Autobahn's test suite, which `tests/autobahn/run.sh` runs
//! where it can be had.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use handlers::{HERE, first};
use http::{Http, Ws};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Encoding, Resource, Server, Value};

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

const MORE: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

const PROTOCOL: u16 = 1002;
const INVALID: u16 = 1007;
const TOO_LARGE: u16 = 1009;

async fn server() -> Server {
    let (builder, _, _) = handlers::builder([&MESSAGE]);
    builder.max_message(70_000).resource(Resource::raw("/engine.io")).start().await.unwrap()
}

async fn websocket(server: &Server) -> Ws {
    let http = Http::connect(&peer::address(server)).await;
    let mut ws = http.websocket("/engine.io/?EIO=4&transport=websocket").await;
    ws.text().await;
    ws
}

/// A frame as clients send it; `first` is its first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [1, 2, 3, 4];
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            out.push(0xfe);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            out.push(0xff);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// The last frame of a message, or a whole one.
fn last(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(0x80 | opcode, payload.as_ref())
}

/// A frame that others follow.
fn part(opcode: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(opcode, payload.as_ref())
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    last(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

/// What is sent, and what comes back; a close frame by its code, after which nothing comes.
struct Case {
    name: String,
    sent: Vec<Vec<u8>>,
    expected: Vec<(u8, Vec<u8>)>,
}

fn case(name: impl Into<String>, sent: &[Vec<u8>], expected: &[(u8, &[u8])]) -> Case {
    let expected = expected.iter().map(|(opcode, payload)| (*opcode, payload.to_vec())).collect();
    Case { name: name.into(), sent: sent.to_vec(), expected }
}

/// What ends the WebSocket, with this code; whatever is sent behind it is not answered.
fn ends(name: impl Into<String>, sent: &[Vec<u8>], before: &[(u8, &[u8])], code: u16) -> Case {
    let mut case = case(name, sent, before);
    case.expected.push((CLOSE, code.to_be_bytes().to_vec()));
    case
}

fn messages() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [1, 125, 126, 127, 128, 65_535, 65_536] {
        let text = [b"4", &vec![b'*'; length - 1][..]].concat();
        cases.push(case(format!("a text of {length} bytes"), &[last(TEXT, &text)], &[(TEXT, &text)]));
        let bytes = vec![0xfe; length];
        cases.push(case(format!("{length} bytes"), &[last(BINARY, &bytes)], &[(BINARY, &bytes)]));
    }
    cases.extend([
        case("no bytes", &[last(BINARY, "")], &[(BINARY, b"")]),
        ends("more than is taken", &[last(BINARY, vec![0; 70_001])], &[], TOO_LARGE),
        ends(
            "more than is taken, in parts",
            &[part(BINARY, vec![0; 40_000]), last(MORE, vec![0; 40_000])],
            &[],
            TOO_LARGE,
        ),
        ends("no packet", &[last(TEXT, "hello")], &[], PROTOCOL),
    ]);
    cases
}

fn control_frames() -> Vec<Case> {
    let long = [0xfe; 125];
    vec![
        case("an empty ping", &[last(PING, "")], &[(PONG, b"")]),
        case("a ping", &[last(PING, "hello")], &[(PONG, b"hello")]),
        case("a long ping", &[last(PING, long)], &[(PONG, &long)]),
        ends("a ping that is too long", &[last(PING, [0xfe; 126])], &[], PROTOCOL),
        ends("a ping in parts", &[part(PING, "a"), last(MORE, "b")], &[], PROTOCOL),
        ends("a pong in parts", &[part(PONG, "a"), last(MORE, "b")], &[], PROTOCOL),
        case(
            "pongs that nobody asked for",
            &[last(PONG, ""), last(PONG, "x"), last(PING, "y")],
            &[(PONG, b"y")],
        ),
        case(
            "ten pings",
            &(0..10).map(|number| last(PING, [number])).collect::<Vec<_>>(),
            &[[0], [1], [2], [3], [4], [5], [6], [7], [8], [9]].each_ref().map(|byte| (PONG, &byte[..])),
        ),
        case(
            "a ping within a message",
            &[part(TEXT, "4one"), last(PING, "!"), part(MORE, "two"), last(PING, "?"), last(MORE, "three")],
            &[(PONG, b"!"), (PONG, b"?"), (TEXT, b"4onetwothree")],
        ),
    ]
}

fn what_is_reserved() -> Vec<Case> {
    let mut cases = Vec::new();
    for bits in 1..8 {
        let mut bad = last(TEXT, "4b");
        bad[0] |= bits << 4;
        let sent = [last(TEXT, "4a"), bad, last(PING, "")];
        cases.push(ends(format!("the reserved bits {bits}"), &sent, &[(TEXT, b"4a")], PROTOCOL));
    }
    for opcode in (3..8).chain(11..16) {
        let sent = [last(TEXT, "4a"), last(opcode, "b"), last(PING, "")];
        cases.push(ends(format!("the opcode {opcode}"), &sent, &[(TEXT, b"4a")], PROTOCOL));
    }
    cases.push(ends("a frame without a mask", &[vec![0x81, 2, b'4', b'a']], &[], PROTOCOL));
    cases
}

fn fragments() -> Vec<Case> {
    let letters: Vec<_> = (b'a'..=b'z').map(|letter| part(MORE, [letter])).collect();
    vec![
        case("two parts", &[part(TEXT, "4one"), last(MORE, "two")], &[(TEXT, b"4onetwo")]),
        case(
            "parts of bytes",
            &[part(BINARY, "one"), part(MORE, ""), last(MORE, "two")],
            &[(BINARY, b"onetwo")],
        ),
        case("an empty last part", &[part(TEXT, "4one"), last(MORE, "")], &[(TEXT, b"4one")]),
        case("an empty first part", &[part(TEXT, ""), last(MORE, "4one")], &[(TEXT, b"4one")]),
        case(
            "a part a letter",
            &[&[part(TEXT, "4")][..], &letters, &[last(MORE, "")]].concat(),
            &[(TEXT, b"4abcdefghijklmnopqrstuvwxyz")],
        ),
        case(
            "one message after another",
            &[part(TEXT, "4a"), last(MORE, "b"), part(TEXT, "4c"), last(MORE, "d")],
            &[(TEXT, b"4ab"), (TEXT, b"4cd")],
        ),
        ends("nothing to continue", &[last(MORE, "4a"), last(TEXT, "4b")], &[], PROTOCOL),
        ends("nothing to continue, with more to come", &[part(MORE, "4a"), last(TEXT, "4b")], &[], PROTOCOL),
        ends(
            "nothing to continue any more",
            &[part(TEXT, "4a"), last(MORE, "b"), last(MORE, "c"), last(TEXT, "4d")],
            &[(TEXT, b"4ab")],
            PROTOCOL,
        ),
        ends("a message within a message", &[part(TEXT, "4a"), last(TEXT, "4b")], &[], PROTOCOL),
        ends("the beginning of one within another", &[part(TEXT, "4a"), part(BINARY, "b")], &[], PROTOCOL),
    ]
}

fn texts() -> Vec<Case> {
    let kosme = "4κόσμε-µ@ßöäüàá-UTF-8!!-\u{10ffff}-\u{fffe}-\u{1f600}";
    let bytes = kosme.as_bytes();
    let by_byte = |bytes: &[u8]| {
        let mut frames: Vec<_> = bytes.iter().map(|byte| part(MORE, [*byte])).collect();
        frames[0][0] = TEXT;
        frames.push(last(MORE, ""));
        frames
    };
    let mut cases = vec![
        case("a text of all widths", &[last(TEXT, bytes)], &[(TEXT, bytes)]),
        case("a text of all widths, byte by byte", &by_byte(bytes), &[(TEXT, bytes)]),
        ends("a text that ends within a character", &[last(TEXT, b"4a\xce")], &[], INVALID),
        ends(
            "a text in parts that ends within a character",
            &[part(TEXT, b"4a\xf0\x9f"), last(MORE, b"\x98")],
            &[],
            INVALID,
        ),
        // The rest of them never comes: what cannot become valid is refused where that is known.
        ends(
            "a surrogate, with more to come",
            &[part(TEXT, "4κόσμε"), part(MORE, b"\xed\xa0\x80")],
            &[],
            INVALID,
        ),
        ends("beyond Unicode, with more to come", &[part(TEXT, b"4\xf4"), part(MORE, b"\x90")], &[], INVALID),
    ];
    for bad in [
        &b"\x80"[..],
        b"\xbf\x80",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xce\x20",
    ] {
        let text = [b"4a", bad, b"b"].concat();
        cases.push(ends(format!("a text with {bad:x?}"), &[last(TEXT, &text)], &[], INVALID));
        cases.push(ends(format!("bytes of a text with {bad:x?}"), &by_byte(&text), &[], INVALID));
    }
    cases
}

fn closing() -> Vec<Case> {
    let mut cases = vec![
        ends("a close frame without a code", &[last(CLOSE, ""), last(TEXT, "4a"), last(PING, "")], &[], 1000),
        ends("half a code", &[last(CLOSE, [3])], &[], PROTOCOL),
        ends("a reason", &[close(1000, "hello world!")], &[], 1000),
        ends("a long reason", &[close(1000, "*".repeat(123))], &[], 1000),
        ends("a reason that is too long", &[close(1000, "*".repeat(124))], &[], PROTOCOL),
        ends("a reason that is no text", &[close(1000, b"\xed\xa0\x80")], &[], INVALID),
        ends(
            "a close frame within a message",
            &[part(TEXT, "4a"), close(1000, ""), last(MORE, "b")],
            &[],
            1000,
        ),
        ends("two of them", &[close(1000, ""), close(1000, "")], &[], 1000),
    ];
    for code in (1000..=1003).chain(1007..=1011).chain([3000, 3999, 4000, 4999]) {
        cases.push(ends(format!("the code {code}"), &[close(code, "")], &[], 1000));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(ends(format!("the code {code}, which is none"), &[close(code, "")], &[], PROTOCOL));
    }
    cases
}

/// Runs a case, all of it in one write or a byte a write.
async fn run(server: &Server, case: &Case, in_bytes: bool) {
    let mut ws = websocket(server).await;
    let sent = case.sent.concat();
    let ended = case.expected.last().is_some_and(|(opcode, _)| *opcode == CLOSE);
    if in_bytes && sent.len() < 300 && !ended {
        for byte in &sent {
            ws.http.send([*byte]).await;
        }
    } else {
        ws.http.send(&sent).await;
    }
    for (opcode, expected) in &case.expected {
        let got = ws.frame().await.unwrap_or_else(|| panic!("{}: the end came too early", case.name));
        let payload = if got.0 == CLOSE { &got.1[..2] } else { &got.1[..] };
        assert!((got.0, payload) == (*opcode, expected), "{}: {got:?}", case.name);
    }
    if ended {
        assert_eq!(ws.frame().await, None, "{}: something comes after the end", case.name);
    } else {
        ws.http.send(last(PING, "still there")).await;
        assert_eq!(ws.frame().await, Some((PONG, b"still there".to_vec())), "{}", case.name);
    }
}

async fn run_all(cases: Vec<Case>) {
    let server = server().await;
    for case in &cases {
        run(&server, case, false).await;
        run(&server, case, true).await;
    }
}

#[tokio::test]
async fn messages_of_all_sizes_are_echoed() {
    run_all(messages()).await;
}

#[tokio::test]
async fn control_frames_are_answered_at_once() {
    run_all(control_frames()).await;
}

#[tokio::test]
async fn what_is_reserved_ends_the_websocket() {
    run_all(what_is_reserved()).await;
}

#[tokio::test]
async fn messages_in_parts_are_put_together() {
    run_all(fragments()).await;
}

#[tokio::test]
async fn texts_are_utf_8() {
    run_all(texts()).await;
}

#[tokio::test]
async fn a_close_frame_is_answered_with_one() {
    run_all(closing()).await;
}

#[tokio::test]
async fn what_breaks_the_rules_ends_its_own_websocket_only() {
    let server = server().await;
    let mut good = websocket(&server).await;
    let mut bad = websocket(&server).await;
    bad.http.send(last(3, "4a")).await;
    assert_eq!(bad.close_code().await, PROTOCOL);
    good.say("4a").await;
    assert_eq!(good.text().await, "4a");
}
