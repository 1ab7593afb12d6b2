//! How sockets and connections begin and end.

use std::time::Duration;

use jidda::Server;

use super::client::{Heard, Peer};
use super::{Journal, start};

#[tokio::test]
async fn a_refused_connect_says_why_and_may_be_tried_again() {
    let server = start().await;
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"name":"mallory"}"#).await;
    assert_eq!(peer.text().await, r#"44{"message":"not you","data":7}"#);
    peer.say("40/random,").await;
    assert_eq!(peer.text().await, r#"44/random,{"message":"Invalid namespace"}"#);
    let id = peer.enter("/", r#"{"name":"ada"}"#).await;
    assert_eq!(id.len(), 20);
    assert_eq!(server.user("ada").sockets()[0].id().to_string(), id);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_family_of_namespaces_is_joined_by_its_pattern() {
    let server = start().await;
    let mut peer = Peer::open(&server).await;
    peer.enter("/orders/7", "").await;
    // Without a comma, as some clients write it.
    peer.say("40/orders/8").await;
    assert!(peer.text().await.starts_with("40/orders/8,{\"sid\":"));
    peer.say(r#"42/orders/7,0["where"]"#).await;
    assert_eq!(peer.text().await, r#"43/orders/7,0["/orders/7",7]"#);
    peer.say(r#"42/orders/8,0["where"]"#).await;
    assert_eq!(peer.text().await, r#"43/orders/8,0["/orders/8",8]"#, "the same number in another namespace");
    peer.say("40/orders/x,").await;
    assert!(peer.text().await.starts_with("40/orders/x,{"), "what the parameter is, is for who asks for it");
}

#[tokio::test]
async fn rooms_are_still_there_in_the_disconnect_handler() {
    let server = start().await;
    let (mut peer, id) = Peer::join(&server).await;
    peer.ask(r#"["join","a"]"#).await;
    peer.say("41").await;
    let line = server.state::<Journal>().unwrap().wait_for(&id).await;
    assert_eq!(line, format!(r#"{id} left ["{id}", "a"]: client namespace disconnect"#));
    assert_eq!(server.to("a").count(), 0);
    // The connection goes on, for other namespaces and for this one.
    peer.enter("/", "").await;
    peer.vanish();
    let journal = server.state::<Journal>().unwrap();
    while journal.lines().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(journal.lines()[1].ends_with("transport close"), "{:?}", journal.lines());
}

#[tokio::test]
async fn a_client_that_closes_in_order_is_answered_in_order() {
    let server = start().await;
    let (mut peer, id) = Peer::join(&server).await;
    peer.say("1").await;
    assert_eq!(peer.hear().await, Heard::Close(1000));
    assert_eq!(peer.hear().await, Heard::End);
    let line = server.state::<Journal>().unwrap().wait_for(&id).await;
    assert!(line.ends_with("transport close"), "{line}");
}

#[tokio::test]
async fn what_is_no_packet_ends_the_connection_and_only_that() {
    let server = start().await;
    let (mut other, _) = Peer::join(&server).await;
    for (said, code, reason) in [
        ("abc", 1002, "parse error"),
        ("2", 1008, "transport error"),
        ("42[]", 1008, "forced close"),
        (r#"42["connect"]"#, 1008, "forced close"),
        (r#"42["disconnecting",1]"#, 1008, "forced close"),
        (r#"42{"a":1}"#, 1008, "forced close"),
        (r#"42["a""#, 1008, "forced close"),
        (r#"49["a"]"#, 1008, "forced close"),
        (r#"44{"message":"no"}"#, 1008, "forced close"),
        (r#"4511-["a"]"#, 1008, "forced close"),
        (r#"42/unjoined,["a"]"#, 1000, "forced server close"),
        ("41/unjoined,", 1000, "forced server close"),
        ("40", 1000, "forced server close"),
    ] {
        let (mut peer, id) = Peer::join(&server).await;
        peer.say(said).await;
        assert_eq!(peer.hear().await, Heard::Close(code), "{said}");
        let line = server.state::<Journal>().unwrap().wait_for(&id).await;
        assert!(line.ends_with(reason), "{said}: {line}");
    }
    let (mut peer, id) = Peer::join(&server).await;
    let deep = format!(r#"42["echo",{}{}]"#, "[".repeat(100), "]".repeat(100));
    peer.say(&deep).await;
    assert_eq!(peer.hear().await, Heard::Close(1008));
    assert!(server.state::<Journal>().unwrap().wait_for(&id).await.ends_with("parse error"));
    assert_eq!(other.ask(r#"["echo",1]"#).await, "[1]");
}

/// What a peer says of a namespace before it heard that it is out of it is passed over, whoever ended it.
#[tokio::test]
async fn what_crosses_the_end_of_a_namespace_ends_nothing_else() {
    let server = start().await;
    let late = [
        (r#"42/orders/7,["where"]"#, None),
        (r#"42/orders/7,5["where"]"#, Some(r#"43/orders/7,5[{"error":{"code":"not_connected","#)),
        ("41/orders/7,", None),
        ("43/orders/7,0[]", None),
        (r#"451-/orders/7,["where",{"_placeholder":true,"num":0}]"#, None),
    ];
    for (said, answer) in late {
        let mut peer = Peer::open(&server).await;
        peer.enter("/orders/7", "").await;
        peer.enter("/orders/8", "").await;
        server.of("/orders/7").disconnect();
        assert_eq!(peer.text().await, "41/orders/7,");
        // Events may be many. It is left once.
        for _ in 0..if said.starts_with("41") { 1 } else { 3 } {
            peer.say(said).await;
            if said.starts_with("451") {
                peer.say_bytes(b"abc").await;
            }
            if let Some(answer) = answer {
                let heard = peer.text().await;
                assert!(heard.starts_with(answer), "{said}: {heard}");
            }
        }
        peer.say(r#"42/orders/8,1["where"]"#).await;
        assert_eq!(peer.text().await, r#"43/orders/8,1["/orders/8",8]"#, "{said}");
        // It may be joined again, and left by the client twice.
        peer.enter("/orders/7", "").await;
        peer.say(r#"42/orders/7,2["where"]"#).await;
        assert_eq!(peer.text().await, r#"43/orders/7,2["/orders/7",7]"#, "{said}");
        peer.say("41/orders/7,").await;
        peer.say("41/orders/7,").await;
        peer.say(r#"42/orders/8,3["where"]"#).await;
        assert_eq!(peer.text().await, r#"43/orders/8,3["/orders/8",8]"#, "{said}");
        // One that it was never in is as it was, and so is one that it knows to be out of.
        let fault = if answer.is_some() { "41/orders/7," } else { r#"42/orders/9,["where"]"# };
        peer.say(fault).await;
        assert_eq!(peer.hear().await, Heard::Close(1000), "{said}");
    }
    // The root namespace of a client of version 3, which never asked for it.
    let mut old = Peer::open_at(&server, "/socket.io/?EIO=3&transport=websocket").await;
    assert_eq!(old.text().await, "40");
    old.enter_version_3("/orders/8").await;
    server.of("/").disconnect();
    assert_eq!(old.text().await, "41");
    old.say(r#"42["echo"]"#).await;
    old.say(r#"42/orders/8,1["where"]"#).await;
    assert_eq!(old.text().await, r#"43/orders/8,1["/orders/8",8]"#);
    // A `connect` that is refused is such an end, too.
    let mut peer = Peer::open(&server).await;
    peer.say("40/guarded,").await;
    assert!(peer.text().await.starts_with("44/guarded,"));
    peer.say(r#"42/guarded,["open"]"#).await;
    peer.say("41/guarded,").await;
    peer.enter("/", "").await;
    assert_eq!(peer.ask(r#"["echo",1]"#).await, "[1]");
    // One that does not exist is none.
    let mut peer = Peer::open(&server).await;
    peer.say("40/random,").await;
    assert!(peer.text().await.contains("Invalid namespace"));
    peer.say(r#"42/random,["where"]"#).await;
    assert_eq!(peer.hear().await, Heard::Close(1000));
}

/// The same for what the server has read already, and that waits for a handler to end.
#[tokio::test]
async fn no_refusals_are_sent_for_events_queued_in_an_ended_namespace() {
    let server = Server::builder().listen("127.0.0.1:0").state(Journal::default()).max_in_flight(1);
    let server = server.start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    peer.enter("/orders/8", "").await;
    peer.enter("/", "").await;
    peer.say(r#"42["ask_back","x"]"#).await;
    let asked = peer.text().await;
    assert!(asked.ends_with(r#"["asked","x"]"#), "{asked}");
    peer.say(r#"42["echo",1]"#).await;
    // Read after it, so that it waits by now.
    peer.say(r#"42/orders/8,1["where"]"#).await;
    assert!(peer.text().await.starts_with(r#"43/orders/8,1[{"error":{"code":"busy""#));
    server.of("/").disconnect();
    assert_eq!(peer.text().await, "41");
    peer.say(r#"42/orders/8,2["where"]"#).await;
    assert_eq!(peer.text().await, r#"43/orders/8,2["/orders/8",8]"#);
}

#[tokio::test]
async fn an_event_before_a_connect_ends_the_connection() {
    let server = start().await;
    let mut peer = Peer::open(&server).await;
    peer.say(r#"42["echo"]"#).await;
    assert_eq!(peer.hear().await, Heard::Close(1000));
}

#[tokio::test]
async fn ten_thousand_namespaces_are_too_many() {
    let server = start().await;
    let mut peer = Peer::open(&server).await;
    for number in 0..1000 {
        peer.say(&format!("40/orders/{number},")).await;
    }
    let mut granted = 0;
    for _ in 0..1000 {
        let answer = peer.text().await;
        granted += usize::from(answer.starts_with("40"));
        assert!(answer.starts_with("40") || answer.contains(r#""data":{"code":"busy"}"#), "{answer}");
    }
    assert_eq!(granted, 64);
}

#[tokio::test]
async fn a_client_that_never_joins_is_closed() {
    let limit = Duration::from_millis(200);
    let server = Server::builder().listen("127.0.0.1:0").state(Journal::default()).connect_timeout(limit);
    let server = server.start().await.unwrap();
    let mut peer = Peer::open(&server).await;
    assert_eq!(peer.hear().await, Heard::Close(1000));
    let mut refused = Peer::open(&server).await;
    refused.say(r#"40{"name":"mallory"}"#).await;
    assert!(refused.text().await.starts_with("44"));
    assert_eq!(refused.hear().await, Heard::Close(1000), "to be refused is not to join");
}

#[tokio::test]
async fn heartbeats_are_asked_for_whatever_is_said_and_missed_ones_end_it() {
    let server = Server::builder().listen("127.0.0.1:0").state(Journal::default());
    let server = server.heartbeat(Duration::from_millis(120)).heartbeat_timeout(Duration::from_millis(120));
    let server = server.start().await.unwrap();
    let (mut lively, _) = Peer::join(&server).await;
    let (silent, id) = Peer::join(&server).await;
    // It answers for as long as it waits to hear something: far longer than the silent one lives.
    let journal = server.state::<Journal>().unwrap();
    let waits = async {
        let line = journal.wait_for(&id).await;
        assert!(line.ends_with("ping timeout"), "{line}");
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server.emit("still", &()).await.unwrap()
    };
    let (delivered, heard) = tokio::join!(waits, lively.hear());
    assert_eq!((delivered, heard), (1, Heard::Text(r#"42["still"]"#.into())));
    drop(silent);
}

#[tokio::test]
async fn clients_of_a_server_that_ends_may_reconnect() {
    let server = start().await;
    let (mut peer, id) = Peer::join(&server).await;
    let journal = server.state::<Journal>().unwrap();
    let started = std::time::Instant::now();
    let (was_calm, heard) = tokio::join!(server.shutdown(Duration::from_secs(5)), async {
        let heard = peer.hear().await;
        // As RFC 6455 has it: a client answers, and waits for the server to close.
        peer.close().await;
        heard
    });
    assert!(was_calm);
    assert_eq!(heard, Heard::Close(1000), "no packet that says not to come back");
    assert!(started.elapsed() < Duration::from_secs(2), "who answered is not waited for");
    assert!(journal.wait_for(&id).await.ends_with("server shutting down"));
}

#[tokio::test]
async fn a_handler_may_disconnect_and_close() {
    let server = start().await;
    let (mut peer, id) = Peer::join(&server).await;
    server.sockets()[0].disconnect();
    assert_eq!(peer.text().await, "41");
    let line = server.state::<Journal>().unwrap().wait_for(&id).await;
    assert!(line.ends_with("server namespace disconnect"), "{line}");
    let id = peer.enter("/", "").await;
    server.sockets()[0].close();
    assert_eq!(peer.text().await, "41");
    assert_eq!(peer.hear().await, Heard::Close(1000));
    assert!(server.state::<Journal>().unwrap().wait_for(&id).await.ends_with("forced close"));
}
