//! Bytes that are no messages, or not the ones they claim to be. Every one costs its sender the connection, and
//! nobody else anything.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use handlers::{BIG, CONNECT, DISCONNECT, ECHO, Journal, NEVER, NOTE, builder, done};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry};
use jidda_runtime::{Server, Value};
use peer::{Peer, bytes, closing, code, eventually, notification, request, response};

fn catch_all(context: &Context, _: Arguments<'_>) -> Dispatch {
    Journal::of(context).write(context.event());
    Dispatch::Ready(done(&()))
}

static CATCH_ALL: HandlerEntry = HandlerEntry::new("*", catch_all, handlers::HERE);

async fn server() -> (Server, Journal) {
    let (builder, journal, _) = builder([&BIG, &CONNECT, &DISCONNECT, &ECHO, &NEVER, &NOTE]);
    (builder.max_message(10_000).start().await.unwrap(), journal)
}

/// What a peer hears that says `bytes` and nothing more, until the server closes.
async fn answer_to(server: &Server, bytes: &[u8]) -> Vec<Value> {
    let mut peer = Peer::connect(server).await;
    peer.send_bytes(bytes).await;
    peer.rest().await
}

async fn assert_still_serving(server: &Server) {
    let mut peer = Peer::connect(server).await;
    peer.send(&request(1, "echo", vec!["still here".into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, "still here"));
}

#[tokio::test]
async fn a_request_cut_anywhere_is_never_run() {
    let (server, journal) = server().await;
    let map = Value::Map(vec![("k".into(), vec![Value::from(1); 20].into())]);
    let whole = bytes(&request(70_000, "note", vec![map]));
    for cut in 0..whole.len() {
        let mut peer = Peer::connect(&server).await;
        peer.send_bytes(&whole[..cut]).await;
        drop(peer);
    }
    assert_still_serving(&server).await;
    eventually("everyone left", || server.count() == 0).await;
    assert_eq!(journal.lines(), ["connect", "disconnect: transport close"]);
}

#[tokio::test]
async fn lengths_that_lie_are_answered_at_once() {
    let (server, _) = server().await;
    let claims: [&[u8]; 7] = [
        &[0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 0x01],
        &[0xdc, 0xff, 0xff],
        &[0xc5, 0xff, 0xff],
    ];
    for claim in claims {
        // As the method, as the params, deep inside them, and as an array of arrays.
        for head in [&[0x94, 0, 7][..], b"\x94\x00\x07\xa4echo", b"\x94\x00\x07\xa4echo\x91\x92\xa1x"] {
            let heard = answer_to(&server, &[head, claim].concat()).await;
            assert_eq!(heard.len(), 2, "{claim:x?} {heard:?}");
            assert_eq!((&heard[0][1], code(&heard[0])), (&7.into(), "too_large"));
            assert_eq!(closing(&heard[1]), Some("the message is larger than 10000 bytes"));
        }
        for head in [&[0x93, 2][..], b"\x93\x02\xa4echo", &[0x94, 1, 7], &[0x94, 1, 7, 0xc0]] {
            let heard = answer_to(&server, &[head, claim].concat()).await;
            assert_eq!(heard.len(), 1, "{claim:x?} {heard:?}");
            assert_eq!(closing(&heard[0]), Some("the message is larger than 10000 bytes"));
        }
    }
    assert_still_serving(&server).await;
}

#[tokio::test]
async fn nesting_bombs_are_answered_at_once() {
    let (server, _) = server().await;
    let bombs = [vec![0x91; 5000], [0x81, 0xa1, b'k'].repeat(2000), [0xdc, 0, 1].repeat(2000)];
    for bomb in bombs {
        let heard = answer_to(&server, &[b"\x94\x00\x07\xa4echo", &bomb[..]].concat()).await;
        assert_eq!((&heard[0][1], code(&heard[0])), (&7.into(), "too_deep"));
        assert_eq!(closing(&heard[1]), Some("the message nests deeper than 64"));
        assert_eq!(heard.len(), 2);
    }
    // As deep as allowed is fine: the message itself, its params, and 62 more.
    let mut deep = Value::Nil;
    for _ in 0..62 {
        deep = Value::Array(vec![deep]);
    }
    let mut peer = Peer::connect(&server).await;
    peer.send(&request(1, "echo", vec![deep.clone()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, deep));
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let (server, _) = server().await;
    let sized = |size: usize| {
        let empty = bytes(&request(7, "echo", vec![Value::Binary(vec![1; 300])])).len() - 300;
        let message = bytes(&request(7, "echo", vec![Value::Binary(vec![1; size - empty])]));
        assert_eq!(message.len(), size);
        message
    };
    let mut peer = Peer::connect(&server).await;
    peer.send_bytes(&sized(10_000)).await;
    assert_eq!(peer.receive().await.unwrap()[2], Value::Nil);
    peer.send_bytes(&sized(10_001)[..20]).await;
    let heard = peer.rest().await;
    assert_eq!(code(&heard[0]), "too_large");
    assert!(closing(&heard[1]).is_some());
    // Many small elements instead of one large one.
    let many = bytes(&request(7, "echo", vec![Value::Array(vec![Value::Nil; 9_995])]));
    assert_eq!(code(&answer_to(&server, &many).await[0]), "too_large");
}

#[tokio::test]
async fn a_reply_is_no_larger_than_the_limit_either() {
    let (server, _) = server().await;
    let mut peer = Peer::connect(&server).await;
    let (mut sent, mut refused) = (0, 0);
    for size in 9_950..10_050 {
        let id = if size % 2 == 0 { 1 } else { u32::MAX };
        peer.send(&request(id, "big", vec![size.into()])).await;
        let reply = peer.receive().await.unwrap();
        if reply[2].is_nil() {
            assert!(bytes(&reply).len() <= 10_000, "a reply of {}", bytes(&reply).len());
            sent += 1;
        } else {
            assert_eq!((&reply[1], code(&reply)), (&id.into(), "too_large"));
            refused += 1;
        }
    }
    assert!(sent >= 35 && refused >= 50, "{sent} sent, {refused} refused");
}

#[tokio::test]
async fn a_peer_of_another_protocol_gets_an_error_and_is_closed() {
    let (server, _) = server().await;
    let cases: &[(&str, &[u8])] = &[
        ("three to five", &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
        ("three to five", b"ssh, it is hostile\r\n"),
        ("three to five", &[0x00]),
        ("three to five", &[0xc0]),
        ("three to five", &[0xc1]),
        ("three to five", &[0x90]),
        ("three to five", &[0x92, 0, 1]),
        ("three to five", &[0x96, 0, 1, 2, 3, 4, 5]),
        ("three to five", &[0xdc, 0, 4, 0, 1, 0xa1, b'x', 0x90]),
        ("three to five", &[0x84, 0, 1, 2, 3]),
        ("0xc1", &[0x94, 0, 1, 0xa1, b'x', 0xc1]),
        ("another number of elements", &[0x93, 0, 1, 0xa1, b'x']),
        ("another number of elements", &[0x93, 1, 1, 0xc0]),
        ("another number of elements", &[0x95, 1, 1, 0xc0, 0xc0, 0xc0]),
        ("another number of elements", &[0x95, 2, 0xa1, b'x', 0x90, 0xc0, 0xc0]),
        ("type is 0, 1 or 2", &[0x94, 3, 1, 0xa1, b'x', 0x90]),
        ("type is 0, 1 or 2", &[0x94, 0xff, 1, 0xa1, b'x', 0x90]),
        ("type is 0, 1 or 2", &[0x94, 0xa1, b'0', 1, 0xa1, b'x', 0x90]),
        ("message id", &[0x94, 0, 0xff, 0xa1, b'x', 0x90]),
        ("message id", &[0x94, 0, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xa1, b'x', 0x90]),
        ("message id", &[0x94, 1, 0xa1, b'1', 0xc0, 0xc0]),
        ("message id", &[0x94, 0, 0xca, 0, 0, 0, 0, 0xa1, b'x', 0x90]),
        ("a method is a string", &[0x94, 0, 1, 0xa2, 0xff, 0xfe, 0x90]),
        ("a method is a string", &[0x93, 2, 0xa2, 0xc3, 0x28, 0x90]),
        ("a method is a string", &[0x94, 0, 1, 0x05, 0x90]),
        ("a method is a string", &[0x94, 0, 1, 0x91, 0x01, 0x90]),
        ("do not fit", b"\x94\x00\x01\xa7$/hello\x90"),
        ("do not fit", b"\x94\x00\x01\xa7$/hello\x91\x80"),
        ("do not fit", b"\x94\x00\x01\xa7$/hello\xc0"),
        ("do not fit", b"\x94\x00\x01\xa9$/connect\x90"),
        ("do not fit", b"\x94\x00\x01\xa9$/connect\x91\x07"),
        ("do not fit", b"\x94\x00\x01\xa9$/connect\x91\xa2\xff\xff"),
        ("do not fit", b"\x93\x02\xac$/disconnect\x90"),
        ("do not fit", b"\x93\x02\xa8$/cancel\x91\xa1x"),
        ("do not fit", b"\x93\x02\xa8$/cancel\xc0"),
    ];
    for (reason, bytes) in cases {
        let heard = answer_to(&server, bytes).await;
        let last = heard.last().unwrap_or_else(|| panic!("{bytes:x?}: closed without a word"));
        let told = closing(last).unwrap_or_else(|| panic!("{bytes:x?}: {heard:?}"));
        assert!(told.contains(reason), "{bytes:x?}: {told}");
        assert_eq!(heard.len(), 1, "{bytes:x?}: {heard:?}");
    }
    assert_still_serving(&server).await;
    eventually("everyone left", || server.count() == 0).await;
}

#[tokio::test]
async fn garbage_after_a_good_message_does_not_undo_it() {
    let (server, journal) = server().await;
    let mut peer = Peer::connect(&server).await;
    let mut out = bytes(&request(1, "echo", vec![1.into()]));
    out.extend_from_slice(&bytes(&notification("note", vec![2.into()])));
    out.extend_from_slice(&[0xc1; 100]);
    out.extend_from_slice(&bytes(&notification("note", vec![3.into()])));
    peer.send_bytes(&out).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, 1));
    assert!(closing(&peer.receive().await.unwrap()).is_some());
    assert_eq!(peer.receive().await, None);
    eventually("it left", || journal.len() == 3).await;
    assert_eq!(journal.lines(), ["connect", "2", "disconnect: parse error"]);
}

#[tokio::test]
async fn a_number_used_twice_at_once_is_a_protocol_error() {
    let (server, journal) = server().await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&request(5, "never", vec![])).await;
    peer.send(&request(5, "never", vec![])).await;
    let heard = peer.rest().await;
    assert!(heard.iter().any(|message| closing(message).is_some_and(|why| why.contains("in use"))));
    eventually("both were dropped", || journal.count("disconnect: parse error") == 1).await;
    assert_eq!(journal.count("never began"), 1);
    assert_eq!(journal.count("never dropped"), 1);
    // One after the other is fine.
    let mut peer = Peer::connect(&server).await;
    for _ in 0..3 {
        peer.send(&request(5, "echo", vec![1.into()])).await;
        assert_eq!(peer.receive().await.unwrap(), response(5, 1));
    }
}

