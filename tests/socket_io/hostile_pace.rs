//! Peers that flood, or sleep, or do both: what they cost is bounded, and who else is there does not notice.

use std::time::Duration;

use jidda::Server;
use jidda::peer::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::Journal;
use super::client::{Heard, Peer, authority, frame, request};
use super::hostile_witness::{Witness, builder, resident};
use super::start;

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

/// More than all the system's buffers and the server's own together.
const FLOOD: usize = 64 << 20;

/// A server that gives up soon on who does not read.
async fn impatient() -> Server {
    builder().slow_consumer(Duration::from_millis(300)).start().await.unwrap()
}

/// A connection that can hold little of what comes.
async fn narrow(server: &Server) -> TcpStream {
    let Address::Tcp(authority) = &server.addresses()[0] else { panic!("this is TCP") };
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(authority.parse().unwrap()).await.unwrap()
}

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// Sends the same again and again without ever reading, until the server has enough of it.
async fn flood(unit: &[u8]) {
    let server = impatient().await;
    let mut witness = Witness::join(&server).await;
    let before = resident();
    let mut peer = Peer::upgrade_on(narrow(&server).await, WEBSOCKET).await;
    assert!(peer.text().await.starts_with('0'));
    let id = peer.enter("/", "").await;
    let units = unit.repeat(65_536 / unit.len());
    let mut sent = 0;
    while peer.send(&units).await.is_ok() {
        sent += units.len();
        assert!(sent < FLOOD, "nothing held the peer back");
        if sent % (16 * units.len()) == 0 {
            witness.is_served().await;
        }
    }
    let line = server.state::<Journal>().unwrap().wait_for(&id).await;
    assert!(line.ends_with("slow consumer"), "{line}");
    witness.is_alone(&server).await;
    assert!(resident() < before + (128 << 20), "{before} became {}", resident());
}

#[tokio::test]
async fn pings_of_a_sleeper() {
    flood(&frame(PING, &[b'?'; 125])).await;
}

