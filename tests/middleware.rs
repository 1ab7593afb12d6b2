//! Middleware: both forms, in order, for all or for one namespace, around `connect` too.
#![allow(missing_docs)]

use std::sync::Mutex;

use jidda::middleware::{Call, Next};
use jidda::prelude::*;
use jidda::{Error, State, testing};

/// What ran, in order. Each test has an app, and with it a journal, of its own.
#[derive(Default)]
struct Journal(Mutex<Vec<String>>);

impl Journal {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Ordered;

#[middleware(app = Ordered, order = 2)]
async fn inner(call: Call, next: Next) -> Reply {
    call.state::<Journal>().unwrap().write(format!("inner {}", call.event()));
    next.run(call).await
}

#[middleware(app = Ordered, order = 1)]
async fn outer(call: Call, next: Next) -> Reply {
    let journal = call.state::<Journal>().unwrap().clone();
    journal.write(format!("outer {}", call.event()));
    let reply = next.run(call).await;
    journal.write(format!("outer saw {}", if reply.is_ok() { "a value" } else { "a failure" }));
    reply
}

#[middleware(app = Ordered, namespace = "/quiet")]
async fn only_there(call: Call, next: Next) -> Reply {
    call.state::<Journal>().unwrap().write("quiet");
    next.run(call).await
}

#[on(app = Ordered)]
async fn touch(journal: &State<Journal>) {
    journal.write("touch");
}

#[on("touch", app = Ordered, namespace = "/quiet")]
async fn touch_quietly() {}

#[tokio::test]
async fn they_run_in_order_around_every_event() {
    let builder = Server::builder().app::<Ordered>().state(Journal::default());
    let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
    touch::call(&client).await.unwrap();
    assert!(client.call::<()>("nothing", &()).await.is_err());
    let lines = server.state::<Journal>().unwrap().lines();
    assert_eq!(
        lines,
        [
            "outer connect",
            "inner connect",
            "outer saw a value",
            "outer touch",
            "inner touch",
            "touch",
            "outer saw a value",
            "outer nothing",
            "inner nothing",
            "outer saw a failure"
        ]
    );
}

#[tokio::test]
async fn one_of_a_namespace_runs_only_there() {
    let builder = Server::builder().app::<Ordered>().state(Journal::default());
    let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
    let quiet = client.join("/quiet", &()).await.unwrap();
    touch_quietly::call(&quiet).await.unwrap();
    let lines = server.state::<Journal>().unwrap().lines();
    assert_eq!(lines.iter().filter(|line| *line == "quiet").count(), 2, "{lines:?}");
}

struct Guarded;

#[middleware(app = Guarded)]
fn gate(call: &Call) -> jidda::Result<()> {
    match call.event() {
        "connect" if call.argument::<String>().ok().as_deref() != Some("sesame") => {
            Err(Error::new("unauthorized", "say the word").with_data("hint"))
        }
        "secret" => Err(Error::new("denied", "nobody may")),
        _ => Ok(()),
    }
}

#[on(app = Guarded)]
async fn open() -> u8 {
    1
}

#[on(app = Guarded)]
async fn secret() -> u8 {
    2
}

#[tokio::test]
async fn one_that_runs_before_can_refuse_a_connection_and_a_call() {
    let builder = || Server::builder().app::<Guarded>();
    let refused = testing::pair_with(builder(), |client| client).await.unwrap_err();
    assert!(refused.message().contains("say the word"), "{refused}");
    let (client, _server) = testing::pair_with(builder(), |client| client.auth(&"sesame")).await.unwrap();
    assert_eq!(open::call(&client).await.unwrap(), 1);
    assert_eq!(secret::call(&client).await.unwrap_err().code(), Some("denied"));
}

#[tokio::test]
async fn it_runs_around_listeners_and_bare_messages_too() {
    let builder = Server::builder().app::<Guarded>();
    let (client, server) = testing::pair_with(builder, |client| client.auth(&"sesame")).await.unwrap();
    let socket = server.sockets().pop().unwrap();
    socket.on("secret", || async { 3 });
    socket.on("shared", || async { 4 });
    assert_eq!(client.call::<u8>("secret", &()).await.unwrap_err().code(), Some("denied"));
    assert_eq!(client.call::<u8>("shared", &()).await.unwrap(), 4);
    client.send(&"hello").await.unwrap();
    assert_eq!(socket.recv::<String>().await.unwrap(), "hello");
}

struct Replacing;

#[middleware(app = Replacing)]
async fn answer_in_its_place(call: Call, next: Next) -> Reply {
    if call.event() == "cached" {
        return Reply::value(&"from the cache", jidda::payload::Encoding::MessagePack);
    }
    next.run(call).await
}

#[on(app = Replacing)]
async fn cached() -> String {
    unreachable!("the middleware answers")
}

#[tokio::test]
async fn one_can_answer_instead_of_the_handler() {
    let builder = Server::builder().app::<Replacing>();
    let (client, _server) = testing::pair_with(builder, |client| client).await.unwrap();
    assert_eq!(cached::call(&client).await.unwrap(), "from the cache");
}
