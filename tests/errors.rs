//! What fails in the program's own code: what the peer is told, and what the program.
#![allow(missing_docs)]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jidda::payload::Value;
use jidda::prelude::*;
use jidda::report::{ErrorReport, FailureKind, FailureOrigin};
use jidda::server::ServerBuilder;
use jidda::{Client, Error, testing};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

struct Failing;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Denial {
    Empty,
    TooLong { limit: u32 },
}

#[derive(Debug)]
struct Disk;

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk\nis full")
    }
}

impl std::error::Error for Disk {}

#[derive(Debug)]
struct Save(Disk);

impl fmt::Display for Save {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot save")
    }
}

impl std::error::Error for Save {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[on("connect", app = Failing)]
async fn enter(word: Option<String>) -> jidda::Result<()> {
    match word.as_deref() {
        Some("secret") => Err(Save(Disk).into()),
        Some("stranger") => Err(Error::new("stranger", "who are you")),
        _ => Ok(()),
    }
}

#[on("disconnect", app = Failing)]
async fn leave(_socket: &Socket) {
    panic!("cannot part");
}

#[on(app = Failing)]
async fn save() -> jidda::Result<u8> {
    Err(Save(Disk))?;
    Ok(1)
}

#[on(app = Failing)]
async fn crash() {
    tokio::task::yield_now().await;
    panic!("the secret is {}", 42);
}

#[on(app = Failing)]
async fn deny(length: u32) -> Result<(), Denial> {
    Err(if length == 0 { Denial::Empty } else { Denial::TooLong { limit: 3 } })
}

#[on(app = Failing, timeout = "5ms")]
async fn hang() {
    std::future::pending::<()>().await;
}

struct Reports(UnboundedReceiver<ErrorReport>);

impl Reports {
    async fn next(&mut self) -> ErrorReport {
        timeout(LIMIT, self.0.recv()).await.expect("a report").expect("the hook lives")
    }
}

fn hook() -> (impl Fn(&ErrorReport) + Send + Sync + 'static, Reports) {
    let (reports, seen): (UnboundedSender<_>, _) = unbounded_channel();
    (move |report: &ErrorReport| drop(reports.send(report.clone())), Reports(seen))
}

fn builder() -> (ServerBuilder, Reports) {
    let (hook, reports) = hook();
    (Server::builder().app::<Failing>().on_error(hook), reports)
}

async fn pair() -> (Client, Server, Reports) {
    let (builder, reports) = builder();
    let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
    (client, server, reports)
}

#[tokio::test]
async fn an_internal_error_is_an_id_to_the_peer_and_all_of_it_to_the_hook() {
    let (client, server, mut reports) = pair().await;
    let Err(CallError::Internal { id }) = client.call::<u8>("save", &()).await else {
        panic!("not internal")
    };
    let report = reports.next().await;
    assert_eq!((report.kind(), report.origin()), (FailureKind::Internal, FailureOrigin::Handler));
    assert_eq!(report.id(), Some(&*id));
    assert_eq!((report.namespace(), report.event()), ("/", Some("save")));
    assert_eq!(report.chain(), ["cannot save", "the disk\nis full"]);
    assert!(report.source().unwrap().is::<Save>());
    assert_eq!(report.entry().unwrap().event(), "save");
    assert_eq!(report.location().unwrap().0, file!());
    assert_eq!(report.socket().as_ref(), server.sockets().first());
    let line = report.to_string();
    assert!(!line.contains('\n') && line.contains(&id) && line.contains("the disk\\nis full"), "{line}");
}

#[tokio::test]
async fn a_panic_leaks_no_text() {
    let (client, _server, mut reports) = pair().await;
    let error = client.call::<()>("crash", &()).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Internal { .. }) && !format!("{error:?}").contains("42"),
        "{error:?}"
    );
    let report = reports.next().await;
    assert_eq!(report.kind(), FailureKind::Panic);
    assert_eq!(report.chain(), ["panic: the secret is 42"]);
}

#[tokio::test]
async fn an_error_of_the_handlers_own_arrives_as_itself_and_is_seen() {
    let (client, _server, mut reports) = pair().await;
    let error = deny::call(&client, 0).await.unwrap_err();
    assert_eq!(error, CallError::App(Denial::Empty));
    let report = reports.next().await;
    assert_eq!((report.kind(), report.code()), (FailureKind::App, "Empty"));
    let error = deny::call(&client, 5).await.unwrap_err();
    assert_eq!(error, CallError::App(Denial::TooLong { limit: 3 }));
    assert!(reports.next().await.data().unwrap().to_string().contains("limit"));
}

