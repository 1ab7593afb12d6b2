//! `noise://`: who is believed, what goes over it, and what those meet who mean harm.
#![cfg(feature = "noise")]
#![allow(missing_docs)]

use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jidda::State;
use jidda::auth::{Identity, TrustedKeys};
use jidda::error::ConnectError;
use jidda::noise::{KeyPair, NoiseClient, NoiseServer, PublicKey};
use jidda::peer::{Address, Handshake, Security};
use jidda::prelude::*;
use jidda::server::ServerBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Far longer than anything takes.
const LIMIT: Duration = Duration::from_secs(30);
/// A native call in clear text.
const CALL: &[u8] = b"\x94\x00\x01\xa6double\x91\x15";

/// Who came and why sockets left, in order.
#[derive(Default)]
struct Journal(Mutex<Vec<String>>);

impl Journal {
    fn has(&self, line: &str) -> bool {
        self.0.lock().unwrap().iter().any(|other| other == line)
    }
}

#[on("connect")]
async fn enter(socket: &Socket, journal: &State<Journal>) -> jidda::Result<()> {
    journal.0.lock().unwrap().push("connect".into());
    Ok(socket.join("all").await?)
}

#[on("disconnect")]
async fn leave(journal: &State<Journal>, reason: DisconnectReason) {
    journal.0.lock().unwrap().push(reason.to_string());
}

#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

#[on]
async fn again(text: String, times: usize) -> String {
    text.repeat(times)
}

/// How the caller came, and the key that it proved to own.
#[on]
async fn proof(handshake: &Handshake) -> (String, Vec<u8>) {
    let Some(Security::Noise { key }) = &handshake.security else { panic!("{:?}", handshake.security) };
    (handshake.transport.to_string(), key.to_vec())
}

/// Asks the caller back.
#[on]
async fn ask_back(socket: &Socket, n: i64) -> jidda::Result<i64> {
    Ok(ask::call(socket, n).await?)
}

#[on(side = client)]
async fn ask(n: i64) -> i64 {
    n + 1
}

/// Sends frames that are too large to be copied together to everyone.
#[on]
async fn spread(server: &Server, size: usize) {
    for letter in ["a", "b", "c"] {
        server.of("/").to("all").emit("message", &letter.repeat(size)).await.ok();
    }
}

fn clear() -> ServerBuilder {
    Server::builder().state(Journal::default())
}

fn builder(noise: NoiseServer) -> ServerBuilder {
    clear().listen("noise://127.0.0.1:0").noise(noise)
}

/// A server that takes every client, and what clients have to know.
async fn start() -> (Server, PublicKey) {
    let keys = KeyPair::generate();
    let server = builder(NoiseServer::new(keys.clone())).start().await.expect("a free port");
    (server, keys.public())
}

/// The host and port of the server's first address.
fn authority(server: &Server) -> String {
    match &server.addresses()[0] {
        Address::Noise(authority) | Address::Tcp(authority) => authority.clone(),
        other => panic!("{other}"),
    }
}

async fn tcp(server: &Server) -> TcpStream {
    TcpStream::connect(authority(server)).await.expect("the server listens")
}

fn client(server: &Server, keys: KeyPair, key: PublicKey) -> jidda::client::ClientBuilder {
    Client::builder(format!("noise://{}", authority(server)))
        .noise(NoiseClient::new(keys, key))
        .connect_timeout(LIMIT)
}

/// Why there is no connection.
async fn refusal(client: jidda::client::ClientBuilder) -> String {
    let error = client.no_reconnect().connect().await.expect_err("it is refused");
    assert!(matches!(error, ConnectError::Io { .. }), "{error:?}");
    // With its sources.
    jidda::Error::from(error).to_string()
}

/// The server takes any client in, and its calls are answered.
async fn is_served(server: &Server, key: PublicKey) {
    let client = client(server, KeyPair::generate(), key).connect().await.expect("it is let in");
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
    client.disconnect().await;
}

