//! Clear text where there should be none, bytes that were changed, and handshakes that never end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::Duration;

use jidda::Error;
use jidda::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::authority::Authority;
use super::{Journal, LIMIT, authority, builder, double, is_served, start, tcp};

/// A native call in clear text.
const CALL: &[u8] = b"\x94\x00\x01\xa6double\x91\x15";
/// The beginning of a TLS handshake: a record of 512 bytes that never come.
const HALF: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// All that a server says until it closes.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut read)).await.expect("it closes").expect("it says so");
    read
}

#[tokio::test]
async fn clear_text_on_an_encrypted_port_is_refused_at_once() {
    let authority = Authority::new("ours");
    let server = start(authority.local().server()).await;
    for bytes in
        [CALL, b"\x00", b"hello", &[0xff; 3000], b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff"]
    {
        let mut stream = tcp(&server).await;
        stream.write_all(bytes).await.unwrap();
        let answer = rest(stream).await;
        // An alert, fatal.
        assert!(answer.len() >= 7, "{bytes:?}: {answer:?}");
        assert_eq!((answer[0], answer[1], answer[5]), (21, 3, 2), "{bytes:?}: {answer:?}");
    }
    for method in ["GET", "POST", "OPTIONS"] {
        let mut stream = tcp(&server).await;
        let request = format!("{method} /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = String::from_utf8(rest(stream).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nthis port speaks TLS\n"), "{answer}");
    }
    // A client of ours is never served in clear text.
    let clear = Client::builder(super::authority(&server)).no_reconnect().connect().await.unwrap_err();
    assert!(clear.to_string().contains("was lost during its handshake"), "{clear}");
    is_served(&server, &authority.client()).await;
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn tls_on_a_clear_port_is_refused_at_once() {
    let server = super::clear().listen("127.0.0.1:0").start().await.unwrap();
    let mut stream = tcp(&server).await;
    stream.write_all(HALF).await.unwrap();
    // A native goodbye that says what is wrong.
    let answer = rest(stream).await;
    assert!(answer.starts_with(b"\x93\x02\xa7$/close"), "{}", String::from_utf8_lossy(&answer));
    let tls = Client::builder(format!("tls://{}", authority(&server))).tls(Authority::new("ours").client());
    let error = Error::from(tls.no_reconnect().connect().await.unwrap_err()).to_string();
    assert!(error.contains(": the server does not speak TLS: use `tcp://`"), "{error}");
    let client = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
}

/// What a proxy changes: nothing, what goes to the server, what comes from it.
const NOTHING: u8 = 0;
const THERE: u8 = 1;
const BACK: u8 = 2;

/// Carries bytes, and flips a bit of the next ones when it is told to.
async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    way: u8,
    flip: Arc<AtomicU8>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if flip.compare_exchange(way, NOTHING, SeqCst, SeqCst).is_ok() {
            buffer[count - 1] ^= 1;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Someone in between; its address, and what it is to change.
async fn proxy(server: &Server) -> (String, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tls://{}", listener.local_addr().unwrap());
    let flip = Arc::new(AtomicU8::new(NOTHING));
    let (target, told) = (authority(server), Arc::clone(&flip));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = TcpStream::connect(&target).await.unwrap().into_split();
            tokio::spawn(carry(from_client, to_server, THERE, Arc::clone(&told)));
            tokio::spawn(carry(from_server, to_client, BACK, Arc::clone(&told)));
        }
    });
    (address, flip)
}

#[tokio::test]
async fn a_bit_that_was_flipped_ends_the_connection_and_no_other() {
    let authority = Authority::new("ours");
    let server = start(authority.local().server()).await;
    let witness = super::client(&server, authority.client()).connect().await.unwrap();
    for way in [THERE, BACK] {
        let (address, flip) = proxy(&server).await;
        let client =
            Client::builder(&address).tls(authority.client()).no_reconnect().connect().await.unwrap();
        assert_eq!(double::call(&client, 1).await.unwrap(), 2);
        flip.store(way, SeqCst);
        let error = double::call(&client, 2).await.unwrap_err();
        assert!(matches!(error, CallError::Disconnected { .. }), "{error}");
        assert_eq!(client.closed().await, DisconnectReason::TransportError);
        super::eventually(async || server.count() == 1).await;
        assert_eq!(double::call(&witness, 3).await.unwrap(), 6);
    }
    server.state::<Journal>().unwrap().wait_for("transport error").await;
    // In a handshake it is the end of that.
    for way in [THERE, BACK] {
        let (address, flip) = proxy(&server).await;
        flip.store(way, SeqCst);
        let connecting = Client::builder(&address).tls(authority.client()).no_reconnect().connect();
        let error = connecting.await.unwrap_err();
        assert!(matches!(error, jidda::error::ConnectError::Io { .. }), "{error:?}");
    }
    assert_eq!(double::call(&witness, 3).await.unwrap(), 6);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended_while_others_are_served() {
    let authority = Authority::new("ours");
    let limit = Duration::from_secs(1);
    let server = builder(authority.local().server()).handshake_timeout(limit).start().await.unwrap();
    let silent = tcp(&server).await;
    let mut half = tcp(&server).await;
    half.write_all(HALF).await.unwrap();
    is_served(&server, &authority.client()).await;
    for stalled in [silent, half] {
        assert_eq!(rest(stalled).await, b"", "there is nothing to be said");
    }
    is_served(&server, &authority.client()).await;
}

#[tokio::test]
async fn many_stalled_handshakes_block_no_peer_and_no_shutdown() {
    let authority = Authority::new("ours");
    let server = builder(authority.local().server()).handshake_timeout(LIMIT * 10).start().await.unwrap();
    let mut stalled = Vec::new();
    for number in 0..200 {
        let mut stream = tcp(&server).await;
        if number % 2 == 0 {
            stream.write_all(HALF).await.unwrap();
        }
        stalled.push(stream);
    }
    for _ in 0..5 {
        is_served(&server, &authority.client()).await;
    }
    assert!(timeout(LIMIT, server.shutdown(LIMIT * 10)).await.expect("it waits for none of them"));
    for stream in stalled {
        rest(stream).await;
    }
}
