//! Who may have what run: permissions on handlers, several handlers of one event, one person's sockets.
#![allow(missing_docs)]

#[path = "socket_io/client.rs"]
#[allow(dead_code)]
mod socket_io;

use std::time::Duration;

use jidda::handler::EventName;
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::{Error, testing};
use serde::{Deserialize, Serialize};
use socket_io::Peer;

/// What a refused call says, whole.
fn refusal<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> (String, String) {
    match result {
        Err(CallError::Refused { code, message, data: None, .. }) => (code, message),
        other => panic!("{other:?}"),
    }
}

fn denied() -> (String, String) {
    ("denied".to_owned(), "denied".to_owned())
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("this did not happen: {what}");
}

// ---- several handlers of one event ----

struct Overloaded;

#[derive(Default)]
struct Door;

#[namespace("/", app = Overloaded)]
impl Door {
    #[on("open")]
    async fn open_for_anyone(&self) -> String {
        "a little".to_owned()
    }

    #[on("open", allow = "owner")]
    async fn open_for_owner(&self, wide: bool) -> String {
        format!("for the owner, {wide}")
    }

    #[on("open", allow = ["guest", "cat"])]
    async fn open_for_guest(&self) -> String {
        "for a guest".to_owned()
    }

    #[on("burn", allow = "owner")]
    async fn burn(&self) {}

    #[on("burn", allow = "dragon", sequential)]
    async fn burn_by_dragon(&self) -> u32 {
        451
    }

    /// Gives whoever asks what it wants: tests need no more.
    #[on]
    async fn may(&self, socket: &Socket, permission: String) {
        socket.grant(&permission);
    }

    #[on]
    async fn may_not(&self, socket: &Socket, permission: String) -> bool {
        socket.revoke(&permission)
    }

    #[on]
    async fn reset(&self, socket: &Socket) -> Vec<String> {
        let before = socket.permissions();
        socket.reset_permissions();
        assert!(socket.permissions().is_empty());
        before
    }
}

#[on("*", app = Overloaded, allow = "owner", sequential)]
async fn whatever(event: &EventName) -> String {
    format!("the owner's {event}")
}

/// Reaches into the other namespace of the same connection.
#[on(app = Overloaded)]
async fn promote(socket: &Socket) -> bool {
    let garden = socket.of("/garden");
    garden.is_some_and(|garden| {
        garden.grant("gardener");
        garden.allows("gardener") && !socket.allows("gardener")
    })
}

#[on(app = Overloaded, namespace = "/garden", allow = "gardener")]
async fn mow() -> String {
    "mown".to_owned()
}

#[tokio::test]
async fn the_first_allowed_handler_runs() {
    let (client, server) =
        testing::pair_with(Server::builder().app::<Overloaded>(), |client| client).await.unwrap();
    let door = DoorClient::new(&client);
    assert_eq!(door.open_for_anyone().await.unwrap(), "a little");
    assert_eq!(refusal(door.burn().await), denied());
    assert_eq!(refusal(client.call::<Value>("anything", &()).await), denied());

    door.may("cat").await.unwrap();
    assert_eq!(
        door.open_for_anyone().await.unwrap(),
        "for a guest",
        "the same event, whatever the stub's method"
    );
    door.may("owner").await.unwrap();
    assert_eq!(door.open_for_owner(true).await.unwrap(), "for the owner, true", "the first in the source");
    door.burn().await.unwrap();
    assert_eq!(client.call::<String>("anything", &()).await.unwrap(), "the owner's anything");
    assert!(door.may_not("owner").await.unwrap() && !door.may_not("owner").await.unwrap());
    door.may("dragon").await.unwrap();
    assert_eq!(door.burn_by_dragon().await.unwrap(), 451);
    assert_eq!(door.reset().await.unwrap(), ["cat", "dragon"]);
    assert_eq!(door.open_for_anyone().await.unwrap(), "a little");
    assert_eq!(refusal(door.burn_by_dragon().await), denied());

    let listed = server.handlers().to_string();
    for line in [
        "open() -> String  needs guest or cat  tests/access.rs:",
        "burn() -> u32  needs dragon  ",
        "open() -> String  tests/",
    ] {
        assert!(listed.contains(line), "{listed}");
    }
}

