//! Panics in the program's own code, one place after the other: each harms what was called, is reported, and nobody else
//! notices.
// Each file tests one kind of place, with the handlers and the bench that are here.
#![allow(missing_docs, clippy::assertions_on_constants, clippy::wildcard_imports)]

mod handlers;
mod hooks;
#[path = "../../jidda-runtime/tests/support/http.rs"]
mod http;
mod requests;
mod values;

use std::convert::Infallible;
use std::future::{Ready, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use futures_util::stream;
use http::Http;
use jidda::auth::{Authenticator, Identity};
use jidda::heartbeat::{HeartbeatPolicy, Liveness};
use jidda::http::{Cors, Origins};
use jidda::middleware::{Call, Next};
use jidda::payload::Value;
use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::presence::PresenceEvent;
use jidda::report::{ErrorReport, FailureKind, FailureOrigin};
use jidda::server::{Proxy, ServerBuilder};
use jidda::{Client, Error, testing};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

struct Panicking;

/// A value that panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

/// Another type that has one.
struct Another(#[allow(dead_code)] Bomb);

/// What panics when it is written, read, or taken from the connection.
#[derive(Debug, PartialEq)]
struct Broken;

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("written")
    }
}

impl<'de> Deserialize<'de> for Broken {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("read")
    }
}

impl jidda::FromConnection for Broken {
    async fn from_connection(_: &jidda::handler::Context) -> jidda::Result<Self> {
        panic!("taken")
    }
}

/// An error that panics when it is made one of jidda's, and when it is dropped.
struct Sour;

impl From<Sour> for Error {
    fn from(_: Sour) -> Self {
        panic!("an error")
    }
}

#[derive(Debug)]
struct Explosive(#[allow(dead_code)] Option<Box<dyn std::any::Any + Send + Sync>>);

impl std::fmt::Display for Explosive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("explosive")
    }
}

impl std::error::Error for Explosive {}

#[on(app = Panicking)]
async fn echo(text: String) -> String {
    text
}

#[on(app = Panicking)]
async fn everyone(server: &Server) -> jidda::Result<usize> {
    Ok(server.emit("news", &1).await?)
}

#[on(app = Panicking)]
fn at_once() {
    panic!("at once");
}

#[on(app = Panicking)]
async fn at_first() {
    std::future::ready(()).await;
    panic!("at first");
}

#[on(app = Panicking)]
async fn later() {
    tokio::task::yield_now().await;
    panic!("later");
}

#[on(app = Panicking, sequential)]
async fn in_sequence() {
    tokio::task::yield_now().await;
    panic!("in sequence");
}

#[on(app = Panicking, blocking)]
fn on_the_pool() {
    panic!("on the pool");
}

#[on(app = Panicking)]
async fn reads(_broken: Broken) {}

#[on(app = Panicking)]
async fn takes(_broken: &Broken) {}

#[on(app = Panicking)]
async fn replies() -> Broken {
    Broken
}

#[on(app = Panicking)]
async fn fails() -> Result<(), Broken> {
    Err(Broken)
}

#[on(app = Panicking)]
async fn fails_with_a_bomb() -> jidda::Result<()> {
    Err(Explosive(Some(Box::new(Bomb))))?;
    Ok(())
}

#[on(app = Panicking)]
async fn emits(socket: &Socket) -> jidda::Result<()> {
    Ok(socket.emit("broken", &Broken).await?)
}

#[on(app = Panicking)]
async fn broadcasts(server: &Server) -> jidda::Result<usize> {
    Ok(server.emit("broken", &Broken).await?)
}

#[on(app = Panicking)]
async fn drops_at_its_end() {
    let _bomb = Bomb;
    tokio::task::yield_now().await;
}

#[on(app = Panicking)]
async fn holds() {
    let _bomb = Bomb;
    pending::<()>().await;
}

#[on(app = Panicking, timeout = "5ms")]
async fn holds_too_long() {
    let _bomb = Bomb;
    pending::<()>().await;
}

#[on(app = Panicking)]
async fn streams() -> impl jidda::stream::Stream<Item = u8> {
    stream::iter(0..).map(|n: u8| if n < 2 { n } else { panic!("an item") })
}

