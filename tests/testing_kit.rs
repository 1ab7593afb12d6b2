//! The testing kit: several clients with identities and handshakes of a test's choice, only the handlers that are named, what is
//! sent, and a clock that expires credentials.
#![allow(missing_docs)]

use std::time::Duration;

use jidda::State;
use jidda::auth::{Identity, Jwt, Password};
use jidda::client::{ClientBuilder, ClientEvent};
use jidda::error::StartProblem;
use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::testing::{self, Recorder, SocketIoError, TestServer};
use serde_json::{Value, json};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Board {
    title: String,
}

#[namespace("/")]
impl Board {
    #[on]
    async fn title(&self) -> String {
        self.title.clone()
    }

    #[on]
    async fn post(&self, socket: &Socket, text: String) -> jidda::Result<usize> {
        socket.join("readers").await?;
        Ok(socket.to("readers").emit("posted", &("board", text)).await?)
    }

    #[on(allow = "editor")]
    async fn erase(&self, identity: &Identity) -> String {
        format!("erased by {identity}")
    }
}

/// Of another test: it is linked into this program, has the same events, and cannot be made without its state.
struct Other(#[allow(dead_code)] u8);

#[namespace("/")]
impl Other {
    #[on]
    async fn title(&self, missing: &State<u128>) -> String {
        missing.to_string()
    }
}

#[on]
async fn stray() {}

#[on]
async fn shown(handshake: &Handshake) -> Vec<String> {
    let header = handshake.headers.get("x-tenant").and_then(|value| value.to_str().ok());
    let mut shown = vec![header.unwrap_or_default().to_owned()];
    shown.extend(handshake.query.iter().map(|(name, value)| format!("{name}={value}")));
    shown.push(handshake.auth.to_string());
    shown
}

#[on]
async fn name(identity: &Identity) -> String {
    identity.name().to_owned()
}

struct Greeter;

#[namespace("/", side = client)]
impl Greeter {
    #[on]
    async fn greet(&self) -> String {
        "hello".into()
    }
}

#[tokio::test]
async fn only_what_is_named_is_served() {
    let server = TestServer::builder()
        .service(Board { title: "plans".into() })
        .handlers([shown::handler()])
        .start()
        .await
        .unwrap();
    let client = server.connect().await.unwrap();
    assert_eq!(BoardClient::new(&client).title().await.unwrap(), "plans");
    assert!(shown::call(&client).await.is_ok());
    assert_eq!(stray::call(&client).await.unwrap_err().code(), Some("not_found"));
    assert_eq!(server.handlers().handlers().count(), 4);

    // Named twice is once: as a service, and by a handler of it.
    let method = server.handlers().handlers().find(|entry| entry.event() == "title").unwrap();
    let twice = TestServer::builder().service(Board::default()).handlers([method]).start().await.unwrap();
    assert_eq!(twice.handlers().handlers().count(), 3);

    let problems = TestServer::start(Other(1)).await.unwrap_err();
    assert!(matches!(problems.problems(), [StartProblem::MissingState { .. }]), "{problems}");
    let empty = TestServer::builder().start().await.unwrap();
    assert_eq!(empty.handlers().handlers().count(), 0);
}

#[tokio::test]
async fn clients_have_the_identity_and_permissions_of_the_tests_choice() {
    let server = TestServer::start(Board::default()).await.unwrap();
    let ed = server.client_as("ed", ["editor"]).await.unwrap();
    let ann = server.client_as("ann", ["reader"]).await.unwrap();
    let guest = server.connect().await.unwrap();
    assert_eq!(server.count(), 3);
    assert_eq!(BoardClient::new(&ed).erase().await.unwrap(), "erased by ed");
    for client in [&ann, &guest] {
        assert_eq!(BoardClient::new(client).erase().await.unwrap_err().code(), Some("denied"));
    }
    assert_eq!(server.presence().names().iter().map(|name| &**name).collect::<Vec<_>>(), ["ann", "ed"]);
    assert_eq!(server.socket(&ed).identity().unwrap().name(), "ed");
    assert!(server.socket(&guest).identity().is_none());
}

#[tokio::test]
async fn the_servers_own_authenticator_is_asked_for_all_others() {
    let passwords = Password::new(async |user: String, password: String| {
        Ok((user == password).then(|| Identity::new(user)))
    });
    let server = TestServer::builder()
        .handlers([name::handler()])
        .configure(|builder| builder.authenticator(passwords))
        .start()
        .await
        .unwrap();
    let chosen = server.client_as("ed", ["editor"]).await.unwrap();
    assert_eq!(name::call(&chosen).await.unwrap(), "ed");
    let login = |password| [("user", "ann"), ("password", password)].into_iter().collect();
    let login = |password| -> std::collections::BTreeMap<&str, &str> { login(password) };
    let proved = server.client().credentials(&login("ann")).connect().await.unwrap();
    assert_eq!(name::call(&proved).await.unwrap(), "ann");
    assert!(server.client().credentials(&login("wrong")).connect().await.is_err());
    assert!(server.connect().await.is_err(), "the server lets nobody in without credentials");
}

#[tokio::test]
async fn a_handshake_has_the_headers_query_and_auth_of_the_tests_choice() {
    let server = TestServer::builder().handlers([shown::handler()]).start().await.unwrap();
    let client = server
        .client()
        .header("x-tenant", "acme")
        .query("room", "a b&c")
        .query("room", "d")
        .auth(&7)
        .connect()
        .await
        .unwrap();
    assert_eq!(shown::call(&client).await.unwrap(), ["acme", "room=a b&c", "room=d", "7"]);
    let plain = server.connect().await.unwrap();
    assert_eq!(shown::call(&plain).await.unwrap(), ["", "nil"]);
}

#[tokio::test]
async fn a_client_runs_the_services_that_it_is_given() {
    let server = TestServer::builder().start().await.unwrap();
    let client = server.client().service(Greeter).connect().await.unwrap();
    assert_eq!(GreeterClient::new(&server.socket(&client)).greet().await.unwrap(), "hello");
    let other = server.connect().await.unwrap();
    let refused = GreeterClient::new(&server.socket(&other)).greet().await.unwrap_err();
    assert_eq!(refused.code(), Some("not_found"));
}

#[tokio::test]
async fn a_handler_is_called_directly_with_a_socket() {
    let socket = testing::socket().await.unwrap();
    let reader = socket.server().connect().await.unwrap();
    let reader = socket.server().socket(&reader);
    reader.join("readers").await.unwrap();
    let own = Recorder::of(&socket);
    let readers = Recorder::of_selection(&socket.server().to("readers"));

    let board = Board::default();
    assert_eq!(board.post(&socket, "first".into()).await.unwrap(), 1);
    readers.assert_emitted("posted", &("board", "first"));
    own.assert_not_emitted("posted");
    assert_eq!(readers.events()[0].recipient(), reader.id());
    assert!(socket.client().root().is_connected());

    let ed = testing::socket_as(Identity::new("ed").with_permission("editor")).await.unwrap();
    assert!(ed.allows("editor"));
    assert_eq!(board.erase(&ed.identity().unwrap()).await, "erased by ed");
}

#[tokio::test]
async fn what_was_sent_is_recorded_in_order_and_read_by_type() {
    let server = TestServer::builder().start().await.unwrap();
    let client = server.connect().await.unwrap();
    let socket = server.socket(&client);
    let recorder = Recorder::of(&socket);
    socket.emit("none", &()).await.unwrap();
    socket.emit("one", &21).await.unwrap();
    server.emit("two", &("a", 2)).await.unwrap();
    socket.emit("list", &vec!["a"]).await.unwrap();
    let names: Vec<_> = recorder.events().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["none()", "one(21)", r#"two("a", 2)"#, r#"list(["a"])"#]);
    recorder.assert_emitted("none", &());
    recorder.assert_emitted("one", &21);
    recorder.assert_emitted("two", &("a", 2));
    let events = recorder.events();
    events[0].decode::<()>().unwrap();
    assert_eq!(events[1].decode::<(u8,)>().unwrap(), (21,));
    assert!(events[1].decode::<String>().is_err());
    assert_eq!(recorder.take::<(String, u8)>("two"), [("a".to_owned(), 2)]);
    assert_eq!(recorder.take::<Vec<String>>("list"), [["a"]]);
    recorder.assert_not_emitted("two");
    recorder.clear();
    assert!(recorder.events().is_empty());

    let late = socket.spawn({
        let socket = socket.clone();
        async move { socket.emit("late", &1).await }
    });
    assert_eq!(timeout(LIMIT, recorder.wait_for("late")).await.unwrap().decode::<u8>().unwrap(), 1);
    drop((late, recorder));
    let again = Recorder::of(&socket);
    again.assert_not_emitted("late");
}

#[tokio::test]
#[should_panic(expected = "posted(\"hello\") was not emitted; these were:\n    posted(\"hallo\") to ")]
async fn a_failed_assertion_lists_what_was_sent() {
    let socket = testing::socket().await.unwrap();
    let recorder = Recorder::of(&socket);
    socket.emit("posted", &"hallo").await.unwrap();
    recorder.assert_emitted("posted", &"hello");
}

#[tokio::test]
#[should_panic(expected = "posted(\"hello\") was not emitted; nothing was")]
async fn a_failed_assertion_says_that_nothing_was_sent() {
    let socket = testing::socket().await.unwrap();
    Recorder::of(&socket).assert_emitted("posted", &"hello");
}

#[tokio::test(start_paused = true)]
async fn credentials_expire_with_the_clock_of_tokio() {
    let server = TestServer::builder().handlers([name::handler()]).start().await.unwrap();
    let hour = Duration::from_secs(3600);
    let begun = (server.now(), std::time::Instant::now());
    let ada = Identity::new("ada").with_expiry(server.now() + hour);
    let client = server.client().identity(ada.clone()).connect().await.unwrap();
    let mut events = client.events();
    let socket = server.socket(&client);
    tokio::time::sleep(Duration::from_secs(3540)).await;
    assert_eq!(name::call(&client).await.unwrap(), "ada");
    assert!(socket.is_connected());

    assert_eq!(socket.closed().await, DisconnectReason::CredentialsExpired);
    assert!(server.now() >= begun.0 + hour);
    assert!(begun.1.elapsed() < Duration::from_secs(600), "the time is paused");
    // It was notified before.
    while !matches!(events.next().await.expect("it is disconnected"), ClientEvent::Disconnected(_)) {}
    // Nor are they let in again.
    assert!(server.client().identity(ada).connect().await.is_err());
}

/// As for a program's own authenticator: `pair_with` has the same clock.
#[tokio::test(start_paused = true)]
async fn credentials_expire_in_a_pair_as_well() {
    let expiry = std::time::SystemTime::now() + Duration::from_secs(1200);
    let known = Password::new(move |user: String, _: String| async move {
        Ok(Some(Identity::new(user).with_expiry(expiry)))
    });
    let builder = Server::builder().handlers([name::handler()]).authenticator(known);
    let login: std::collections::BTreeMap<_, _> = [("user", "ada"), ("password", "x")].into_iter().collect();
    let (client, server) =
        testing::pair_with(builder, |client| client.credentials(&login).no_reconnect()).await.unwrap();
    assert_eq!(name::call(&client).await.unwrap(), "ada");
    let socket = server.sockets().pop().unwrap();
    assert_eq!(socket.closed().await, DisconnectReason::CredentialsExpired);
}

#[tokio::test(start_paused = true)]
async fn tokens_expire_with_the_clock_of_tokio() {
    const SECRET: &[u8] = b"a secret of thirty-two bytes or more";
    let tokens = Jwt::hs256(SECRET).unwrap().leeway(Duration::ZERO);
    let server =
        TestServer::builder().configure(|builder| builder.authenticator(tokens)).start().await.unwrap();
    let now = server.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": "ada", "exp": now + 3600 });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let connect =
        async || server.client().credentials(&token).configure(ClientBuilder::no_reconnect).connect().await;
    let ada = connect().await.unwrap();
    assert_eq!(server.socket(&ada).closed().await, DisconnectReason::CredentialsExpired);
    assert!(connect().await.is_err(), "the same token has expired");
}

#[tokio::test(start_paused = true)]
async fn a_socket_io_client_calls_and_is_sent_events_in_memory() {
    let server = TestServer::builder()
        .service(Board { title: "plans".into() })
        .handlers([shown::handler()])
        .start()
        .await
        .unwrap();
    let native = server.connect().await.unwrap();
    let mut page = server
        .socket_io()
        .identity(Identity::new("ed").with_permission("editor"))
        .header("x-tenant", "acme")
        .query("room", "a b&c")
        .auth(&json!({ "token": 7 }))
        .connect()
        .await
        .unwrap();
    assert_eq!(server.count(), 2);
    assert!(server.sockets().iter().any(|socket| socket.id().as_str() == page.id()));
    let shown: Vec<String> = page.call("shown", &()).await.unwrap();
    assert_eq!(shown[0], "acme");
    assert!(
        shown.contains(&"room=a b&c".to_owned()) && shown[shown.len() - 1].contains("token"),
        "{shown:?}"
    );
    assert_eq!(page.call::<String>("erase", &()).await.unwrap(), "erased by ed");
    let refused: Value = page.call("missing", &()).await.unwrap();
    assert_eq!(refused["error"]["code"], "not_found");
    page.emit("post", &"from a page").await.unwrap();

    server.emit("later", &(1, "a")).await.unwrap();
    server.emit("news", &"it rains").await.unwrap();
    assert_eq!(page.next::<String>("news").await.unwrap(), "it rains");
    assert_eq!(page.next::<(u8, String)>("later").await.unwrap(), (1, "a".to_owned()));
    assert!(matches!(page.next::<u8>("never").await, Err(SocketIoError::Timeout)));

    // Heartbeats are answered while the test does other things.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(page.call::<String>("title", &()).await.unwrap(), "plans");
    page.disconnect().await.unwrap();
    while server.count() > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(native.root().is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_refused_socket_io_client_is_given_the_reason() {
    let server = TestServer::builder().start().await.unwrap();
    let refused = server.socket_io().namespace("/nowhere").connect().await.unwrap_err();
    let SocketIoError::Refused { message, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(message, "Invalid namespace", "as the reference's server says");
}