#[tokio::test]
async fn a_permission_is_one_namespaces_own() {
    let (client, server) =
        testing::pair_with(Server::builder().app::<Overloaded>(), |client| client).await.unwrap();
    assert!(!promote::call(&client).await.unwrap(), "it is not in the garden yet");
    let garden = client.join("/garden", &()).await.unwrap();
    assert_eq!(refusal(mow::call(&garden).await), denied());
    assert!(promote::call(&client).await.unwrap());
    assert_eq!(mow::call(&garden).await.unwrap(), "mown");

    // From outside of any handler, for everyone of a namespace or a person.
    server.user("nobody").grant("gardener");
    assert_eq!(server.of("/garden").reset_permissions(), 1);
    assert_eq!(refusal(mow::call(&garden).await), denied());
    assert_eq!(server.of("/garden").grant("gardener"), 1);
    assert_eq!(mow::call(&garden).await.unwrap(), "mown");
    assert_eq!(server.of("/garden").revoke("gardener"), 1);
    assert_eq!(server.of("/garden").revoke("gardener"), 0);
    assert_eq!(refusal(mow::call(&garden).await), denied());
}

#[tokio::test]
async fn a_refused_acknowledgement_and_a_refused_event_say_denied_and_nothing_else() {
    let server = Server::builder().app::<Overloaded>().listen("127.0.0.1:0").start().await.unwrap();
    // The default resource of Socket.IO clients has the server's app.
    let (mut peer, _) = Peer::join(&server).await;
    peer.say(r#"421["burn"]"#).await;
    assert_eq!(peer.text().await, r#"431[{"error":{"code":"denied","message":"denied"}}]"#);
    peer.say(r#"422["open"]"#).await;
    assert_eq!(peer.text().await, r#"432["a little"]"#);
    peer.say(r#"423["may","dragon"]"#).await;
    assert_eq!(peer.text().await, "433[]");
    peer.say(r#"424["burn"]"#).await;
    assert_eq!(peer.text().await, "434[451]");
}

// ---- while a call waits for its turn ----

struct Waiting;

#[on("step", app = Waiting, allow = "walker", sequential)]
async fn walk(socket: &Socket) -> jidda::Result<String> {
    let next: String =
        socket.call::<String>("where", &()).await.map_err(|_| Error::new("lost", "nowhere"))?;
    if next == "nowhere" {
        socket.revoke("walker");
    }
    Ok(next)
}

#[on(app = Waiting)]
async fn stand_up(socket: &Socket) {
    socket.grant("walker");
}

#[tokio::test]
async fn a_permission_taken_away_holds_for_what_waits() {
    let (client, _server) =
        testing::pair_with(Server::builder().app::<Waiting>(), |client| client).await.unwrap();
    client.on("where", || async { "nowhere".to_owned() });
    stand_up::call(&client).await.unwrap();
    let (first, second) = tokio::join!(walk::call(&client), walk::call(&client));
    assert_eq!(first.unwrap(), "nowhere");
    assert_eq!(refusal(second), denied());
}

// ---- at the door ----

struct Guarded;

#[on("connect", app = Guarded, namespace = "/vault", allow = "keeper")]
async fn into_the_vault() {}

#[on("connect", app = Guarded, namespace = "/hall", allow = "keeper")]
async fn into_the_hall_as_keeper() -> jidda::Result<()> {
    Err(Error::new("busy", "keepers have work"))
}

#[on("connect", app = Guarded, namespace = "/hall")]
async fn into_the_hall() {}

#[tokio::test]
async fn a_peer_that_is_denied_connect_cannot_join() {
    let builder = Server::builder().app::<Guarded>().listen("127.0.0.1:0");
    let server = builder.start().await.unwrap();
    let client = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
    let refused = client.join("/vault", &()).await.map(|_| ());
    assert_eq!(refused.unwrap_err().code(), Some("denied"));
    client.join("/hall", &()).await.unwrap();
    let (mut peer, _) = Peer::join(&server).await;
    peer.say("40/vault,").await;
    assert_eq!(peer.text().await, r#"44/vault,{"message":"denied","data":{"code":"denied"}}"#);
    assert_eq!(peer.enter("/hall", "").await.len(), 20);
    assert_eq!(server.of("/vault").count(), 0);
}

// ---- one person's sockets ----

struct People;

#[derive(Serialize, Deserialize)]
struct Login {
    name: String,
}

/// What the server may ask of a person.
#[namespace("/", side = client, app = People)]
trait Artist {
    #[on("draw.me.a.sheep")]
    async fn sheep(&self, size: u8) -> String;
}

struct Painter(&'static str);

#[namespace]
impl Artist for Painter {
    async fn sheep(&self, size: u8) -> String {
        format!("{size} by {}", self.0)
    }
}

#[on("connect", app = People)]
async fn root_enter(socket: &Socket, login: Option<Login>) -> jidda::Result<()> {
    Ok(login.map_or(Ok(()), |login| socket.identify(&login.name))?)
}

#[on("connect", app = People, namespace = "/chat")]
async fn chat_enter(socket: &Socket, login: Option<Login>) -> jidda::Result<()> {
    Ok(login.map_or(Ok(()), |login| socket.identify(&login.name))?)
}

async fn painter(server: &Server, name: &'static str) -> Client {
    let address = server.addresses()[0].to_string();
    Client::builder(address)
        .app::<People>()
        .service(Painter(name))
        .auth(&Login { name: "alice".into() })
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_user_is_called_notified_and_disconnected_on_all_its_sockets() {
    let server = Server::builder().app::<People>().listen("127.0.0.1:0").start().await.unwrap();
    let alice = server.user("alice");
    assert!(alice.newest().is_none());
    assert_eq!(alice.emit("news", &1).await.unwrap(), 0, "the sender knows");
    assert!(
        alice
            .call::<String>("draw.me.a.sheep", &3)
            .timeout(Duration::from_secs(60))
            .await
            .unwrap()
            .is_empty()
    );

    let native = painter(&server, "native").await;
    let mut browser = Peer::open(&server).await;
    browser.enter("/", r#"{"name":"alice"}"#).await;
    browser.enter("/chat", r#"{"name":"alice"}"#).await;
    let (mut stranger, _) = Peer::join(&server).await;
    assert_eq!(alice.count(), 3);
    let newest = alice.newest().unwrap();
    assert_eq!(newest.namespace(), "/chat", "the last one of the last connection");

    // Every socket hears it, in both namespaces and on both wires.
    assert_eq!(alice.emit("news", &1).await.unwrap(), 3);
    let mut heard = [browser.text().await, browser.text().await];
    heard.sort();
    assert_eq!(heard, [r#"42/chat,["news",1]"#, r#"42["news",1]"#]);

    // The stub knows where its calls belong; each socket there answers.
    let calling =
        tokio::spawn(ArtistClient::new(server.user("alice")).sheep(3).timeout(Duration::from_secs(60)));
    let asked = browser.text().await;
    assert!(asked.ends_with(r#"["draw.me.a.sheep",3]"#) && !asked.contains("/chat"), "{asked}");
    let id: String = asked[2..].chars().take_while(char::is_ascii_digit).collect();
    browser.say(&format!(r#"43{id}["3 by browser"]"#)).await;
    let mut drawn: Vec<_> =
        calling.await.unwrap().unwrap().into_iter().map(|(_, reply)| reply.unwrap()).collect();
    drawn.sort();
    assert_eq!(drawn, ["3 by browser", "3 by native"]);
    // One socket, and so one answer.
    let one = server
        .of("/")
        .user("alice")
        .sockets()
        .into_iter()
        .find(|socket| socket.handshake().transport == jidda::peer::Transport::Tcp);
    assert_eq!(ArtistClient::new(one.unwrap()).sheep(4).await.unwrap(), "4 by native");

    server.of("/chat").user("alice").disconnect();
    assert_eq!(browser.text().await, "41/chat,");
    until("she left the chat", || alice.count() == 2).await;
    alice.close();
    assert_eq!(browser.text().await, "41");
    assert_eq!(native.closed().await, DisconnectReason::ForcedClose);
    until("she is gone", || alice.count() == 0).await;
    stranger.say(r#"42["hello"]"#).await;
    assert_eq!(server.count(), 1, "nobody else was disturbed");
}

#[tokio::test]
async fn a_call_can_wait_for_a_user_that_is_offline() {
    let server = Server::builder().app::<People>().listen("127.0.0.1:0").start().await.unwrap();
    let error = server.user("alice").wait_online(Duration::from_millis(1)).await.unwrap_err();
    assert_eq!((error.code(), &*error.to_string()), ("not_online", "`alice` is not online"));
    let error = server.of("/chat").to("lobby").wait_online(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.code(), "not_online");

    let long = Duration::from_secs(60);
    let waiting = server.clone();
    let drawn = tokio::spawn(async move {
        let alice = waiting.user("alice").wait_online(long).await.unwrap();
        ArtistClient::new(alice).sheep(1).timeout(long).await.unwrap().pop().unwrap().1.unwrap()
    });
    let waiting = server.clone();
    let in_the_lobby =
        tokio::spawn(async move { waiting.to("lobby").wait_online(long).await.unwrap().count() });
    let waiting = server.clone();
    let anyone = tokio::spawn(async move { waiting.of("/").wait_online(long).await.unwrap().count() });
    tokio::task::yield_now().await;
    let _alice = painter(&server, "alice").await;
    assert_eq!(drawn.await.unwrap(), "1 by alice");
    assert_eq!(anyone.await.unwrap(), 1);
    assert!(!in_the_lobby.is_finished());
    server.of("/").join("lobby").await.unwrap();
    assert_eq!(in_the_lobby.await.unwrap(), 1);
    assert_eq!(
        server.user("alice").wait_online(Duration::ZERO).await.unwrap().count(),
        1,
        "who is there is there"
    );
}