#[on(app = Panicking)]
async fn streams_with_a_bomb() -> impl jidda::stream::Stream<Item = u8> {
    let bomb = Bomb;
    stream::iter([1]).chain(stream::pending()).map(move |n| {
        let _bomb = &bomb;
        n
    })
}

#[on("connect", app = Panicking, namespace = "/closed")]
async fn refuse() {
    panic!("no entry");
}

#[on("disconnect", app = Panicking, namespace = "/left")]
async fn part() {
    panic!("a farewell");
}

#[on("disconnect", app = Panicking, namespace = "/late")]
async fn part_late() {
    let _bomb = Bomb;
    pending::<()>().await;
}

#[middleware(app = Panicking, namespace = "/guarded")]
async fn stand_around(call: Call, next: Next) -> Reply {
    assert_ne!(call.event(), "before", "a middleware");
    let reply = next.run(call).await;
    assert!(reply.is_ok(), "a middleware, after");
    reply
}

#[on(app = Panicking, namespace = "/guarded")]
async fn before() {}

#[on(app = Panicking, namespace = "/guarded")]
async fn after() -> jidda::Result<()> {
    Err(Error::new("no", "no"))
}

/// A client and its socket, others on the same server, and what was reported.
struct Bench {
    client: Client,
    server: Server,
    socket: Socket,
    others: Vec<Client>,
    heard: Arc<AtomicUsize>,
    reports: UnboundedReceiver<ErrorReport>,
}

impl Bench {
    async fn new(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let (told, reports) = unbounded_channel();
        let builder = Server::builder().app::<Panicking>().listen("127.0.0.1:0");
        let builder = builder.on_error(move |report: &ErrorReport| drop(told.send(report.clone())));
        let (client, server) = testing::pair_with(change(builder), |client| client).await.unwrap();
        let socket = server.sockets().remove(0);
        let heard = Arc::new(AtomicUsize::new(0));
        let mut others = Vec::new();
        for _ in 0..3 {
            let other = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
            let heard = Arc::clone(&heard);
            other.on("news", move |_: u8| {
                heard.fetch_add(1, SeqCst);
                async {}
            });
            others.push(other);
        }
        Self { client, server, socket, others, heard, reports }
    }

    async fn http(&self) -> Http {
        Http::connect(self.server.addresses()[0].to_string().trim_start_matches("tcp://")).await
    }

    /// The report of a panic at this place.
    async fn report(&mut self, origin: FailureOrigin) -> ErrorReport {
        let report =
            timeout(LIMIT, self.reports.recv()).await.expect("it was reported").expect("the hook lives");
        assert_eq!((report.kind(), report.origin()), (FailureKind::Panic, origin), "{report}");
        report
    }

    /// A call of a handler that panics: the caller is told an id, under which it was reported.
    async fn fails(&mut self, socket: &Socket, event: &str, origin: FailureOrigin) {
        let error = timeout(LIMIT, socket.call::<Value>(event, &())).await.expect("an answer").unwrap_err();
        let CallError::Internal { id } = &error else { panic!("{event}: {error:?}") };
        let report = self.report(origin).await;
        assert_eq!((report.event(), report.id()), (Some(event), Some(&**id)));
    }

    /// Nothing else was reported, and all that was not called goes on: the same connection, others, a broadcast.
    async fn goes_on(&mut self) {
        for client in self.others.iter().chain([&self.client]) {
            let echoed = timeout(LIMIT, echo::call(client, "still here")).await.expect("an answer");
            assert_eq!(echoed.unwrap(), "still here");
        }
        self.others_go_on(self.others.len() + 1).await;
    }

    async fn others_go_on(&mut self, all: usize) {
        let before = self.heard.load(SeqCst);
        assert_eq!(everyone::call(&self.others[0]).await.unwrap(), all);
        for other in &self.others {
            // What comes after it on the same connection: then it has come, too.
            echo::call(other, String::new()).await.unwrap();
        }
        assert_eq!(self.heard.load(SeqCst) - before, self.others.len());
        if let Ok(report) = self.reports.try_recv() {
            panic!("{report}");
        }
    }
}
