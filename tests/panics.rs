//! Panics in the program's own code, one place after the other: each harms what was called, is reported, and nobody else
//! notices.
#![allow(missing_docs, clippy::assertions_on_constants)]

#[path = "../jidda-runtime/tests/support/http.rs"]
mod http;

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
use jidda::prelude::*;
use jidda::{
    Authenticator, Client, Cors, ErrorReport, FailureKind, FailureOrigin, Handshake, HeartbeatPolicy,
    Identity, Origins, PresenceEvent, Proxy, Pulse, ServerBuilder, testing,
};
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

impl jidda::handler::FromConnection for Broken {
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
async fn streams() -> impl jidda::Stream<Item = u8> {
    stream::iter(0..).map(|n: u8| if n < 2 { n } else { panic!("an item") })
}

#[on(app = Panicking)]
async fn streams_with_a_bomb() -> impl jidda::Stream<Item = u8> {
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
            let echoed = timeout(LIMIT, echo::call(client, "still here".into())).await.expect("an answer");
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

#[tokio::test]
async fn a_handler_fails_its_own_call() {
    use FailureOrigin::{Handler, Listener};
    let mut bench = Bench::new(|builder| builder).await;
    let root = bench.client.root();
    let guarded = bench.client.join("/guarded", &()).await.unwrap();
    bench.socket.on("listens", || async { assert!(false, "a listener") });
    bench.socket.on("listens_at_once", || -> Ready<()> { panic!("a listener, at once") });
    bench.socket.once("listens_once", || async { assert!(false, "a listener, once") });
    let events = [
        (&root, "at_once", Handler),
        (&root, "at_first", Handler),
        (&root, "later", Handler),
        (&root, "in_sequence", Handler),
        (&root, "on_the_pool", Handler),
        (&root, "takes", Handler),
        (&root, "replies", Handler),
        (&root, "fails", Handler),
        (&root, "emits", Handler),
        (&root, "broadcasts", Handler),
        (&root, "drops_at_its_end", Handler),
        (&root, "listens", Listener),
        (&root, "listens_at_once", Listener),
        (&root, "listens_once", Listener),
        (&guarded, "before", Handler),
        (&guarded, "after", Handler),
    ];
    for (socket, event, origin) in events {
        bench.fails(socket, event, origin).await;
        bench.goes_on().await;
    }
    let error = root.call::<()>("reads", &1).await.unwrap_err();
    assert!(matches!(error, CallError::Internal { .. }), "{error:?}");
    bench.report(Handler).await;
    bench.goes_on().await;
    // Of an event that wants no reply, the peer is told all the same.
    let (told, mut refused) = unbounded_channel();
    root.on_refused(move |event, error| drop(told.send((event.to_owned(), error.code().to_owned()))));
    bench.client.emit("later", &()).await.unwrap();
    assert_eq!(timeout(LIMIT, refused.recv()).await.unwrap(), Some(("later".into(), "internal".into())));
    bench.report(Handler).await;
    bench.goes_on().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_panic_of_its_item() {
    let mut bench = Bench::new(|builder| builder).await;
    let items: Vec<_> = bench.client.stream::<u8>("streams", &()).collect().await;
    assert!(matches!(items[..], [Ok(0), Ok(1), Err(CallError::Internal { .. })]), "{items:?}");
    assert_eq!(bench.report(FailureOrigin::Handler).await.event(), Some("streams"));
    bench.goes_on().await;
}

#[tokio::test]
async fn what_a_handler_holds_may_panic_whenever_it_is_dropped() {
    let mut bench = Bench::new(|builder| builder).await;
    let cancelled = bench.client.call::<()>("holds", &());
    assert!(timeout(Duration::from_millis(10), cancelled).await.is_err());
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("holds"));
    bench.goes_on().await;
    let late = bench.client.call::<()>("holds_too_long", &()).await.unwrap_err();
    assert!(late.is_timeout());
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("holds_too_long"));
    let report = bench.reports.recv().await.unwrap();
    assert_eq!((report.kind(), report.origin()), (FailureKind::Timeout, FailureOrigin::Handler));
    bench.goes_on().await;
    let mut items = bench.client.stream::<u8>("streams_with_a_bomb", &());
    assert_eq!(items.next().await, Some(Ok(1)));
    drop(items);
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("streams_with_a_bomb"));
    bench.goes_on().await;
    // A stream that has no place where it goes.
    bench.client.emit("streams_with_a_bomb", &()).await.unwrap();
    bench.goes_on().await;
    // An error goes with its report, to the log.
    let error = bench.client.call::<()>("fails_with_a_bomb", &()).await.unwrap_err();
    assert!(matches!(error, CallError::Internal { .. }), "{error:?}");
    let report = bench.reports.recv().await.unwrap();
    assert_eq!(report.kind(), FailureKind::Internal);
    std::mem::forget(report);
    bench.goes_on().await;
    // All of them at once, when the connection ends.
    bench.client.emit("holds", &()).await.unwrap();
    let mut items = bench.client.stream::<u8>("streams_with_a_bomb", &());
    assert_eq!(items.next().await, Some(Ok(1)));
    bench.client.disconnect().await;
    for _ in 0..2 {
        bench.report(FailureOrigin::Destructor).await;
    }
    bench.socket.closed().await;
    bench.others_go_on(bench.others.len()).await;
}

