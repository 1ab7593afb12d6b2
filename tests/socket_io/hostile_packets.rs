//! Packets that are bombs: deep, many, or small with a large meaning.

use jidda::Server;
use jidda::socketio::Parser;

use super::client::{Heard, Peer, frame};
use super::hostile_witness::{Witness, builder, resident};
use super::{Journal, start};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// An event with an attachment, and with two.
const ONE: &str = r#"451-["echo",{"_placeholder":true,"num":0}]"#;
const TWO: &str = r#"452-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

/// Each case ends its own connection with this code and reason, and nobody else's.
async fn each_ends(server: &Server, witness: &mut Witness, cases: Vec<(Vec<u8>, u16, &str)>) {
    for (bytes, code, reason) in cases {
        let mut peer = Peer::join(server).await;
        let _ = peer.0.send(&bytes).await;
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert_eq!(peer.0.hear().await, Heard::Close(code), "{start}");
        let line = server.state::<Journal>().unwrap().wait_for(&peer.1).await;
        assert!(line.ends_with(reason), "{start}: {line}");
        witness.is_served().await;
    }
    witness.is_alone(server).await;
}

fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| frame(TEXT, text.as_bytes())).collect()
}

#[tokio::test]
async fn attachments_must_match_their_announcement() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let half = frame(BINARY, &vec![0; 600_000]);
    let cases = vec![
        // A text in their place, even one that is fine by itself.
        (texts(&[ONE, r#"42["echo",1]"#]), 1008, "forced close"),
        (texts(&[ONE, ONE]), 1008, "forced close"),
        // Of no packet.
        (frame(BINARY, b"abc"), 1008, "forced close"),
        ([texts(&[ONE]), frame(BINARY, b"a"), frame(BINARY, b"b")].concat(), 1008, "forced close"),
        // Too many, and others than are announced.
        (texts(&[r#"4511-["echo"]"#]), 1008, "forced close"),
        (texts(&[r#"4599999999999999999999-["echo"]"#]), 1008, "forced close"),
        (texts(&[r#"451-["echo",{"_placeholder":true,"num":1}]"#]), 1008, "forced close"),
        (texts(&[r#"451-["echo",{"_placeholder":true,"num":18446744073709551616}]"#]), 1008, "forced close"),
        (texts(&[r#"451-["echo",{"_placeholder":true,"num":-1}]"#]), 1008, "forced close"),
        // Each small enough, but not together.
        ([texts(&[TWO]), half.clone(), half].concat(), 1009, "parse error"),
    ];
    each_ends(&server, &mut witness, cases).await;
    // Those that never come keep nobody from leaving.
    for _ in 0..20 {
        let (mut peer, _) = Peer::join(&server).await;
        peer.send(&texts(&[TWO])).await.unwrap();
        peer.vanish();
    }
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn one_attachment_has_one_place() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let places = vec![r#"{"_placeholder":true,"num":0}"#; 3000].join(",");
    let bomb = format!(r#"451-["echo",{places}]"#);
    let before = resident();
    let bomb = [frame(TEXT, bomb.as_bytes()), frame(BINARY, &vec![7; 900_000])].concat();
    each_ends(&server, &mut witness, vec![(bomb, 1008, "forced close")]).await;
    assert!(resident() < before + (256 << 20), "{before} became {}", resident());
}

#[tokio::test]
async fn nesting_bombs_end_at_the_limit() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let mut cases = Vec::new();
    for bomb in [arrays(65), arrays(400_000), objects(65), objects(100_000), "[".repeat(900_000)] {
        cases.push((texts(&[&format!(r#"42["echo",{bomb}]"#)]), 1008, "parse error"));
        cases.push((texts(&[&format!(r#"421["unknown",{bomb}]"#)]), 1008, "parse error"));
        cases.push((texts(&[&format!(r"431[{bomb}]")]), 1008, "parse error"));
    }
    cases.push((texts(&[&format!("40/orders/1,{}", objects(65))]), 1008, "parse error"));
    let placed = format!(r#"451-["echo",{{"_placeholder":true,"num":0}},{}]"#, arrays(65));
    cases.push((texts(&[&placed]), 1008, "parse error"));
    each_ends(&server, &mut witness, cases).await;
    let (mut peer, _) = Peer::join(&server).await;
    assert_eq!(peer.ask(&format!(r#"["echo",{}]"#, arrays(60))).await, format!("[{}]", arrays(60)));
}

#[tokio::test]
async fn numbers_are_no_larger_than_they_may_be() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let digits = "9".repeat(900_000);
    let cases = vec![
        (texts(&[r#"424294967296["echo",1]"#]), 1008, "forced close"),
        (texts(&[&format!(r#"42{digits}["echo",1]"#)]), 1008, "forced close"),
        (texts(&[&format!("43{digits}[]")]), 1008, "forced close"),
        (texts(&[&format!("45{digits}-[]")]), 1008, "forced close"),
    ];
    each_ends(&server, &mut witness, cases).await;
    let (mut peer, _) = Peer::join(&server).await;
    peer.say(r#"424294967295["echo",1]"#).await;
    assert_eq!(peer.text().await, "434294967295[1]");
    // An acknowledgement of nothing is counted, and no more.
    let before = server.unknown_replies();
    peer.send(&frame(TEXT, b"434294967295[1]").repeat(1000)).await.unwrap();
    assert_eq!(peer.ask(r#"["echo",1]"#).await, "[1]");
    assert_eq!(server.unknown_replies(), before + 1000);
    // A number of a megabyte is a value that a handler may refuse, at a cost that is the sender's.
    assert!(peer.ask(&format!(r#"["pair",{digits},1]"#)).await.contains("bad_arguments"));
    witness.is_served().await;
}

#[tokio::test]
async fn what_namespaces_are_joined_with_is_not_hoarded() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let mut peer = Peer::open(&server).await;
    let auth = format!(r#"{{"name":"{}"}}"#, "x".repeat(400_000));
    let name = "1".repeat(400_000);
    peer.enter("/orders/1", &auth).await;
    peer.enter("/orders/2", &auth).await;
    for refused in [format!("40/orders/3,{auth}"), format!("40/orders/{name},")] {
        peer.say(&refused).await;
        let answer = peer.text().await;
        assert!(answer.starts_with("44/orders/"), "{}", &answer[..100]);
        assert!(answer.contains(r#""code":"too_large""#), "{}", &answer[answer.len() - 100..]);
    }
    // What is left, is given back.
    peer.say("41/orders/1").await;
    peer.enter("/orders/3", &auth).await;
    witness.is_served().await;
}

#[tokio::test]
async fn bombs_in_message_pack_end_at_the_limit() {
    let server = builder().socket_io(|resource| resource.parser(Parser::MessagePack)).start().await.unwrap();
    let packet = |data: &[u8]| [b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data", data].concat();
    let event = |value: &[u8]| packet(&[b"\x92\xa4echo", value].concat());
    let mut other = Peer::open(&server).await;
    let mut cases = vec![
        // Arrays, maps and keys that nest.
        (event(&[0x91; 100]), 1008),
        (event(&[0x91].repeat(900_000)), 1008),
        (event(&b"\x81\xa1a".repeat(300_000)), 1008),
        (event(&[0x81].repeat(900_000)), 1008),
        // Lengths that lie.
        (event(b"\xdd\xff\xff\xff\xff"), 1009),
        (event(b"\xdf\xff\xff\xff\xff"), 1009),
        (event(b"\xc6\xff\xff\xff\xff"), 1009),
        (event(b"\xdb\x7f\xff\xff\xffabc"), 1009),
        (event(b"\xc9\xff\xff\xff\xff\x00"), 1009),
        (b"\xdf\xff\xff\xff\xff".to_vec(), 1008),
        // What is no packet at all.
        (Vec::new(), 1008),
        (b"\xc1".to_vec(), 1008),
        (packet(b"\xd4\x00\x00"), 1008),
    ];
    cases.extend((0..event(b"\x01").len()).map(|end| (event(b"\x01")[..end].to_vec(), 1008)));
    for (bytes, code) in cases {
        let mut peer = Peer::open(&server).await;
        peer.say_bytes(b"\x82\xa4type\x00\xa3nsp\xa1/").await;
        assert!(matches!(peer.hear().await, Heard::Bytes(_)));
        let _ = peer.send(&frame(BINARY, &bytes)).await;
        assert_eq!(peer.hear().await, Heard::Close(code), "{:?}", &bytes[..bytes.len().min(40)]);
    }
    let mut peer = Peer::open(&server).await;
    peer.say(r#"42["echo",1]"#).await;
    assert_eq!(peer.hear().await, Heard::Close(1008), "this parser has no texts");
    other.say_bytes(b"\x82\xa4type\x00\xa3nsp\xa1/").await;
    assert!(matches!(other.hear().await, Heard::Bytes(_)));
}
