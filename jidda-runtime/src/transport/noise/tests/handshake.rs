//! Handshakes over pipes in memory.

use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use snow::Builder;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver, RingResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

use super::super::config::{NoiseClient, NoiseServer};
use super::super::handshake::{PATTERN, PROLOGUE, accept, connect};
use super::super::keys::KeyPair;
use super::super::stream::NoiseStream;

type Accepted = io::Result<(NoiseStream<DuplexStream>, [u8; 32])>;

async fn meet(
    client: &NoiseClient,
    server: &NoiseServer,
) -> (io::Result<NoiseStream<DuplexStream>>, Accepted) {
    let (ours, theirs) = duplex(1024);
    tokio::join!(connect(ours, client), accept(theirs, server))
}

/// What a server that gets `bytes`, and then nothing, answers and says.
async fn answer_to(bytes: &[u8], server: &NoiseServer) -> (Vec<u8>, io::Error) {
    let (mut ours, theirs) = duplex(1024);
    let talk = async {
        ours.write_all(bytes).await.unwrap();
        ours.shutdown().await.unwrap();
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let (answer, accepted) = tokio::join!(talk, accept(theirs, server));
    (answer, accepted.unwrap_err())
}

/// The client's first message, as it goes over the wire.
async fn first_message(client: &NoiseClient) -> Vec<u8> {
    let (ours, mut theirs) = duplex(1024);
    let mut first = vec![0; 8 + 2 + 96];
    let read = async {
        theirs.read_exact(&mut first).await.unwrap();
        drop(theirs);
    };
    let (_, ()) = tokio::join!(connect(ours, client), read);
    first
}

/// What a client says to a server that answers so.
async fn against(answer: &[u8], client: &NoiseClient) -> io::Error {
    let (ours, mut theirs) = duplex(1024);
    let serve = async {
        theirs.read_exact(&mut [0; 8 + 2 + 96]).await.unwrap();
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
    };
    let (connected, ()) = tokio::join!(connect(ours, client), serve);
    connected.unwrap_err()
}

fn keys() -> (KeyPair, KeyPair) {
    (KeyPair::generate(), KeyPair::generate())
}

#[tokio::test]
async fn both_sides_know_each_other_and_talk() {
    let (server, client) = keys();
    let config = NoiseClient::new(client.clone(), server.public());
    for server in [
        NoiseServer::new(server.clone()),
        NoiseServer::new(server.clone()).clients([KeyPair::generate().public(), client.public()]),
        NoiseServer::new(server.clone()).clients_with({
            let known = client.public();
            move |key| async move { key == known }
        }),
    ] {
        let (ours, theirs) = meet(&config, &server).await;
        let (mut ours, (mut theirs, key)) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(key, *client.public().as_bytes());
        let mut read = [0; 5];
        // The server may speak first.
        theirs.write_all(b"hello").await.unwrap();
        ours.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello");
        ours.write_all(b"there").await.unwrap();
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"there");
    }
}

#[tokio::test]
async fn an_unknown_client_learns_only_that() {
    let (server, client) = keys();
    let config = NoiseClient::new(client.clone(), server.public());
    for server in [
        NoiseServer::new(server.clone()).clients([]),
        NoiseServer::new(server.clone()).clients([server.public()]),
        NoiseServer::new(server.clone()).clients_with(|_| std::future::ready(false)),
    ] {
        let (ours, theirs) = meet(&config, &server).await;
        let (ours, theirs) = (ours.unwrap_err(), theirs.unwrap_err());
        assert_eq!(ours.kind(), ErrorKind::PermissionDenied);
        assert_eq!(ours.to_string(), "the server refused this key");
        assert_eq!(theirs.kind(), ErrorKind::PermissionDenied);
        assert!(theirs.to_string().contains(&client.public().to_string()), "{theirs}");
    }
    let (answer, _) = answer_to(&first_message(&config).await, &NoiseServer::new(server).clients([])).await;
    assert_eq!(answer, b"\xc1noise/1\x01");
}

#[tokio::test]
async fn a_server_with_another_key_is_no_match() {
    let (server, client) = keys();
    let expected = KeyPair::generate().public();
    let (ours, theirs) = meet(&NoiseClient::new(client, expected), &NoiseServer::new(server)).await;
    let (ours, theirs) = (ours.unwrap_err(), theirs.unwrap_err());
    assert_eq!(ours.kind(), ErrorKind::InvalidData);
    assert_eq!(ours.to_string(), "the server does not have this key");
    assert_eq!(theirs.kind(), ErrorKind::InvalidData);
    assert!(theirs.to_string().contains("meant for another key"), "{theirs}");
}

/// A key pair of which everybody knows the secret: any does.
struct Weak;

impl Dh for Weak {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, _: &[u8]) {}

    fn generate(&mut self, _: &mut dyn Random) -> Result<(), snow::Error> {
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &[0; 32]
    }

    fn privkey(&self) -> &[u8] {
        &[0; 32]
    }

    fn dh(&self, _: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        out[..32].fill(0);
        Ok(())
    }
}

/// Gives the weak pair to whoever asks first: that is for the client's own key.
#[derive(Default)]
struct WeakFirst(AtomicBool);

impl CryptoResolver for WeakFirst {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        RingResolver.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        if self.0.swap(true, Relaxed) { DefaultResolver.resolve_dh(choice) } else { Some(Box::new(Weak)) }
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        RingResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        RingResolver.resolve_cipher(choice)
    }
}