#[tokio::test]
async fn coming_and_going_fails_in_its_own_namespace() {
    let mut bench = Bench::new(|builder| builder.disconnect_timeout(Duration::from_millis(5))).await;
    let refused = bench.client.join("/closed", &()).await.unwrap_err();
    assert!(matches!(refused, CallError::Internal { .. }), "{refused:?}");
    assert_eq!(bench.report(FailureOrigin::Handler).await.event(), Some("connect"));
    bench.goes_on().await;
    bench.client.join("/left", &()).await.unwrap().disconnect();
    let report = bench.report(FailureOrigin::Handler).await;
    assert_eq!((report.event(), report.namespace()), (Some("disconnect"), "/left"));
    bench.goes_on().await;
    bench.client.join("/late", &()).await.unwrap().disconnect();
    assert_eq!(bench.report(FailureOrigin::Destructor).await.event(), Some("disconnect"));
    assert_eq!(bench.reports.recv().await.unwrap().kind(), FailureKind::Timeout);
    bench.goes_on().await;
    // What comes after a handler that panicked is done: the rooms are left, the values dropped.
    let left = bench.client.join("/left", &()).await.unwrap();
    let socket = bench.server.of("/left").sockets().remove(0);
    socket.join("room").await.unwrap();
    drop(socket.insert(Bomb));
    left.disconnect();
    bench.report(FailureOrigin::Handler).await;
    assert_eq!(bench.report(FailureOrigin::Destructor).await.namespace(), "/left");
    assert_eq!(bench.server.of("/left").to("room").count(), 0);
    bench.goes_on().await;
}

#[tokio::test]
async fn jobs_fail_by_themselves() {
    let mut bench = Bench::new(|builder| builder).await;
    let socket = bench.socket.clone();
    let line = line!() + 1;
    socket.spawn(async { panic!("a job") });
    let report = bench.report(FailureOrigin::Job).await;
    assert_eq!(report.location(), Some((file!(), line)));
    bench.goes_on().await;
    socket.spawn(async { Err::<(), _>(Sour) });
    bench.report(FailureOrigin::Job).await;
    bench.goes_on().await;
    let ticker = socket.every(Duration::from_millis(1), || async { panic!("a run") });
    for _ in 0..2 {
        bench.report(FailureOrigin::Job).await;
    }
    ticker.abort();
    while !ticker.is_finished() {
        tokio::task::yield_now().await;
    }
    while bench.reports.try_recv().is_ok() {}
    let bomb = Bomb;
    let job = socket.spawn(async move {
        let _bomb = bomb;
        pending::<()>().await;
    });
    job.abort();
    bench.report(FailureOrigin::Job).await;
    let bomb = Bomb;
    socket.after(LIMIT, async move { drop(bomb) });
    bench.goes_on().await;
    bench.client.disconnect().await;
    bench.report(FailureOrigin::Job).await;
    // One that is not started is dropped, too.
    let bomb = Bomb;
    assert!(socket.spawn(async move { drop(bomb) }).is_finished());
    bench.report(FailureOrigin::Job).await;
    bench.others_go_on(bench.others.len()).await;
}