/// All that a server says until it closes.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut read)).await.expect("it closes").expect("it says so");
    read
}

/// Waits until it is so.
async fn eventually(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, waiting).await.expect("it comes to be");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_both_ways_and_both_sides_know_each_other() {
    let (server, key) = start().await;
    assert!(server.addresses()[0].to_string().starts_with("noise://127.0.0.1:"));
    let keys = KeyPair::generate();
    let client = client(&server, keys.clone(), key).connect().await.unwrap();
    let (transport, proved) = proof::call(&client).await.unwrap();
    assert_eq!((&*transport, &*proved), ("noise", &keys.public().as_bytes()[..]));
    assert_eq!(ask_back::call(&client, 41).await.unwrap(), 42);
    for size in [0, 1, 31, 32, 65_000, 65_519, 65_535, 65_536, 131_072, 900_000] {
        assert_eq!(again::call(&client, "x", size).await.unwrap().len(), size);
        let text = "y".repeat(size);
        assert_eq!(again::call(&client, text.clone(), 1).await.unwrap(), text);
    }
    let calls: Vec<_> = (0..500).map(|n| tokio::spawn(double::call(&client, n).into_future())).collect();
    for (call, n) in calls.into_iter().zip(0..) {
        assert_eq!(call.await.unwrap().unwrap(), n * 2);
    }
    for size in [2000, 200_000] {
        spread::call(&client, size).await.unwrap();
        for letter in ["a", "b", "c"] {
            assert_eq!(client.recv::<String>().await.unwrap(), letter.repeat(size));
        }
    }
    client.disconnect().await;
    eventually(|| server.state::<Journal>().unwrap().has("client namespace disconnect")).await;
    assert!(server.shutdown(LIMIT).await);
}

#[tokio::test]
async fn only_known_clients_are_admitted() {
    let (keys, known) = (KeyPair::generate(), KeyPair::generate());
    let key = keys.public();
    let lists = [
        NoiseServer::new(keys.clone()).clients([known.public()]),
        NoiseServer::new(keys.clone()).clients_with({
            let known = known.public();
            move |key| async move { key == known }
        }),
    ];
    for noise in lists {
        let server = builder(noise).start().await.unwrap();
        let error = refusal(client(&server, KeyPair::generate(), key)).await;
        assert!(error.ends_with(": the server refused this key"), "{error}");
        assert!(!server.state::<Journal>().unwrap().has("connect"));
        let client = client(&server, known.clone(), key).connect().await.unwrap();
        assert_eq!(double::call(&client, 21).await.unwrap(), 42);
    }
}

#[tokio::test]
async fn a_server_with_another_key_is_not_trusted() {
    let (server, key) = start().await;
    let error = refusal(client(&server, KeyPair::generate(), KeyPair::generate().public())).await;
    assert!(error.ends_with(": the server does not have this key"), "{error}");
    assert!(!server.state::<Journal>().unwrap().has("connect"));
    is_served(&server, key).await;
}

#[tokio::test]
async fn there_is_no_way_to_clear_text() {
    let keys = KeyPair::generate();
    let why = async |builder: ServerBuilder| builder.start().await.unwrap_err().to_string();
    let error = why(clear().listen("noise://127.0.0.1:0")).await;
    assert!(error.contains("it needs keys, `.noise(NoiseServer::new("), "{error}");
    let error = why(clear().listen("127.0.0.1:0").noise(NoiseServer::new(keys.clone()))).await;
    assert!(error.contains("`.noise(..)` protects addresses that begin with noise://"), "{error}");
    let why = async |builder: jidda::client::ClientBuilder| builder.connect().await.unwrap_err().to_string();
    let error = why(Client::builder("noise://127.0.0.1:1")).await;
    assert!(error.contains("it needs keys, `.noise(NoiseClient::new("), "{error}");
    let noise = NoiseClient::new(keys.clone(), keys.public());
    let error = why(Client::builder("127.0.0.1:1").noise(noise)).await;
    assert!(error.contains("`.noise(..)` protects addresses that begin with noise://"), "{error}");
}

