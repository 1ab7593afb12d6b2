//! The client as its users meet it: several connections, without a runtime, handlers of its own.
#![allow(missing_docs)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jidda::client::OfflinePolicy;
use jidda::prelude::*;
use jidda::{State, blocking, testing};

#[derive(Default)]
struct Doors(AtomicUsize);

#[namespace("/")]
impl Doors {
    #[on("connect")]
    async fn enter(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    #[on]
    async fn entered(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    #[on]
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    #[on]
    async fn divide(&self, a: i64, b: i64) -> Result<i64, String> {
        a.checked_div(b).ok_or_else(|| "division by zero".to_owned())
    }
}

/// The client's side of the conversation.
struct Counting(AtomicUsize);

#[namespace("/", side = client)]
trait Counter {
    #[on]
    async fn count(&self, by: usize) -> usize;
}

#[namespace]
impl Counter for Counting {
    async fn count(&self, by: usize) -> usize {
        self.0.fetch_add(by, Ordering::Relaxed) + by
    }
}

/// Runs whenever a client joined.
#[on("connect", side = client)]
async fn client_connected(socket: &Socket, connected: &State<AtomicUsize>) {
    assert!(socket.is_connected());
    connected.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test]
async fn several_connections_each_run_the_connect_handlers() {
    let builder = Server::builder();
    let (client, server) =
        testing::pair_with(builder, |client| client.connections(3).state(AtomicUsize::new(0))).await.unwrap();
    let doors = DoorsClient::new(&client);
    assert_eq!(doors.entered().await.unwrap(), 3);
    assert_eq!(server.count(), 3);
    // The calls take turns over the connections, and all arrive.
    for n in 0..9 {
        assert_eq!(doors.add(n, 1).await.unwrap(), n + 1);
    }
    client.disconnect().await;
    while server.count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_server_calls_the_clients_service() {
    let (client, server) = testing::pair_with(Server::builder(), |client| {
        client.service(Counting(AtomicUsize::new(40))).state(AtomicUsize::new(0))
    })
    .await
    .unwrap();
    let everyone = CounterClient::new(server.of("/"));
    let replies = everyone.count(2).timeout(Duration::from_secs(5)).await.unwrap();
    assert_eq!(replies.len(), 1);
    assert_eq!(*replies[0].1.as_ref().unwrap(), 42);
    let one = CounterClient::new(server.sockets().pop().unwrap());
    assert_eq!(one.count(1).await.unwrap(), 43);
    assert_eq!(client.handlers().handlers().count(), 2);
}

#[test]
fn a_blocking_client_needs_no_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(Server::builder().listen("mem:blocking").start()).unwrap();
    let builder = Client::builder("mem:blocking").state(AtomicUsize::new(0));
    let client = blocking::Client::connect_with(builder).unwrap();
    assert_eq!(client.call::<i64>("add", &(1, 2)).timeout(Duration::from_secs(5)).wait().unwrap(), 3);
    let doors = DoorsClient::new(&client);
    assert_eq!(doors.divide(6, 3).wait().unwrap(), 2);
    assert_eq!(doors.divide(6, 0).wait().unwrap_err().into_app().unwrap(), "division by zero");
    client.on("double", |n: i64| async move { n * 2 });
    let replies = runtime.block_on(server.call::<i64>("double", &4).timeout(Duration::from_secs(5))).unwrap();
    assert_eq!(*replies[0].1.as_ref().unwrap(), 8);
    runtime.block_on(server.of("/").send(&"news")).unwrap();
    assert_eq!(client.recv::<String>().unwrap(), "news");
    client.disconnect();
}

#[tokio::test]
async fn events_fail_while_away_when_the_client_says_so() {
    let (client, server) = testing::pair_with(Server::builder(), |client| {
        client.offline_policy(OfflinePolicy::Reject).no_reconnect().state(AtomicUsize::new(0))
    })
    .await
    .unwrap();
    server.shutdown(Duration::from_secs(5)).await;
    client.closed().await;
    assert_eq!(client.emit("add", &(1, 2)).await, Err(jidda::error::SendError::NotConnected));
}

#[tokio::test]
async fn a_client_may_start_before_its_server() {
    let connecting = tokio::spawn(
        Client::builder("mem:late")
            .wait_for_server()
            .reconnect(jidda::client::Backoff::default().first(Duration::from_millis(2)))
            .state(AtomicUsize::new(0))
            .connect(),
    );
    // The client has failed at least once by the time it has run and the runtime is idle again.
    tokio::task::yield_now().await;
    let _server = Server::builder().listen("mem:late").start().await.unwrap();
    let client = connecting.await.unwrap().unwrap();
    assert_eq!(DoorsClient::new(&client).add(1, 1).await.unwrap(), 2);
}

/// Handlers of a client that goes and comes.
struct Returning;

static JOINED: AtomicUsize = AtomicUsize::new(0);
static LEFT: AtomicUsize = AtomicUsize::new(0);

#[on("connect", side = client, app = Returning)]
async fn joined(socket: &Socket) {
    socket.on("ask", || async { "answered" });
    JOINED.fetch_add(1, Ordering::Relaxed);
}

#[on("disconnect", side = client, app = Returning)]
async fn left(reason: DisconnectReason) {
    assert_eq!(reason, DisconnectReason::ServerShuttingDown);
    LEFT.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test]
async fn the_clients_connect_handler_runs_at_each_return_and_its_listeners_are_there() {
    let listen = || Server::builder().listen("mem:returning").start();
    let first = listen().await.unwrap();
    let client = Client::builder("mem:returning")
        .app::<Returning>()
        .reconnect(jidda::client::Backoff::default().first(Duration::from_millis(2)))
        .connect()
        .await
        .unwrap();
    let mut events = client.events();
    let asked = async |server: &Server| {
        let replies = server.call::<String>("ask", &()).timeout(Duration::from_secs(5)).await.unwrap();
        replies.into_iter().map(|(_, reply)| reply.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&first).await, ["answered"]);
    assert_eq!((JOINED.load(Ordering::Relaxed), LEFT.load(Ordering::Relaxed)), (1, 0));
    first.shutdown(Duration::from_secs(5)).await;
    drop(first);
    let second = listen().await.unwrap();
    while events.next().await != Some(jidda::client::ClientEvent::Reconnected) {}
    assert_eq!(asked(&second).await, ["answered"]);
    assert_eq!((JOINED.load(Ordering::Relaxed), LEFT.load(Ordering::Relaxed)), (2, 1));
}

#[tokio::test]
async fn a_listener_belongs_to_one_connection() {
    let (one, server) =
        testing::pair_with(Server::builder(), |client| client.state(AtomicUsize::new(0))).await.unwrap();
    let address = server.addresses()[0].to_string();
    let other = Client::builder(&address).state(AtomicUsize::new(0)).connect().await.unwrap();
    let id = one.root().id();
    let socket = server.sockets().into_iter().find(|socket| socket.id() == id).unwrap();
    socket.on("private", || async { 1 });
    assert_eq!(one.call::<u8>("private", &()).await.unwrap(), 1);
    assert_eq!(other.call::<u8>("private", &()).await.unwrap_err().code(), Some("not_found"));
}