#[tokio::test]
async fn every_value_is_dropped_and_each_that_panics_is_reported() {
    let mut bench = Bench::new(|builder| builder.session_linger(Duration::ZERO).state(Bomb)).await;
    let socket = bench.socket.clone();
    drop((socket.insert(Bomb), socket.insert(Another(Bomb))));
    drop(socket.connection_values().insert(Bomb));
    drop(socket.session().insert(Bomb));
    let bombs = [Bomb, Bomb, Bomb, Bomb];
    let [listener, hook, incoming, outgoing] = bombs;
    socket.on("heard", move || {
        let _bomb = &listener;
        async {}
    });
    socket.on_refused(move |_, _| {
        let _bomb = &hook;
    });
    socket.on_any(move |_, _| {
        let _bomb = &incoming;
    });
    socket.on_any_outgoing(move |_, _| {
        let _bomb = &outgoing;
    });
    bench.goes_on().await;
    bench.client.disconnect().await;
    for _ in 0..8 {
        bench.report(FailureOrigin::Destructor).await;
    }
    bench.others_go_on(bench.others.len()).await;
    // What the server was given goes with it.
    let Bench { client, server, socket: kept, others, mut reports, .. } = bench;
    for other in &others {
        other.disconnect().await;
    }
    server.shutdown(LIMIT).await;
    drop((client, server, socket, kept, others));
    let report = timeout(LIMIT, reports.recv()).await.unwrap().unwrap();
    assert_eq!((report.origin(), report.event()), (FailureOrigin::Destructor, Some("state")));
}

/// Keeps a bomb for as long as the server.
struct Explosives(#[allow(dead_code)] Bomb);

impl HeartbeatPolicy for Explosives {}

impl Authenticator for Explosives {
    async fn authenticate(&self, _: &Handshake) -> jidda::Result<Option<Identity>> {
        Ok(None)
    }
}

#[tokio::test]
async fn what_a_server_was_given_is_dropped_with_it_and_each_that_panics_is_reported() {
    let change = |builder: ServerBuilder| {
        let (check, request, headers, trust, service) = (Bomb, Bomb, Bomb, Bomb, Arc::new(Bomb));
        builder
            .heartbeat_policy(Explosives(Bomb))
            .authenticator(Explosives(Bomb))
            .allow_anonymous()
            .trust_identities_from(move |_| std::mem::size_of_val(&trust) > 0)
            .health("/alive", "/ready")
            .ready_check("disk", move || {
                let _bomb = &check;
                std::future::ready(Ok::<(), Error>(()))
            })
            .http_fallback(tower_of(service))
            .socket_io(move |resource| {
                resource
                    .allow_request(move |_| {
                        let _bomb = &request;
                        std::future::ready(Ok(()))
                    })
                    .headers(move |_, _| {
                        let _bomb = &headers;
                    })
            })
    };
    let bench = Bench::new(change).await;
    let listener = Bomb;
    bench.server.on("between", move || {
        let _bomb = &listener;
        std::future::ready(())
    });
    let Bench { client, server, socket, others, mut reports, .. } = bench;
    for other in others.iter().chain([&client]) {
        other.disconnect().await;
    }
    server.shutdown(LIMIT).await;
    drop((client, server, socket, others));
    let mut dropped = Vec::new();
    while let Some(report) = timeout(LIMIT, reports.recv()).await.expect("the hook goes last") {
        assert_eq!(
            (report.kind(), report.origin()),
            (FailureKind::Panic, FailureOrigin::Destructor),
            "{report}"
        );
        dropped.push(report.event().unwrap().to_owned());
    }
    dropped.sort();
    let hooks =
        ["allow_request", "authenticator", "between", "disk", "headers", "heartbeat policy", "http_fallback"];
    assert_eq!(dropped, [&hooks[..], &["trust_identities_from"]].concat());
}

/// A service that keeps a bomb.
fn tower_of(bomb: Arc<Bomb>) -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(async move || drop(Arc::clone(&bomb))))
}