#[tokio::test]
async fn clear_text_on_a_noise_port_is_refused_at_once() {
    let (server, key) = start().await;
    for (bytes, beginning) in [
        (CALL, &b"\x93\x02\xa7$/close\x91\xb6this port speaks noise"[..]),
        (b"\x16\x03\x01\x02\x00\x01", b"\x15\x03\x03\x00\x02\x02\x28"),
        (b"\x00", b""),
        (b"hello", b""),
        (&[0xff; 3000], b""),
    ] {
        let mut stream = tcp(&server).await;
        stream.write_all(bytes).await.unwrap();
        assert_eq!(rest(stream).await, beginning, "{bytes:?}");
    }
    for method in ["GET", "POST", "OPTIONS"] {
        let mut stream = tcp(&server).await;
        let request = format!("{method} /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: test\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = String::from_utf8(rest(stream).await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nthis port speaks noise\n"), "{answer}");
    }
    // A client of ours is never served in clear text.
    let error = Client::builder(authority(&server)).no_reconnect().connect().await.unwrap_err();
    assert!(error.to_string().contains("was lost during its handshake"), "{error}");
    assert!(!server.state::<Journal>().unwrap().has("connect"));
    is_served(&server, key).await;
}

#[tokio::test]
async fn noise_on_a_clear_port_is_refused_at_once() {
    let server = clear().listen("127.0.0.1:0").start().await.unwrap();
    let mut stream = tcp(&server).await;
    stream.write_all(b"\xc1noise/1\0\x60").await.unwrap();
    // A native goodbye that says what is wrong.
    let answer = rest(stream).await;
    assert!(answer.starts_with(b"\x93\x02\xa7$/close"), "{}", String::from_utf8_lossy(&answer));
    let error = refusal(client(&server, KeyPair::generate(), KeyPair::generate().public())).await;
    assert!(error.ends_with(": the server does not speak noise"), "{error}");
    let client = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
}

/// What a proxy changes: nothing, what goes to the server, what comes from it; or it lets go of both.
const NOTHING: u8 = 0;
const THERE: u8 = 1;
const BACK: u8 = 2;
const CUT: u8 = 3;

/// Carries bytes, and does to the next ones what it is told to.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: u8, order: Arc<AtomicU8>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if order.compare_exchange(way, NOTHING, SeqCst, SeqCst).is_ok() {
            buffer[count - 1] ^= 1;
        }
        if order.load(SeqCst) == CUT || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Someone in between; its address, and what it is to change.
async fn proxy(server: &Server) -> (String, Arc<AtomicU8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("noise://{}", listener.local_addr().unwrap());
    let order = Arc::new(AtomicU8::new(NOTHING));
    let (target, told) = (authority(server), Arc::clone(&order));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = TcpStream::connect(&target).await.unwrap().into_split();
            tokio::spawn(carry(from_client, to_server, THERE, Arc::clone(&told)));
            tokio::spawn(carry(from_server, to_client, BACK, Arc::clone(&told)));
        }
    });
    (address, order)
}