#[tokio::test]
async fn a_client_with_a_weak_key_is_refused() {
    let server = KeyPair::generate();
    let public = server.public();
    let mut state = Builder::with_resolver(PATTERN.parse().unwrap(), Box::<WeakFirst>::default())
        .prologue(PROLOGUE)
        .and_then(|builder| builder.local_private_key(&[1; 32]))
        .and_then(|builder| builder.remote_public_key(public.as_bytes()))
        .and_then(Builder::build_initiator)
        .unwrap();
    let mut first = [b"\xc1noise/1\0\x60", &[0; 96][..]].concat();
    state.write_message(&[], &mut first[10..]).unwrap();
    let (answer, error) = answer_to(&first, &NoiseServer::new(server)).await;
    assert_eq!(answer, b"\xc1noise/1\x01");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("protects nothing"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn other_protocols_are_refused_in_their_own_form_by_their_first_byte() {
    let server = NoiseServer::new(KeyPair::generate());
    for (bytes, name, beginning) in [
        (&b"G"[..], "HTTP", &b"HTTP/1.1 400 "[..]),
        (b"POST / HTTP/1.1\r\nhost: a\r\n\r\n", "HTTP", b"HTTP/1.1 400 "),
        (b"\x94\x00\x01\xa7$/hello\x90", "MessagePack-RPC in clear text", b"\x93\x02\xa7$/close"),
        (b"\x16\x03\x01", "TLS", b"\x15\x03\x03"),
        (b"\xc1noise/2", "something else", b""),
        (b"\0\0\0\0", "something else", b""),
    ] {
        // It does not wait for more.
        let (mut ours, theirs) = duplex(1024);
        ours.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let (read, accepted) = tokio::join!(ours.read_to_end(&mut answer), accept(theirs, &server));
        read.unwrap();
        let error = accepted.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains(name), "{error}");
        assert!(answer.starts_with(beginning), "{answer:?}");
    }
}

#[tokio::test]
async fn a_first_message_that_is_cut_off_or_changed_anywhere_is_refused() {
    let (server, client) = keys();
    let first = first_message(&NoiseClient::new(client, server.public())).await;
    let server = NoiseServer::new(server);
    for length in 0..first.len() {
        let (answer, error) = answer_to(&first[..length], &server).await;
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{length}");
        assert!(answer.is_empty());
    }
    // Those of the greeting are in the test above; here the length and the message. The highest bit of a public key
    // means nothing to the curve, but it is hashed.
    for bit in 64..first.len() * 8 {
        let mut flipped = first.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (answer, error) = answer_to(&flipped, &server).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{bit}");
        assert_eq!(answer, b"\xc1noise/1\x02", "{bit}");
    }
}

#[tokio::test]
async fn an_old_first_message_proves_nothing() {
    let (server, client) = keys();
    let config = NoiseClient::new(client, server.public());
    let first = first_message(&config).await;
    let server = NoiseServer::new(server);
    // It is answered, since it is valid; but without the confirmation the client is not accepted.
    let (answer, error) = answer_to(&first, &server).await;
    assert_eq!(answer.len(), 8 + 1 + 2 + 48);
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    for confirmation in [[0; 18], [0xff; 18], {
        let mut zeros = [0; 18];
        zeros[1] = 16;
        zeros
    }] {
        let (_, error) = answer_to(&[&first[..], &confirmation].concat(), &server).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("an old one"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_good_says_why() {
    let (server, client) = keys();
    let config = NoiseClient::new(client, server.public());
    let accepted = |message: &[u8]| [b"\xc1noise/1\0", message].concat();
    let mut wrong = vec![0, 48];
    wrong.resize(50, 7);
    for (answer, problem) in [
        (&b""[..], "the server does not have this key, or does not speak noise"),
        (b"\xc1noi", "the server does not have this key, or does not speak noise"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server does not speak noise"),
        (b"\x93\x02\xa7$/close", "the server does not speak noise"),
        (b"\x15\x03\x03\0\x02\x02\x28", "the server does not speak noise"),
        (b"\xc1noise/1", "the peer gave up during the handshake"),
        (b"\xc1noise/1\x01", "the server refused this key"),
        (b"\xc1noise/1\x02", "the server does not have this key"),
        (b"\xc1noise/1\x09", "the server answered the handshake with 9"),
        (&accepted(b""), "the peer gave up during the handshake"),
        (&accepted(&wrong[..49]), "the peer gave up during the handshake"),
        (&accepted(&wrong), "the server cannot prove that it has this key"),
        (&accepted(&[0xff; 50]), "the server cannot prove that it has this key"),
    ] {
        assert_eq!(against(answer, &config).await.to_string(), problem);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_handshake_ends_by_the_deadline() {
    let (server, client) = keys();
    let first = first_message(&NoiseClient::new(client, server.public())).await;
    let server = NoiseServer::new(server);
    for length in 0..=first.len() {
        let (mut ours, theirs) = duplex(1024);
        ours.write_all(&first[..length]).await.unwrap();
        assert!(timeout(Duration::from_secs(10), accept(theirs, &server)).await.is_err(), "{length}");
        // It was dropped with what it had.
        let mut answer = Vec::new();
        ours.read_to_end(&mut answer).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_the_refusal_is_dropped_in_two_seconds() {
    let server = NoiseServer::new(KeyPair::generate());
    let (mut ours, theirs) = duplex(8);
    ours.write_all(b"GET /").await.unwrap();
    let error = timeout(Duration::from_secs(3), accept(theirs, &server)).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}