#[tokio::test]
async fn an_observer_harms_neither_an_event_nor_a_broadcast() {
    let mut bench = Bench::new(|builder| builder).await;
    let seen = Arc::new(AtomicUsize::new(0));
    for is_first in [true, false] {
        let (incoming, outgoing) = (Arc::clone(&seen), Arc::clone(&seen));
        bench.socket.on_any(move |name, _| {
            incoming.fetch_add(1, SeqCst);
            assert!(!is_first || &**name != "echo" || incoming.load(SeqCst) > 2, "an observer");
        });
        bench.socket.on_any_outgoing(move |name, _| {
            outgoing.fetch_add(1, SeqCst);
            assert!(
                !is_first || &**name != "news" || outgoing.load(SeqCst) > 4,
                "an observer of what is sent"
            );
        });
    }
    assert_eq!(echo::call(&bench.client, "one".into()).await.unwrap(), "one");
    let report = bench.report(FailureOrigin::Listener).await;
    assert_eq!((report.event(), report.socket()), (Some("echo"), Some(&bench.socket)));
    assert_eq!(seen.load(SeqCst), 2, "the other observer saw it, too");
    let other = &bench.others[0];
    assert_eq!(everyone::call(other).await.unwrap(), bench.others.len() + 1);
    let report = bench.report(FailureOrigin::Listener).await;
    assert_eq!((report.event(), report.socket()), (Some("news"), Some(&bench.socket)));
    assert_eq!(seen.load(SeqCst), 4);
    bench.goes_on().await;
}

#[tokio::test]
async fn hooks_of_sockets_and_of_the_server_fail_by_themselves() {
    let mut bench = Bench::new(|builder| builder.authenticator(Named).allow_anonymous()).await;
    bench.socket.on_refused(|event, _| assert_ne!(event, "nobody_knows_this", "a hook"));
    bench.socket.emit("nobody_knows_this", &()).await.unwrap();
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("nobody_knows_this"));
    bench.goes_on().await;
    bench.server.on("between", || async { assert!(false, "a server's listener") });
    bench.server.on("between", || async { 7 });
    let replies = bench.server.server_call::<u8>("between", &()).await.unwrap();
    assert!(matches!(replies[..], [Err(CallError::Internal { .. }), Ok(7)]), "{replies:?}");
    assert_eq!(bench.report(FailureOrigin::Listener).await.event(), Some("between"));
    bench.goes_on().await;
    let (told, mut seen) = unbounded_channel();
    bench.server.presence().on_change(move |_, event| {
        let told = told.clone();
        async move {
            let _ = told.send(event.clone());
            assert!(!matches!(event, PresenceEvent::Joined(_)), "who comes");
        }
    });
    let address = bench.server.addresses()[0].to_string();
    let ada = Client::builder(address).credentials(&"ada").connect().await.unwrap();
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("presence"));
    ada.disconnect().await;
    for event in [PresenceEvent::Joined("ada".into()), PresenceEvent::Left("ada".into())] {
        assert_eq!(timeout(LIMIT, seen.recv()).await.unwrap(), Some(event));
    }
    bench.goes_on().await;
}

/// Whoever has a name; some names are not to be asked about.
struct Named;

impl Authenticator for Named {
    async fn authenticate(&self, handshake: &Handshake) -> jidda::Result<Option<Identity>> {
        let Some(name) = handshake.credentials.as_str() else { return Ok(None) };
        assert_ne!(name, "nobody", "an authenticator");
        if name == "slow" {
            let _bomb = Bomb;
            pending::<()>().await;
        }
        Ok(Some(Identity::new(name)))
    }
}

#[tokio::test]
async fn an_authenticator_keeps_out_whom_it_panics_at() {
    let limit = Duration::from_millis(300);
    let change =
        |builder: ServerBuilder| builder.authenticator(Named).allow_anonymous().handshake_timeout(limit);
    let mut bench = Bench::new(change).await;
    let address = bench.server.addresses()[0].to_string();
    let connect = |name: &'static str| Client::builder(&*address).credentials(&name).connect();
    assert!(connect("nobody").await.is_err());
    bench.report(FailureOrigin::Authenticator).await;
    bench.goes_on().await;
    assert!(connect("slow").await.is_err());
    bench.report(FailureOrigin::Destructor).await;
    bench.goes_on().await;
    assert!(connect("ada").await.is_ok());
}