#[tokio::test]
async fn a_peer_that_knows_no_type_gets_code_message_and_data() {
    let (client, _server, mut reports) = pair().await;
    let error = client.call::<()>("deny", &0).await.unwrap_err();
    assert_eq!(error, CallError::App(Value::from("Empty")));
    assert_eq!(reports.next().await.kind(), FailureKind::App);
    let refused = client.call::<()>("deny", "text").await.unwrap_err();
    assert_eq!(refused.code(), Some("bad_arguments"));
    let report = reports.next().await;
    assert_eq!((report.kind(), report.code()), (FailureKind::Refused, "bad_arguments"));
}

#[tokio::test]
async fn a_timed_out_event_is_reported_and_an_unhandled_one_is_not() {
    let (client, _server, mut reports) = pair().await;
    assert_eq!(client.call::<()>("nothing", &()).await.unwrap_err().code(), Some("not_found"));
    assert!(hang::call(&client).await.unwrap_err().is_timeout());
    let report = reports.next().await;
    assert_eq!((report.kind(), report.event()), (FailureKind::Timeout, Some("hang")));
}

#[tokio::test]
async fn connect_and_disconnect_are_seen() {
    let (builder, mut reports) = builder();
    let server = builder.listen("mem:errors-connect").start().await.unwrap();
    for (word, kind) in [("secret", FailureKind::Internal), ("stranger", FailureKind::Refused)] {
        let refused = Client::builder("mem:errors-connect").auth(&word).connect().await.unwrap_err();
        assert!(!refused.to_string().contains("disk"), "{refused}");
        let report = reports.next().await;
        assert_eq!((report.kind(), report.event()), (kind, Some("connect")));
    }
    let client = Client::connect("mem:errors-connect").await.unwrap();
    client.disconnect().await;
    let report = reports.next().await;
    assert_eq!((report.kind(), report.event()), (FailureKind::Panic, Some("disconnect")));
    drop(server);
}

#[tokio::test]
async fn closures_hooks_and_server_events_are_seen() {
    let (client, server, mut reports) = pair().await;
    let socket = server.sockets().pop().unwrap();
    socket.on("late", |n: u8| async move { assert_ne!(n, 1, "a listener") });
    assert!(client.call::<()>("late", &1).await.is_err());
    let report = reports.next().await;
    assert_eq!((report.origin(), report.kind()), (FailureOrigin::Listener, FailureKind::Panic));
    socket.on_refused(|_, _| panic!("a hook"));
    socket.emit("unheard", &()).await.unwrap();
    let report = reports.next().await;
    assert_eq!((report.origin(), report.event()), (FailureOrigin::Hook, Some("unheard")));
    socket.on("reload", || async { Reply::error(Save(Disk)) });
    assert!(client.call::<()>("reload", &()).await.is_err());
    let report = reports.next().await;
    assert_eq!((report.origin(), report.event()), (FailureOrigin::Listener, Some("reload")));
    assert_eq!(report.chain().len(), 2);
}

#[tokio::test]
async fn jobs_are_seen_with_the_line_that_started_them() {
    let (_client, server, mut reports) = pair().await;
    let socket = server.sockets().pop().unwrap();
    let line = line!() + 1;
    socket.spawn(async { Err::<(), Error>(Save(Disk).into()) });
    let report = reports.next().await;
    assert_eq!((report.kind(), report.origin()), (FailureKind::Internal, FailureOrigin::Job));
    assert_eq!(report.location(), Some((file!(), line)));
    assert_eq!((report.event(), report.socket().as_ref()), (None, Some(&socket)));
    socket.spawn(async { panic!("a job") });
    assert_eq!(reports.next().await.kind(), FailureKind::Panic);
}

#[tokio::test]
async fn a_hook_that_panics_takes_nothing_along() {
    let builder = Server::builder().app::<Failing>().on_error(|report| panic!("{report}"));
    let (client, _server) = testing::pair_with(builder, |client| client).await.unwrap();
    assert!(client.call::<u8>("save", &()).await.is_err());
    assert!(client.call::<u8>("save", &()).await.is_err());
}

struct Failed;

#[on("ask", app = Failed, side = client)]
async fn ask() -> jidda::Result<u8> {
    Err(Save(Disk))?;
    Ok(1)
}

#[tokio::test]
async fn a_client_has_the_same_hook() {
    let (hook, mut reports) = hook();
    let hook = Arc::new(hook);
    let (client, server) = testing::pair_with(Server::builder().app::<Failed>(), |client| {
        client.app::<Failed>().on_error(move |report| hook(report))
    })
    .await
    .unwrap();
    let socket = server.sockets().pop().unwrap();
    assert!(matches!(socket.call::<u8>("ask", &()).await, Err(CallError::Internal { .. })));
    assert_eq!(reports.next().await.event(), Some("ask"));
    drop(client);
}
