//! Long polling, and the change from it, used by who means harm.

use std::time::Duration;

use jidda::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{Heard, Peer, Poller, authority, frame, request};
use super::hostile_witness::{Witness, builder};
use super::{Journal, start};

const UNKNOWN: (u16, &[u8]) = (400, br#"{"code":1,"message":"Session ID unknown"}"#);
const BAD: (u16, &[u8]) = (400, br#"{"code":3,"message":"Bad request"}"#);

/// A session that has joined the root namespace: its socket's id and its target.
async fn session(server: &Server, version: u8) -> (String, String) {
    let (poller, _) = Poller::open(server, &format!("EIO={version}")).await;
    let target = format!("/socket.io/?transport=polling&EIO={version}&sid={}", poller.session);
    if version == 3 {
        return (poller.session, target);
    }
    poller.say("40").await;
    (poller.poll().await[10..30].to_owned(), target)
}

async fn is_over(server: &Server, target: &str) {
    let (status, _, body) = request(server, "GET", target, &[]).await;
    assert_eq!((status, &*body), UNKNOWN);
}

#[tokio::test]
async fn bodies_that_are_bombs_end_their_session() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let separators = b"\x1e".repeat(900_000);
    let empty_messages = b"4\x1e".repeat(450_000);
    let wrong_base64 = [&b"b"[..], &b"=".repeat(900_000)].concat();
    let attachments = b"bAAAA\x1e".repeat(150_000);
    let heartbeats = b"2\x1e".repeat(450_000);
    // What came before the end of the payload is read first, and may be the worse.
    for (body, is_payload, reason) in [
        (&separators, false, "parse error"),
        (&empty_messages, false, "forced close"),
        (&wrong_base64, false, "parse error"),
        (&attachments, false, "forced close"),
        (&heartbeats, false, "transport error"),
        (&b"42[\"now\"]\x1e4\xff".to_vec(), false, "parse error"),
        // Payloads, though of what nobody expects: the packets before it were read, and the POST was answered.
        (&b"bAAAA".to_vec(), true, "forced close"),
        (&b"2".to_vec(), true, "transport error"),
    ] {
        let (id, target) = session(&server, 4).await;
        let (status, _, answer) = request(&server, "POST", &target, body).await;
        let start = String::from_utf8_lossy(&body[..body.len().min(20)]);
        assert_eq!((status, &*answer), if is_payload { (200, &b"ok"[..]) } else { BAD }, "{start}");
        let line = server.state::<Journal>().unwrap().wait_for(&id).await;
        assert!(line.ends_with(reason), "{start}: {line}");
        witness.is_served().await;
    }
    // Many packets that are fine are fine.
    let (_, target) = session(&server, 4).await;
    let alive = [&b"3\x1e".repeat(450_000)[..], b"421[\"echo\",1]"].concat();
    assert_eq!(request(&server, "POST", &target, &alive).await.2, b"ok");
    assert_eq!(request(&server, "GET", &target, &[]).await.2, b"431[1]");
    assert_eq!(request(&server, "POST", &target, b"1").await.2, b"ok");
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn lengths_that_lie_end_their_session() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    for body in [
        "",
        ":",
        "5:4",
        "99999999999999999999:4",
        "4294967297:4",
        "-1:4",
        "2:4\u{1f600}",
        "00000000000000000000001:2",
        &"1".repeat(900_000),
        &"1:2".repeat(10).replace("1:2", "1:9"),
        "0:0:0:1",
        "3:b4A",
    ] {
        let (id, target) = session(&server, 3).await;
        let (status, _, answer) = request(&server, "POST", &target, body.as_bytes()).await;
        let start = &body[..body.len().min(20)];
        assert_eq!((status, &*answer), BAD, "{start}");
        let line = server.state::<Journal>().unwrap().wait_for(&id).await;
        assert!(line.ends_with("parse error"), "{start}: {line}");
        is_over(&server, &target).await;
    }
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn the_name_of_a_function_is_a_number() {
    let server = start().await;
    for index in ["0%5D(alert(1));//", "%0A0", "0%22%27%3C/script%3E", "a0b", "%F0%9F%98%800"] {
        let target = format!("/socket.io/?EIO=3&transport=polling&j={index}");
        let (status, head, body) = request(&server, "GET", &target, &[]).await;
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{head}");
        let digits: String = index.replace("%5D", "").replace("%0A", "").chars().collect();
        assert!(body.starts_with("___eio[0") && body.contains("](\""), "{digits}: {body}");
        assert!(!body.contains("alert") && !body.contains("script"), "{body}");
    }
}

#[tokio::test]
async fn sessions_that_do_not_exist_are_unknown_by_any_name() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let (id, _) = session(&server, 4).await;
    let long = "A".repeat(10_000);
    for name in
        ["x", "AAAAAAAAAAAAAAAAAAAA", &id, &long, "%00", "..%2F..", "%FF%FE", "AAAAAAAAAAAAAAAAAAA%C3%A9"]
    {
        let target = format!("/socket.io/?EIO=4&transport=polling&sid={name}");
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let (status, _, body) = request(&server, method, &target, b"").await;
            assert_eq!((status, &*body), UNKNOWN, "{method} {name}");
        }
        let websocket = target.replace("polling", "websocket");
        let head = format!(
            "GET {websocket} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut stream = TcpStream::connect(authority(&server)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    }
    witness.is_served().await;
}

/// Who knows a session's name has the session, as a cookie would be; but it cannot be in two places.
#[tokio::test]
async fn a_stolen_session_has_one_owner_at_a_time() {
    let server =
        builder().socket_io(|resource| resource.upgrade_timeout(Duration::from_millis(300))).start().await;
    let server = server.unwrap();
    let mut witness = Witness::join(&server).await;
    let (_, target) = session(&server, 4).await;
    let websocket = target.replace("polling", "websocket");
    // A WebSocket that takes its time keeps nobody from polling, but keeps others from upgrading.
    let mut thief = Peer::upgrade(&server, &websocket).await;
    let mut second = Peer::upgrade(&server, &websocket).await;
    assert_eq!(second.hear().await, Heard::Close(1000));
    thief.say("2probe").await;
    assert_eq!(thief.text().await, "3probe");
    assert_eq!(request(&server, "POST", &target, br#"420["echo",1]"#).await.2, b"ok");
    assert_eq!(request(&server, "GET", &target, &[]).await.2, b"430[1]");
    assert_eq!(thief.hear().await, Heard::Close(1008), "it never said that it was ready");
    assert_eq!(request(&server, "POST", &target, br#"420["echo",2]"#).await.2, b"ok");
    assert_eq!(request(&server, "GET", &target, &[]).await.2, b"430[2]");
    // One that goes on has the session; the requests of before have not.
    let mut thief = Peer::upgrade(&server, &websocket).await;
    thief.say("2probe").await;
    assert_eq!(thief.text().await, "3probe");
    thief.say("5").await;
    assert_eq!(thief.ask(r#"["echo",3]"#).await, "[3]");
    for (method, body) in [("GET", &b""[..]), ("POST", br#"420["echo",4]"#)] {
        let (status, _, body) = request(&server, method, &target, body).await;
        assert_eq!((status, &*body), BAD);
    }
    let mut third = Peer::upgrade(&server, &websocket).await;
    assert_eq!(third.hear().await, Heard::Close(1000));
    assert_eq!(thief.ask(r#"["echo",5]"#).await, "[5]");
    thief.vanish();
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn abandoned_upgrades_leave_polling_as_it_was() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let (_, target) = session(&server, 4).await;
    let websocket = target.replace("polling", "websocket");
    let long = frame(0x81, &[b'2'; 200]);
    let words: [&[u8]; 7] = [
        b"",
        &frame(0x81, b"2probe")[..5],
        &frame(0x81, b"2probe"),
        &frame(0x81, br#"42["echo",1]"#),
        &frame(0x01, b"2probe"),
        &[0xff; 100],
        &long,
    ];
    for (number, words) in words.into_iter().cycle().take(70).enumerate() {
        let mut peer = Peer::upgrade(&server, &websocket).await;
        let _ = peer.send(words).await;
        peer.vanish();
        let event = format!(r#"42{number}["echo",{number}]"#);
        assert_eq!(request(&server, "POST", &target, event.as_bytes()).await.2, b"ok");
        let answer = request(&server, "GET", &target, &[]).await.2;
        assert_eq!(String::from_utf8(answer).unwrap(), format!("43{number}[{number}]"));
    }
    witness.is_served().await;
}

/// HTTP/1.0 cannot change to another protocol; a server that thought it could would hold its answers back.
#[tokio::test]
async fn http_1_0_has_no_websockets() {
    let server = start().await;
    let mut stream = TcpStream::connect(authority(&server)).await.unwrap();
    let head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.0\r\nHost: test\r\n\
                Connection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    ended.expect("the connection ends").unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 4") || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
    assert_eq!(server.count(), 0);
}