#[tokio::test]
async fn who_decides_on_trust_denies_where_it_panics() {
    let change = |builder: ServerBuilder| {
        builder.authenticator(Named).allow_anonymous().trust_identities_from(|_| panic!("no trust"))
    };
    let mut bench = Bench::new(change).await;
    let address = bench.server.addresses()[0].to_string();
    let gateway = Client::builder(address).credentials(&"gateway").connect().await.unwrap();
    let proxy = Proxy::to(&gateway).pass_identity();
    let builder = Server::builder().handlers([]).proxy(proxy);
    let (client, _gateway) = testing::pair_with(builder, |client| client).await.unwrap();
    assert_eq!(client.call::<()>("later", &()).await.unwrap_err().code(), Some("denied"));
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("trust_identities_from"));
    assert_eq!(echo::call(&gateway, "for itself".into()).await.unwrap(), "for itself");
    gateway.disconnect().await;
    bench.goes_on().await;
}

#[cfg(feature = "noise")]
#[tokio::test]
async fn the_check_of_a_key_keeps_out_whom_it_panics_at() {
    use jidda::{KeyPair, NoiseClient, NoiseServer};
    let (own, good, bad) = (KeyPair::generate(), KeyPair::generate(), KeyPair::generate());
    let (public, refused) = (own.public(), bad.public());
    let check = move |key| async move {
        let _guard = (key == refused).then(|| Bomb);
        true
    };
    let change = |builder: ServerBuilder| {
        builder.noise(NoiseServer::new(own).clients_with(check)).listen("noise://127.0.0.1:0")
    };
    let mut bench = Bench::new(change).await;
    let address = bench.server.addresses()[1].to_string();
    let connect = |keys| Client::builder(&*address).noise(NoiseClient::new(keys, public)).connect();
    assert!(connect(bad).await.is_err());
    let client = connect(good).await.unwrap();
    assert_eq!(echo::call(&client, "still here".into()).await.unwrap(), "still here");
    client.disconnect().await;
    bench.goes_on().await;
}

/// Panics at whatever it is asked.
struct Arrhythmic;

impl HeartbeatPolicy for Arrhythmic {
    fn interval(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn alive(&self, _: &Pulse<'_>) {
        panic!("a policy");
    }
}

#[tokio::test]
async fn a_heartbeat_policy_leaves_the_clock_running() {
    let mut bench = Bench::new(|builder| builder.heartbeat_policy(Arrhythmic)).await;
    for _ in 0..10 {
        assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("heartbeat policy"));
    }
    for client in bench.others.iter().chain([&bench.client]) {
        assert_eq!(echo::call(client, "still here".into()).await.unwrap(), "still here");
    }
}

