//! HTTPS and secure WebSockets, on the port of native clients.

use jidda::prelude::*;
use rustls::ALL_VERSIONS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authority::Authority;
use super::{Journal, is_served, start, tcp};

/// A browser, as far as this goes.
async fn browser(server: &Server, authority: &Authority) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(authority.foreign(&["h2", "http/1.1"], ALL_VERSIONS));
    let name = "localhost".try_into().unwrap();
    let stream = connector.connect(name, tcp(server).await).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream
}

/// Reads until it ends so.
async fn read_to(stream: &mut TlsStream<TcpStream>, end: &[u8]) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        let count = stream.read_buf(&mut read).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
    }
    String::from_utf8_lossy(&read).into_owned()
}

async fn ask(
    stream: &mut TlsStream<TcpStream>,
    method: &str,
    target: &str,
    body: &str,
    end: &[u8],
) -> String {
    let length = body.len();
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_to(stream, end).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer
}

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

#[tokio::test]
async fn a_session_that_polls_goes_through_tls() {
    let authority = Authority::new("ours");
    let server = start(authority.local().server()).await;
    let mut stream = browser(&server, &authority).await;
    let opening = ask(&mut stream, "GET", POLLING, "", b"}").await;
    let session = &opening.split("\"sid\":\"").nth(1).expect("an opening")[..20];
    let target = format!("{POLLING}&sid={session}");
    ask(&mut stream, "POST", &target, "40", b"ok").await;
    let granted = ask(&mut stream, "GET", &target, "", b"}").await;
    assert!(granted.contains("40{\"sid\":\""), "{granted}");
    ask(&mut stream, "POST", &target, "420[\"proof\"]", b"ok").await;
    let proof = ask(&mut stream, "GET", &target, "", b"]").await;
    assert!(
        proof.ends_with(r#"430[["polling",null]]"#) || proof.ends_with(r#"430["polling",null]"#),
        "{proof}"
    );
    is_served(&server, &authority.client()).await;
}

/// A frame of text as clients send it, with a mask of zeros.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// The next frame of text.
async fn hear(stream: &mut TlsStream<TcpStream>) -> String {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[0], 0x81);
    let length = match head[1] {
        126 => stream.read_u16().await.unwrap().into(),
        length => usize::from(length),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_websocket_goes_through_tls_and_knows_the_certificate() {
    let (authority, people) = (Authority::new("ours"), Authority::new("people"));
    let tls = authority.local().server().client_certificates(people.root()).unwrap();
    let server = start(tls.optional_client_certificates().unwrap()).await;
    let mut stream = browser(&server, &authority).await;
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n\
                   Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    assert!(hear(&mut stream).await.starts_with("0{\"sid\":\""));
    stream.write_all(&frame("40")).await.unwrap();
    assert!(hear(&mut stream).await.starts_with("40{\"sid\":\""));
    stream.write_all(&frame("420[\"proof\"]")).await.unwrap();
    assert!(hear(&mut stream).await.contains(r#""websocket",null"#));
    // Larger than one record.
    stream.write_all(&frame(r#"421["again","0123456789",5000]"#)).await.unwrap();
    let mut head = [0; 10];
    stream.read_exact(&mut head).await.unwrap();
    let length = u16::from_be_bytes([head[2], head[3]]);
    assert_eq!((head[0], head[1], length), (0x81, 126, 50_000 + 7));
    let mut rest = vec![0; usize::from(length) - 6];
    stream.read_exact(&mut rest).await.unwrap();
    // Browsers say no goodbye, neither of TLS nor of the WebSocket.
    drop(stream);
    server.state::<Journal>().unwrap().wait_for("transport close").await;
}

#[tokio::test]
async fn an_end_without_a_goodbye_is_none_for_what_has_no_end_of_its_own() {
    let authority = Authority::new("ours");
    let server = start(authority.local().server()).await;
    let connector = TlsConnector::from(authority.foreign(&["jidda"], ALL_VERSIONS));
    let mut stream = connector.connect("localhost".try_into().unwrap(), tcp(&server).await).await.unwrap();
    // A call of a plain native peer, which joins the root namespace.
    stream.write_all(b"\x94\x00\x01\xa5proof\x90").await.unwrap();
    assert!(stream.read_u8().await.is_ok(), "it is answered");
    drop(stream);
    server.state::<Journal>().unwrap().wait_for("transport error").await;
}

#[tokio::test]
async fn the_programs_own_pages_know_what_was_proved() {
    let authority = Authority::new("ours");
    let page = axum::Router::new().fallback(async |request: axum::extract::Request| {
        format!("{:?}", request.extensions().get::<jidda::peer::Security>())
    });
    let server = super::builder(authority.local().server()).http_fallback(page).start().await.unwrap();
    let mut stream = browser(&server, &authority).await;
    let answer = ask(&mut stream, "GET", "/", "", b")").await;
    assert!(answer.ends_with("Some(Tls { certificates: [] })"), "{answer}");
    // The next request of the same connection, too.
    assert!(ask(&mut stream, "GET", "/again", "", b")").await.ends_with("certificates: [] })"));
}