#[tokio::test]
async fn calls_of_a_sleeper() {
    flood(&frame(TEXT, format!(r#"421["echo","{}"]"#, "x".repeat(1000)).as_bytes())).await;
}

#[tokio::test]
async fn connects_of_a_sleeper() {
    flood(&frame(TEXT, b"40/unknown,")).await;
}

#[tokio::test]
async fn unknown_calls_of_a_sleeper() {
    flood(&frame(TEXT, br#"421["unknown"]"#)).await;
}

#[tokio::test]
async fn unknown_events_are_counted_and_refused() {
    let server = impatient().await;
    let mut witness = Witness::join(&server).await;
    let (mut peer, _) = Peer::join(&server).await;
    let units = frame(TEXT, br#"42["unknown",1]"#).repeat(1000);
    for _ in 0..20 {
        peer.send(&units).await.unwrap();
        let told = peer.until_now().await;
        assert_eq!(told.len(), 1000);
        assert!(told.iter().all(|told| told.starts_with(r#"42["$/refused","unknown","#)), "{}", told[0]);
    }
    assert_eq!(server.refused_events(), 20_000);
    witness.is_served().await;
}

#[tokio::test]
async fn a_sleeper_in_a_room_is_given_up_alone() {
    let server = impatient().await;
    let mut witness = Witness::join(&server).await;
    let (mut reader, _) = Peer::join(&server).await;
    let mut sleeper = Peer::upgrade_on(narrow(&server).await, WEBSOCKET).await;
    assert!(sleeper.text().await.starts_with('0'));
    let id = sleeper.enter("/", "").await;
    for peer in [&mut reader, &mut sleeper] {
        peer.ask(r#"["join","room"]"#).await;
    }
    let text = "x".repeat(64 * 1024);
    let mut count = 0;
    while server.to("room").count() == 2 {
        server.to("room").emit("said", &text).await.unwrap();
        assert_eq!(reader.text().await.len(), text.len() + 13);
        count += 1;
        assert!(count < 1000, "it got {count} messages that it did not read");
    }
    let line = server.state::<Journal>().unwrap().wait_for(&id).await;
    assert!(line.ends_with("slow consumer"), "{line}");
    assert_eq!(server.to("room").emit("said", &text).await, Ok(1));
    witness.is_served().await;
}

#[tokio::test]
async fn a_session_that_is_not_polled_holds_no_more_than_an_outbox() {
    let server = impatient().await;
    let mut witness = Witness::join(&server).await;
    let (status, _, body) = request(&server, "GET", "/socket.io/?EIO=3&transport=polling", &[]).await;
    assert_eq!(status, 200);
    let id = String::from_utf8(body).unwrap().split("\"sid\":\"").nth(1).unwrap()[..20].to_owned();
    let text = "x".repeat(64 * 1024);
    let mut count = 0;
    while server.count() == Witness::COUNT + 1 {
        let socket = server.sockets().into_iter().find(|socket| socket.id().to_string() == id);
        let Some(socket) = socket else { break };
        server.to(socket.id()).emit("said", &text).await.unwrap();
        tokio::task::yield_now().await;
        count += 1;
        assert!(count < 40, "it got {count} messages that it did not ask for");
    }
    let line = server.state::<Journal>().unwrap().wait_for(&id).await;
    assert!(line.ends_with("slow consumer"), "{line}");
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn joining_and_leaving_runs_no_more_handlers_than_there_may_be_namespaces() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    for how in ["connect", "disconnect"] {
        let mut peer = Peer::open(&server).await;
        // What is refused is not there to be left.
        let around = [
            frame(TEXT, format!("40/sticky/{how},").as_bytes()),
            frame(TEXT, format!("41/sticky/{how},").as_bytes()),
        ];
        let _ = peer.send(&around.concat().repeat(1000)).await;
        while !matches!(peer.hear().await, Heard::Close(_) | Heard::End) {}
        witness.is_served().await;
        let lines = server.state::<Journal>().unwrap().lines();
        let count = lines.iter().filter(|line| **line == format!("sticky {how}")).count();
        assert!((1..=64).contains(&count), "{count} handlers of {how}");
    }
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn a_client_that_becomes_silent_is_closed() {
    let limit = Duration::from_millis(200);
    let server = builder().handshake_timeout(limit).http_idle_timeout(limit).start().await.unwrap();
    let mut witness = Witness::join(&server).await;
    let connect = || async { TcpStream::connect(authority(&server)).await.unwrap() };
    let mut silent = Vec::new();
    for words in [
        &b""[..],
        b"G",
        b"GET /socket.io/ HTTP/1.1\r\nHost: test\r\n",
        b"GET /elsewhere HTTP/1.1\r\nHost: test\r\n\r\n",
        b"GET /socket.io/?transport=none HTTP/1.1\r\nHost: test\r\n\r\n",
        b"POST /socket.io/?transport=polling HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nabc",
        b"GET /socket.io/?transport=polling HTTP/1.1\r\nHost: test\r\n\r\n",
    ] {
        let mut stream = connect().await;
        stream.write_all(words).await.unwrap();
        silent.push(stream);
    }
    for mut stream in silent {
        let mut all = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut all)).await;
        ended.expect("it is let go").ok();
    }
    witness.is_served().await;
}

#[tokio::test]
async fn thousands_of_abandoned_sessions_go_away() {
    const COUNT: usize = 3000;
    let moment = Duration::from_secs(2);
    let server = builder().heartbeat(moment).heartbeat_timeout(moment).start().await.unwrap();
    let mut witness = Witness::join(&server).await;
    let mut stream = TcpStream::connect(authority(&server)).await.unwrap();
    let mut last = String::new();
    let mut most = 0;
    for number in 0..COUNT {
        let request = b"GET /socket.io/?EIO=3&transport=polling HTTP/1.1\r\nHost: test\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"2:40") {
            assert!(stream.read_buf(&mut read).await.unwrap() > 0);
        }
        last = String::from_utf8(read).unwrap().split("\"sid\":\"").nth(1).unwrap()[..20].to_owned();
        most = most.max(server.count());
        if number % 25 == 0 {
            witness.is_served().await;
        }
    }
    assert!(most > COUNT / 10, "{most}");
    witness.is_alone(&server).await;
    let target = format!("/socket.io/?EIO=3&transport=polling&sid={last}");
    let (status, _, body) = request(&server, "GET", &target, &[]).await;
    assert_eq!((status, &*body), (400, &br#"{"code":1,"message":"Session ID unknown"}"#[..]));
}