/// A service of the program's: what it does at which path.
fn service() -> axum::Router {
    use axum::routing::get;
    let body = || {
        Body::from_stream(stream::poll_fn(|_| -> Poll<Option<Result<Bytes, Infallible>>> {
            panic!("a body")
        }))
    };
    axum::Router::new()
        .route("/well", get(async || "well"))
        .route("/panics", get(async || -> &'static str { panic!("a service") }))
        .route("/body", get(async move || body()))
}

#[tokio::test]
async fn what_answers_requests_fails_one_of_them() {
    let change = |builder: ServerBuilder| {
        let check = || -> Ready<jidda::Result<()>> { panic!("a check") };
        let late = || async {
            let _bomb = Bomb;
            pending::<jidda::Result<()>>().await
        };
        builder
            .http_fallback(service())
            .health("/alive", "/ready")
            .ready_timeout(Duration::from_millis(5))
            .ready_check("panics", check)
            .ready_check("late", late)
            .socket_io(|resource| {
                resource
                    .allow_request(|parts| async move {
                        assert!(
                            parts.uri.query().is_some_and(|query| !query.contains("token=bad")),
                            "a hook"
                        );
                        Ok(())
                    })
                    .headers(|_, parts| {
                        assert!(!parts.headers.contains_key("x-panic"), "a hook for headers");
                    })
                    .origins(Origins::matching(|origin| {
                        assert_ne!(origin, "https://panic.example", "a hook for origins");
                        true
                    }))
                    .cors(Cors::origin("https://a.example"))
            })
    };
    let mut bench = Bench::new(change).await;
    let mut http = bench.http().await;
    assert_eq!(http.get("/panics").await.status, 500);
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("http_fallback"));
    // The same connection goes on.
    assert_eq!(http.get("/well").await.is(), (200, "well"));
    let mut other = bench.http().await;
    other.send("GET /body HTTP/1.1\r\nhost: a\r\n\r\n").await;
    other.rest().await;
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("http_fallback"));
    bench.goes_on().await;
    let answer = http.get("/ready").await;
    assert!(
        answer.status == 503 && answer.text().contains(r#""panics":{"ok":false,"code":"internal""#),
        "{answer:?}"
    );
    let mut origins = [
        bench.reports.recv().await.unwrap(),
        bench.reports.recv().await.unwrap(),
        bench.reports.recv().await.unwrap(),
    ]
    .map(|report| (report.event().unwrap().to_owned(), report.origin().as_str(), report.kind().as_str()));
    origins.sort();
    let name = |name: &str| name.to_owned();
    assert_eq!(
        origins,
        [
            (name("late"), "destructor", "panic"),
            (name("late"), "hook", "timeout"),
            (name("panics"), "hook", "panic")
        ]
    );
    let session = "/socket.io/?EIO=4&transport=polling";
    let answer = http.get(&format!("{session}&token=bad")).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("internal error"), "{answer:?}");
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("allow_request"));
    let answer = http.request("GET", session, &["x-panic: yes"], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(bench.report(FailureOrigin::Hook).await.event(), Some("headers"));
    let answer = http.request("GET", session, &["origin: https://panic.example", "cookie: a=b"], "").await;
    assert_eq!(answer.status, 403);
    assert_eq!(http.get(session).await.status, 200);
    bench.goes_on().await;
}

#[tokio::test]
async fn a_hook_for_errors_and_one_for_sockets_take_nothing_along() {
    let server = Server::builder().app::<Panicking>().on_error(|_| panic!("the hook for errors"));
    let (client, _server) = testing::pair_with(server, |client| client).await.unwrap();
    assert!(client.call::<()>("later", &()).await.is_err());
    assert_eq!(echo::call(&client, "still here".into()).await.unwrap(), "still here");
    let server = Server::builder().app::<Panicking>().listen("127.0.0.1:0");
    let error = server.configure_socket(|_| panic!("a hook for sockets")).start().await.unwrap_err();
    assert!(error.message().contains("a `configure_socket` hook panicked"), "{error}");
}

#[tokio::test]
async fn a_waker_that_panics_wakes_nobody_else_late() {
    struct Broken;
    impl Wake for Broken {
        fn wake(self: Arc<Self>) {
            panic!("a waker");
        }
    }
    let mut bench = Bench::new(|builder| builder).await;
    let (client, socket) = (bench.client.clone(), bench.socket.clone());
    let waker = Waker::from(Arc::new(Broken));
    let mut broken = Context::from_waker(&waker);
    // The waker is the one of a call and of who waits for a message, for an item, and for the end.
    let mut call = pin!(client.call::<String>("echo", "text").into_future());
    assert!(call.as_mut().poll(&mut broken).is_pending());
    let mut items = client.stream::<u8>("streams_with_a_bomb", &());
    assert!(items.poll_next_unpin(&mut broken).is_pending());
    let mut received = pin!(socket.recv::<u8>());
    assert!(received.as_mut().poll(&mut broken).is_pending());
    client.send(&1).await.unwrap();
    bench.goes_on().await;
    assert_eq!(call.await.unwrap(), "text");
    assert_eq!(received.await.unwrap(), 1);
    assert_eq!(items.next().await, Some(Ok(1)));
    std::mem::forget(items);
    let mut closed = pin!(socket.closed());
    assert!(closed.as_mut().poll(&mut broken).is_pending());
    let also = socket.clone();
    let also = tokio::spawn(async move { also.closed().await });
    tokio::task::yield_now().await;
    client.disconnect().await;
    timeout(LIMIT, also).await.unwrap().unwrap();
    bench.report(FailureOrigin::Destructor).await;
    bench.others_go_on(bench.others.len()).await;
}
