//! A gateway whose client has several connections to the server behind.
#![allow(missing_docs)]

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use jidda::client::{Backoff, ClientEvent};
use jidda::prelude::*;
use jidda::server::Proxy;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(60);

struct Back;
struct Gate;

#[on("connect", namespace = "/spread", app = Back)]
async fn enter(key: Option<String>) -> jidda::Result<()> {
    match key.as_deref() {
        Some("of the gateway") => Ok(()),
        _ => Err(jidda::Error::new("denied", "not for you")),
    }
}

#[on("which", namespace = "/spread", app = Back)]
async fn which(socket: &Socket) -> String {
    socket.connection_id().to_string()
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("in time")
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("it never came true that {what}"));
}

async fn back() -> Server {
    Server::builder().app::<Back>().listen("127.0.0.1:0").start().await.unwrap()
}

/// A caller of a gateway to whoever `client` is a client of.
async fn caller(client: &Client, key: &str) -> (Socket, Server) {
    let proxy = Proxy::to(client).namespace("/spread").auth(&key);
    let gate = Server::builder().app::<Gate>().proxy(proxy).listen("127.0.0.1:0").start().await.unwrap();
    let caller = Client::connect(&gate.addresses()[0].to_string()).await.unwrap();
    let spread = caller.join("/spread", &()).await.unwrap();
    // For as long as the test: the socket ends with its client.
    std::mem::forget(caller);
    (spread, gate)
}

async fn used(caller: &Socket, calls: usize) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for _ in 0..calls {
        used.insert(in_time(caller.call::<String>("which", &()).into_future()).await.unwrap());
    }
    used
}

/// How many of the client's connections have joined: they take turns.
fn joined(client: &Client) -> usize {
    let turns = (0..6).map(|_| client.of("/spread"));
    turns.filter(Socket::is_connected).map(|socket| socket.id()).collect::<HashSet<_>>().len()
}

#[tokio::test]
async fn every_connection_joins_and_is_used() {
    let back = back().await;
    let client = Client::builder(back.addresses()[0].to_string()).connections(3).connect().await.unwrap();
    let (one, _gate) = caller(&client, "of the gateway").await;
    assert_eq!(used(&one, 1).await.len(), 1);
    eventually("all have joined", || back.of("/spread").count() == 3).await;
    eventually("the client knows", || joined(&client) == 3).await;
    // What one caller sends stays in its order: it keeps to one connection. Callers are divided among all of them.
    assert_eq!(used(&one, 6).await.len(), 1);
    let (mut all, mut gates, mut callers) = (BTreeSet::new(), Vec::new(), vec![one]);
    while all.len() < 3 {
        let (another, gate) = caller(&client, "of the gateway").await;
        all.append(&mut used(&another, 1).await);
        gates.push(gate);
        callers.push(another);
        assert!(callers.len() < 200, "only {all:?} are used");
    }
    // One that is over is done without.
    let ended = back.of("/spread").sockets().pop().unwrap();
    let ended_id = ended.connection_id().to_string();
    ended.close();
    eventually("it is over", || back.of("/spread").count() == 2).await;
    eventually("the client knows", || joined(&client) == 2).await;
    let mut left = BTreeSet::new();
    for caller in &callers {
        left.append(&mut used(caller, 2).await);
    }
    assert_eq!(left.len(), 2);
    assert!(!left.contains(&ended_id));
}

#[tokio::test]
async fn a_refusal_is_returned_and_leaves_nothing_behind() {
    let back = back().await;
    let client = Client::builder(back.addresses()[0].to_string()).connections(2).connect().await.unwrap();
    let (caller, _gate) = caller(&client, "of somebody else").await;
    for _ in 0..4 {
        let refused = in_time(caller.call::<String>("which", &()).into_future()).await.unwrap_err();
        assert_eq!(refused.code(), Some("denied"), "{refused}");
    }
    assert_eq!(back.of("/spread").count(), 0);
}

/// Passes one connection on.
async fn pass(listener: &TcpListener, there: &str) -> JoinHandle<()> {
    let (mut ours, _) = in_time(listener.accept()).await.unwrap();
    let mut theirs = TcpStream::connect(there).await.unwrap();
    tokio::spawn(async move {
        let _ = copy_bidirectional(&mut ours, &mut theirs).await;
    })
}

#[tokio::test]
async fn a_connection_that_is_away_joins_when_it_is_back() {
    let back = back().await;
    let there = back.addresses()[0].to_string().replace("tcp://", "");
    let between = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backoff = Backoff::default().first(Duration::from_millis(1));
    let builder = Client::builder(between.local_addr().unwrap().to_string()).reconnect(backoff);
    let connecting = tokio::spawn(builder.connections(2).connect());
    let first = pass(&between, &there).await;
    let _second = pass(&between, &there).await;
    let client = in_time(connecting).await.unwrap().unwrap();
    let mut events = client.events();
    first.abort();
    while !matches!(in_time(events.next()).await, Some(ClientEvent::Disconnected(_))) {}
    let (caller, _gate) = caller(&client, "of the gateway").await;
    assert_eq!(used(&caller, 4).await.len(), 1);
    let _third = pass(&between, &there).await;
    eventually("both have joined", || back.of("/spread").count() == 2).await;
    eventually("the client knows", || joined(&client) == 2).await;
    assert_eq!(used(&caller, 4).await.len(), 1);
}

/// What a caller sends while the namespace behind is joined for the first time, and right after that.
#[tokio::test]
async fn events_that_wait_for_the_first_join_keep_their_order() {
    static HEARD: std::sync::Mutex<Vec<u32>> = std::sync::Mutex::new(Vec::new());
    struct Ordered;
    struct Door;
    #[on("connect", namespace = "/late", app = Ordered)]
    async fn slowly() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    #[on("hear", namespace = "/late", app = Ordered)]
    fn hear(number: u32) {
        HEARD.lock().unwrap().push(number);
    }
    let back = Server::builder().app::<Ordered>().listen("127.0.0.1:0").start().await.unwrap();
    let client = Client::builder(back.addresses()[0].to_string()).connections(2).connect().await.unwrap();
    let proxy = Proxy::to(&client).namespace("/late");
    let gate = Server::builder().app::<Door>().proxy(proxy).listen("127.0.0.1:0").start().await.unwrap();
    let caller = Client::connect(&gate.addresses()[0].to_string()).await.unwrap();
    let late = caller.join("/late", &()).await.unwrap();
    for number in 0..500 {
        late.emit("hear", &number).await.unwrap();
        if number % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    eventually("all have arrived", || HEARD.lock().unwrap().len() == 500).await;
    assert!(HEARD.lock().unwrap().iter().copied().eq(0..500));
}