#[tokio::test]
async fn a_bit_that_was_flipped_ends_the_connection_and_no_other() {
    let (server, key) = start().await;
    let witness = client(&server, KeyPair::generate(), key).connect().await.unwrap();
    let (address, order) = proxy(&server).await;
    let noise = NoiseClient::new(KeyPair::generate(), key);
    for way in [THERE, BACK] {
        let client = Client::builder(&address).noise(noise.clone()).no_reconnect().connect().await.unwrap();
        assert_eq!(double::call(&client, 1).await.unwrap(), 2);
        order.store(way, SeqCst);
        let error = double::call(&client, 2).await.unwrap_err();
        assert!(matches!(error, CallError::Disconnected { .. }), "{error}");
        // Whoever noticed told the other.
        assert_eq!(client.closed().await, DisconnectReason::TransportError);
        eventually(|| server.count() == 1).await;
        assert_eq!(double::call(&witness, 3).await.unwrap(), 6);
    }
    let journal = server.state::<Journal>().unwrap();
    assert_eq!(
        *journal.0.lock().unwrap(),
        ["connect", "connect", "transport error", "connect", "transport error"]
    );
    // In a handshake it is the end of that.
    for way in [THERE, BACK] {
        order.store(way, SeqCst);
        let error =
            Client::builder(&address).noise(noise.clone()).no_reconnect().connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::Io { .. }), "{error:?}");
    }
    // A client that comes back does so after that, too.
    let client = Client::builder(&address).noise(noise).connect().await.unwrap();
    let mut events = client.events();
    order.store(THERE, SeqCst);
    assert!(double::call(&client, 2).await.is_err());
    while !matches!(
        timeout(LIMIT, events.next()).await.unwrap(),
        Some(jidda::client::ClientEvent::Reconnected)
    ) {}
    assert_eq!(double::call(&client, 2).await.unwrap(), 4);
    assert_eq!(double::call(&witness, 3).await.unwrap(), 6);
}

#[tokio::test]
async fn a_stream_that_was_cut_off_is_not_taken_for_one_that_ended() {
    let (server, key) = start().await;
    let (address, order) = proxy(&server).await;
    let noise = NoiseClient::new(KeyPair::generate(), key);
    let client = Client::builder(&address).noise(noise.clone()).no_reconnect().connect().await.unwrap();
    order.store(CUT, SeqCst);
    assert!(double::call(&client, 2).await.is_err());
    assert_eq!(client.closed().await, DisconnectReason::TransportError);
    eventually(|| server.state::<Journal>().unwrap().has("transport error")).await;
}

#[tokio::test]
async fn a_replayed_handshake_is_refused() {
    let (server, key) = start().await;
    // Someone in between writes down what a client says, and says it again.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("noise://{}", listener.local_addr().unwrap());
    let target = authority(&server);
    let recorder = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let (mut from_client, to_client) = client.into_split();
        let (from_server, mut to_server) = TcpStream::connect(&target).await.unwrap().into_split();
        tokio::spawn(carry(from_server, to_client, BACK, Arc::default()));
        let (mut written, mut buffer) = (Vec::new(), vec![0; 65_536]);
        while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
            written.extend_from_slice(&buffer[..count]);
            to_server.write_all(&buffer[..count]).await.unwrap();
        }
        written
    });
    let noise = NoiseClient::new(KeyPair::generate(), key);
    let client = Client::builder(&address).noise(noise).no_reconnect().connect().await.unwrap();
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
    client.disconnect().await;
    let written = timeout(LIMIT, recorder).await.unwrap().unwrap();
    eventually(|| server.count() == 0).await;
    let before = server.state::<Journal>().unwrap().0.lock().unwrap().len();
    let mut stream = tcp(&server).await;
    stream.write_all(&written).await.unwrap();
    // The first message is answered, and no other. What was left unread may make a reset of the end.
    let mut answer = Vec::new();
    let _ = timeout(LIMIT, stream.read_to_end(&mut answer)).await.expect("it closes");
    assert!(answer.len() <= 8 + 1 + 2 + 48, "{}", answer.len());
    is_served(&server, key).await;
    eventually(|| server.count() == 0).await;
    let journal = server.state::<Journal>().unwrap().0.lock().unwrap().split_off(before);
    assert_eq!(journal.iter().filter(|line| *line == "connect").count(), 1, "{journal:?}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended_while_others_are_served() {
    let keys = KeyPair::generate();
    let noise = NoiseServer::new(keys.clone());
    let server = builder(noise).handshake_timeout(Duration::from_secs(1)).start().await.unwrap();
    let silent = tcp(&server).await;
    let mut half = tcp(&server).await;
    half.write_all(b"\xc1noise/1\0\x60half of a key").await.unwrap();
    is_served(&server, keys.public()).await;
    for stalled in [silent, half] {
        assert_eq!(rest(stalled).await, b"", "there is nothing to be said");
    }
    is_served(&server, keys.public()).await;
}