#[tokio::test]
async fn unsolicited_replies_are_counted_and_ignored() {
    let (server, _) = server().await;
    let mut peer = Peer::connect(&server).await;
    for id in 0..10 {
        peer.send(&response(id, "made up")).await;
        peer.send(&Value::Array(vec![1.into(), id.into(), "an error".into(), Value::Nil])).await;
    }
    peer.send(&request(1, "echo", vec!["hi".into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, "hi"));
    assert_eq!(server.unknown_replies(), 20);
}

#[tokio::test]
async fn reserved_names_never_reach_a_handler() {
    let (builder, journal, _) = builder([&CATCH_ALL]);
    let server = builder.start().await.unwrap();
    let mut peer = Peer::joined(&server, "/").await;
    for (id, method) in
        (1..).zip(["$/unknown", "$/cancel", "$/disconnect", "$/", "$/item", "connect", "disconnect"])
    {
        peer.send(&request(id, method, vec![])).await;
        assert_eq!(code(&peer.receive().await.unwrap()), "not_found", "{method}");
    }
    peer.send(&request(9, "anything", vec![])).await;
    assert_eq!(peer.receive().await.unwrap(), response(9, Value::Nil));
    assert_eq!(journal.lines(), ["anything"]);
}

#[tokio::test]
async fn a_reserved_notification_of_another_version_is_refused_and_no_more() {
    let (server, _) = server().await;
    let mut peer = Peer::joined(&server, "/").await;
    for method in ["$/end", "$/unknown", "$/hello"] {
        peer.send(&notification(method, vec![1.into()])).await;
        let refused = peer.receive().await.unwrap();
        assert_eq!(refused[1], "$/refused".into(), "{refused}");
        assert_eq!(refused[2][0], method.into(), "{refused}");
    }
    peer.send(&request(9, "echo", vec![1.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(9, 1));
}
