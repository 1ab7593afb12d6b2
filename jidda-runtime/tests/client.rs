//! The client against the server, over closures and hand-written entries.
#![allow(missing_docs)]

use std::time::Duration;

use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Location, Reply};
use jidda_runtime::{
    Backoff, CallError, Client, ClientEvent, DisconnectReason, Encoding, Error, Identity, Server, Value,
    testing,
};

const HERE: Location = Location { file: file!(), line: 1, module: module_path!(), package: "test" };
const SECOND: Duration = Duration::from_secs(1);

fn echo(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let text: Value = match arguments.reader(&["text"]).and_then(|mut reader| reader.take()) {
        Ok(text) => text,
        Err(error) => return Dispatch::refused(error),
    };
    Dispatch::future(async move { Reply::value(&text, Encoding::MessagePack) })
}

fn never(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::future(std::future::pending())
}

/// Answers each message with itself, from inside the `connect` handler.
fn converse(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    Dispatch::future(async move {
        let socket = context.socket().expect("a socket");
        socket.send(&"welcome").await.unwrap();
        while let Ok(message) = socket.recv::<Value>().await {
            socket.send(&message).await.unwrap();
        }
        Reply::value(&(), Encoding::MessagePack)
    })
}

fn guard(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let name: String = match arguments.reader(&["name"]).and_then(|mut reader| reader.take()) {
        Ok(name) => name,
        Err(error) => return Dispatch::refused(error),
    };
    Dispatch::future(async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if name == "mallory" {
            return Reply::error(Error::new("banned", "go away").with_data(7));
        }
        context.socket().expect("a socket").identify(&name).expect("nobody else is refused");
        Reply::value(&(), Encoding::MessagePack)
    })
}

fn whoami(context: &Context, _: Arguments<'_>) -> Dispatch {
    let socket = context.socket().expect("a socket");
    Dispatch::Ready(Reply::value(&socket.identity().as_ref().map(Identity::name), Encoding::MessagePack))
}

static ECHO: HandlerEntry = HandlerEntry::new("echo", echo, HERE);
static NEVER: HandlerEntry = HandlerEntry::new("never", never, HERE);
static CONVERSE: HandlerEntry = HandlerEntry::new("connect", converse, HERE).namespaced("/talk");
static GUARD: HandlerEntry = HandlerEntry::new("connect", guard, HERE).namespaced("/guarded");
static WHOAMI: HandlerEntry = HandlerEntry::new("whoami", whoami, HERE).namespaced("/guarded");

async fn pair() -> (Client, Server) {
    let builder = Server::builder().handlers([&ECHO, &NEVER, &CONVERSE, &GUARD, &WHOAMI]);
    testing::pair_with(builder, |client| client).await.unwrap()
}

#[tokio::test]
async fn calls_go_both_ways() {
    let (client, server) = pair().await;
    assert_eq!(client.call::<String>("echo", &"hi").await.unwrap(), "hi");
    client.on("double", |n: i64| async move { n * 2 });
    let replies = server.call::<i64>("double", &21).timeout(SECOND).await.unwrap();
    assert_eq!(replies.len(), 1);
    assert_eq!(*replies[0].1.as_ref().unwrap(), 42);
}

#[tokio::test]
async fn a_late_call_times_out_and_a_lost_one_is_disconnected() {
    let (client, server) = pair().await;
    let call = client.call::<()>("never", &()).timeout(Duration::from_millis(20));
    assert!(call.await.unwrap_err().is_timeout());
    let pending = tokio::spawn({
        let client = client.clone();
        async move { client.call::<()>("never", &()).await }
    });
    while server.count() == 0 {
        tokio::task::yield_now().await;
    }
    // The call is written once a later one was answered.
    client.call::<u8>("echo", &1).await.unwrap();
    server.of("/").close();
    assert_eq!(pending.await.unwrap(), Err(CallError::Disconnected { maybe_executed: true }));
}