#[tokio::test]
async fn many_stalled_handshakes_block_no_peer_and_no_shutdown() {
    let keys = KeyPair::generate();
    let noise = NoiseServer::new(keys.clone());
    let server = builder(noise).handshake_timeout(LIMIT * 10).start().await.unwrap();
    let mut stalled = Vec::new();
    for number in 0..200 {
        let mut stream = tcp(&server).await;
        stream.write_all(&b"\xc1noise/1\0\x60"[..number % 11]).await.unwrap();
        stalled.push(stream);
    }
    for _ in 0..5 {
        is_served(&server, keys.public()).await;
    }
    assert!(timeout(LIMIT, server.shutdown(LIMIT * 10)).await.expect("it waits for none of them"));
    for stream in stalled {
        rest(stream).await;
    }
}

#[tokio::test]
async fn a_server_dials_a_client_that_listens_and_strangers_are_not_mistaken_for_it() {
    let (ours, theirs) = (KeyPair::generate(), KeyPair::generate());
    let noise = NoiseServer::new(ours.clone()).clients([theirs.public()]);
    let listening = Client::builder("noise://127.0.0.1:0").noise_server(noise).listen().await.unwrap();
    let address = listening.address().to_string();
    for keys in [KeyPair::generate(), theirs.clone()] {
        // Of these two one may not come, and one believes another client.
        let stranger = NoiseClient::new(keys.clone(), ours.public());
        let other = NoiseClient::new(keys, KeyPair::generate().public());
        let noise = if stranger.public() == theirs.public() { other } else { stranger };
        refusal(Client::builder(&address).noise(noise).connect_timeout(LIMIT)).await;
    }
    let dial = jidda::server::Dial::to(&address).noise(NoiseClient::new(theirs, ours.public()));
    let server = clear().dial(dial).start().await.unwrap();
    let client = timeout(LIMIT, listening.connected()).await.unwrap().unwrap();
    let (transport, proved) = proof::call(&client).await.unwrap();
    assert_eq!((&*transport, &*proved), ("noise", &ours.public().as_bytes()[..]));
    assert_eq!(ask_back::call(&client, 41).await.unwrap(), 42);
    assert!(server.shutdown(LIMIT).await);
}

#[tokio::test]
async fn a_client_does_not_wait_for_ever_for_a_server_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("noise://{}", listener.local_addr().unwrap());
    let keys = KeyPair::generate();
    let client = Client::builder(address).noise(NoiseClient::new(keys.clone(), keys.public()));
    let error = client.connect_timeout(Duration::from_millis(50)).no_reconnect().connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
}

#[on]
async fn my_name(identity: &Identity) -> String {
    identity.name().to_owned()
}

#[tokio::test]
async fn a_key_of_the_list_is_an_identity() {
    let (keys, ada) = (KeyPair::generate(), KeyPair::generate());
    let known = TrustedKeys::new().noise(ada.public(), "ada");
    let server = builder(NoiseServer::new(keys.clone())).authenticator(known).start().await.unwrap();
    let ada = client(&server, ada, keys.public()).connect().await.unwrap();
    assert_eq!(my_name::call(&ada).await.unwrap(), "ada");
    // Another one is as good for Noise, but is nobody here.
    let error = client(&server, KeyPair::generate(), keys.public()).connect().await.unwrap_err();
    let ConnectError::Refused(error) = error else { panic!("{error}") };
    assert_eq!(error.code(), Some("unauthenticated"));
}