#[tokio::test]
async fn messages_are_pulled_from_a_connect_handler() {
    let (client, _server) = pair().await;
    let talk = client.join("/talk", &()).await.unwrap();
    assert_eq!(talk.recv::<String>().await.unwrap(), "welcome");
    talk.send(&7).await.unwrap();
    assert_eq!(talk.recv::<i32>().await.unwrap(), 7);
}

#[tokio::test]
async fn a_refused_namespace_says_why_and_can_be_tried_again() {
    let (client, server) = pair().await;
    let error = client.join("/guarded", &"mallory").await.unwrap_err();
    let CallError::Refused { code, message, data, .. } = error else { panic!("{error}") };
    assert_eq!((code.as_str(), message.as_str(), data), ("banned", "go away", Some(7.into())));
    let missing = client.join("/guarded", &()).await.unwrap_err();
    assert_eq!(missing.code(), Some("bad_arguments"));
    let nowhere = client.join("/nowhere", &()).await.unwrap_err();
    assert_eq!(nowhere.code(), Some("not_found"));
    let guarded = client.join("/guarded", &"alice").await.unwrap();
    assert_eq!(guarded.call::<String>("whoami", &()).await.unwrap(), "alice");
    assert_eq!(server.user("alice").count(), 1);
    assert_eq!(server.of("/guarded").count(), 1);
    guarded.disconnect();
    assert_eq!(guarded.closed().await, DisconnectReason::ClientDisconnect);
    while server.user("alice").count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joined_namespace_can_be_used_at_once() {
    let (client, _server) = pair().await;
    // The one who joins and the connection that reads the answer run side by side: a race that needs tries.
    for _ in 0..100 {
        let guarded = client.join("/guarded", &"alice").await.unwrap();
        assert_eq!(guarded.call::<String>("whoami", &()).await.unwrap(), "alice");
        guarded.disconnect();
        guarded.closed().await;
    }
}

#[tokio::test]
async fn a_join_that_was_given_up_can_be_tried_again() {
    let (client, server) = pair().await;
    // The guard takes its time.
    let join = client.join("/guarded", &"alice");
    tokio::time::timeout(Duration::from_millis(1), join).await.unwrap_err();
    let guarded = client.join("/guarded", &"bob").await.unwrap();
    assert_eq!(guarded.call::<String>("whoami", &()).await.unwrap(), "bob");
    assert_eq!(server.of("/guarded").count(), 1);
}

#[tokio::test]
async fn a_client_reconnects_with_its_namespaces() {
    let listen = || Server::builder().listen("mem:comes-back").handlers([&ECHO, &GUARD, &WHOAMI]).start();
    let first = listen().await.unwrap();
    let client = Client::builder("mem:comes-back")
        .reconnect(Backoff::default().first(Duration::from_millis(5)))
        .connect()
        .await
        .unwrap();
    let guarded = client.join("/guarded", &"alice").await.unwrap();
    let mut events = client.events();
    first.shutdown(SECOND).await;
    drop(first);
    assert_eq!(events.next().await, Some(ClientEvent::Disconnected(DisconnectReason::ServerShuttingDown)));
    assert!(matches!(client.call::<u8>("echo", &1).await, Err(error) if error.is_disconnected()));
    // Buffered, by default, until there is a connection again.
    client.emit("echo", &1).await.unwrap();
    let second = listen().await.unwrap();
    loop {
        match events.next().await.unwrap() {
            ClientEvent::Reconnected => break,
            ClientEvent::Reconnecting { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(guarded.call::<String>("whoami", &()).await.unwrap(), "alice");
    assert_eq!(second.user("alice").count(), 1);
    client.disconnect().await;
    assert_eq!(client.closed().await, DisconnectReason::ClientDisconnect);
}

#[tokio::test]
async fn an_unreachable_server_is_an_error_with_the_address() {
    let error = Client::connect("127.0.0.1:1").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect to tcp://127.0.0.1:1");
    let error = Error::from(error);
    assert!(error.to_string().starts_with("cannot connect to tcp://127.0.0.1:1: "), "{error}");
    let error = Client::connect("localhost").await.unwrap_err();
    assert!(error.to_string().contains("the port is missing"), "{error}");
}
