//! Who is here: joining and leaving, in every way there is, and what a second connection of one identity means.
#![allow(missing_docs)]

#[path = "socket_io/client.rs"]
#[allow(dead_code)]
mod socket_io;

use std::sync::Arc;
use std::time::Duration;

use jidda::auth::{Authenticator, DuplicateIdentity, Identity};
use jidda::client::{Backoff, ClientEvent};
use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::presence::{PresenceEvent, PresenceEvents};
use jidda::server::ServerBuilder;
use jidda::{Error, testing};
use serde::{Deserialize, Serialize};
use socket_io::{Heard, Peer};
use tokio::net::{TcpListener, TcpStream};

struct Hall;

#[derive(Serialize, Deserialize)]
struct Login {
    name: String,
    /// Whether the server thinks it over and says no.
    #[serde(default)]
    refused: bool,
}

#[on("connect", app = Hall)]
async fn enter(socket: &Socket, login: Option<Login>) -> jidda::Result<()> {
    let Some(login) = login else { return Ok(()) };
    socket.identify(&login.name)?;
    if login.refused { Err(Error::new("banned", "not you")) } else { Ok(()) }
}

#[on("connect", app = Hall, namespace = "/room/{number}")]
async fn enter_room(socket: &Socket, login: Login) -> jidda::Result<()> {
    Ok(socket.identify(&login.name)?)
}

#[on(app = Hall)]
async fn i_am(socket: &Socket, name: String) -> jidda::Result<()> {
    Ok(socket.identify(&name)?)
}

#[on(app = Hall)]
async fn explode() {
    panic!("as the test wants it");
}

#[on("disconnect", app = Hall)]
async fn leave(socket: &Socket, server: &Server) {
    // Who leaves is here to the last.
    if let Some(name) = socket.identity() {
        assert!(server.presence().is_here(name.name()));
        assert_ne!(name.name(), "bomb", "as the test wants it");
    }
}

fn builder() -> ServerBuilder {
    Server::builder().app::<Hall>().listen("127.0.0.1:0")
}

async fn serve() -> (Server, PresenceEvents) {
    let server = builder().start().await.unwrap();
    let changes = server.presence().changes();
    (server, changes)
}

fn login(name: &str) -> Login {
    Login { name: name.to_owned(), refused: false }
}

async fn native(server: &Server, name: &str) -> Client {
    Client::builder(server.addresses()[0].to_string()).auth(&login(name)).connect().await.unwrap()
}

async fn browser(server: &Server, name: &str) -> Peer {
    let mut peer = Peer::open(server).await;
    peer.enter("/", &format!(r#"{{"name":"{name}"}}"#)).await;
    peer
}

fn joined(name: &str) -> PresenceEvent {
    PresenceEvent::Joined(name.into())
}

fn left(name: &str) -> PresenceEvent {
    PresenceEvent::Left(name.into())
}

async fn next(changes: &mut PresenceEvents) -> PresenceEvent {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, changes.next()).await.expect("a change").expect("the server is there")
}

fn names(server: &Server) -> Vec<Arc<str>> {
    server.presence().names()
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

#[tokio::test]
async fn an_identity_joins_with_its_first_connection_and_leaves_with_its_last() {
    let (server, mut changes) = serve().await;
    let first = native(&server, "alice").await;
    assert_eq!(next(&mut changes).await, joined("alice"));
    let room = first.join("/room/1", &login("alice")).await.unwrap();
    let second = browser(&server, "alice").await;
    let bob = browser(&server, "bob").await;
    assert_eq!(next(&mut changes).await, joined("bob"), "alice is here already");
    assert_eq!(names(&server), ["alice".into(), "bob".into()]);
    assert_eq!((server.presence().count(), server.presence().is_here("carol")), (2, false));

    first.disconnect().await;
    drop(room);
    bob.vanish();
    assert_eq!(next(&mut changes).await, left("bob"));
    assert!(server.presence().is_here("alice"), "her browser is still there");
    second.vanish();
    assert_eq!(next(&mut changes).await, left("alice"));
    assert!(names(&server).is_empty() && server.presence().count() == 0);
}

#[tokio::test]
async fn however_a_connection_ends_its_identity_leaves() {
    let (server, mut changes) = serve().await;
    // It is still held when its connection is gone: that must not keep the name.
    let mut held = Vec::new();

    let mut polite = browser(&server, "polite").await;
    assert_eq!(next(&mut changes).await, joined("polite"));
    held.extend(server.user("polite").sockets());
    polite.say("41").await;
    assert_eq!(next(&mut changes).await, left("polite"));

    let killed = native(&server, "killed").await;
    assert_eq!(next(&mut changes).await, joined("killed"));
    held.extend(server.user("killed").sockets());
    server.user("killed").close();
    assert_eq!(next(&mut changes).await, left("killed"));
    assert_eq!(killed.closed().await, DisconnectReason::ForcedClose);

    let mut noisy = browser(&server, "noisy").await;
    assert_eq!(next(&mut changes).await, joined("noisy"));
    held.extend(server.user("noisy").sockets());
    noisy.say("this is no packet").await;
    assert_eq!(next(&mut changes).await, left("noisy"));

    let bomb = native(&server, "bomb").await;
    assert_eq!(next(&mut changes).await, joined("bomb"));
    held.extend(server.user("bomb").sockets());
    explode::call(&bomb).await.unwrap_err();
    assert!(server.presence().is_here("bomb"), "a panic ends a call, not a connection");
    drop(bomb);
    assert_eq!(next(&mut changes).await, left("bomb"));

    let _drained = native(&server, "drained").await;
    assert_eq!(next(&mut changes).await, joined("drained"));
    held.extend(server.user("drained").sockets());
    assert_eq!(held.len(), 5);
    server.shutdown(Duration::from_secs(60)).await;
    assert_eq!(next(&mut changes).await, left("drained"));
    assert!(names(&server).is_empty());
    // Who is over is nobody any more.
    assert_eq!(held[0].identify("ghost").unwrap_err().code(), "not_connected");
}

#[tokio::test]
async fn a_refused_or_renamed_peer_leaves_no_presence() {
    let (server, mut changes) = serve().await;
    let refused = Client::builder(server.addresses()[0].to_string());
    let refused = refused.auth(&Login { name: "mallory".into(), refused: true }).connect().await;
    assert!(refused.is_err());
    let client = native(&server, "caterpillar").await;
    assert_eq!(next(&mut changes).await, joined("caterpillar"), "nothing was told of mallory");
    i_am::call(&client, "butterfly").await.unwrap();
    assert_eq!(next(&mut changes).await, left("caterpillar"));
    assert_eq!(next(&mut changes).await, joined("butterfly"));
    i_am::call(&client, "butterfly").await.unwrap();
    assert_eq!((server.user("caterpillar").count(), server.user("butterfly").count()), (0, 1));
    drop(client);
    assert_eq!(next(&mut changes).await, left("butterfly"), "and not before");
}

#[tokio::test]
async fn a_slow_receiver_learns_how_many_events_it_missed() {
    let server = builder().start().await.unwrap();
    let mut changes = server.presence().changes();
    let client = native(&server, "n").await;
    let far = 300;
    for n in 0..far {
        i_am::call(&client, format!("n{n}")).await.unwrap();
    }
    // One for the first name, two for each other.
    let PresenceEvent::Missed(missed) = next(&mut changes).await else { panic!("nothing was missed") };
    assert!(missed > 0);
    let mut heard = 0;
    while next(&mut changes).await != joined(&format!("n{}", far - 1)) {
        heard += 1;
    }
    assert_eq!(missed + heard + 1, 2 * far + 1);
    assert_eq!(names(&server), [format!("n{}", far - 1).into()]);
    drop((client, server));
}

#[tokio::test]
async fn a_hook_announces_joins_and_leaves_and_survives_its_own_panic() {
    let server = builder().start().await.unwrap();
    server.presence().on_change(|server, event| async move {
        match event {
            PresenceEvent::Joined(name) if &*name == "bad luck" => panic!("the hook does not like it"),
            PresenceEvent::Joined(name) => {
                server.to("lobby").emit("joined", &*name).await.unwrap();
            }
            PresenceEvent::Left(name) => {
                server.to("lobby").emit("left", &*name).await.unwrap();
            }
            other => panic!("{other:?}"),
        }
    });
    let (mut watcher, _) = Peer::join(&server).await;
    server.of("/").join("lobby").await.unwrap();
    let unlucky = native(&server, "bad luck").await;
    let _alice = native(&server, "alice").await;
    assert_eq!(watcher.text().await, r#"42["joined","alice"]"#);
    unlucky.disconnect().await;
    assert_eq!(watcher.text().await, r#"42["left","bad luck"]"#);
}

#[tokio::test]
async fn the_newer_connection_replaces_the_older_one_which_does_not_reconnect() {
    let server = builder().duplicate_identity(DuplicateIdentity::ReplaceOld).start().await.unwrap();
    let mut changes = server.presence().changes();
    let first = native(&server, "alice").await;
    let bystander = native(&server, "bob").await;
    // Another namespace of one connection is no other connection.
    first.join("/room/1", &login("alice")).await.unwrap();
    let mut second = browser(&server, "alice").await;
    assert_eq!(first.closed().await, DisconnectReason::Replaced);
    until("the first is gone", || server.user("alice").count() == 1).await;
    let third = native(&server, "alice").await;
    // Told per namespace, so that Socket.IO's clients stay away, then the end.
    assert_eq!(second.text().await, "41");
    assert!(matches!(second.hear().await, Heard::Close(_) | Heard::End));
    until("the second is gone", || server.user("alice").count() == 1).await;
    assert_eq!(server.user("alice").newest().unwrap().handshake().transport, jidda::peer::Transport::Tcp);
    assert_eq!(bystander.call::<()>("i_am", &"bob").await, Ok(()));
    drop((third, bystander));
    // She was here all the time.
    assert_eq!(next(&mut changes).await, joined("alice"));
    assert_eq!(next(&mut changes).await, joined("bob"));
    let mut last = [next(&mut changes).await, next(&mut changes).await];
    last.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(last, [left("alice"), left("bob")]);
}

#[tokio::test]
async fn the_second_connection_is_refused_until_the_first_has_ended() {
    let server = builder().duplicate_identity(DuplicateIdentity::RefuseNew).start().await.unwrap();
    let first = native(&server, "alice").await;
    first.join("/room/1", &login("alice")).await.unwrap();
    let refused = Client::builder(server.addresses()[0].to_string()).auth(&login("alice")).connect().await;
    let refused = Error::from(refused.unwrap_err()).to_string();
    assert!(refused.contains("this identity is connected already (already_connected)"), "{refused}");
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"name":"alice"}"#).await;
    let told = r#"44{"message":"this identity is connected already","data":{"code":"already_connected"}}"#;
    assert_eq!(peer.text().await, told);
    // Who is somebody else stays who it was.
    let bob = native(&server, "bob").await;
    let error = i_am::call(&bob, "alice").await.unwrap_err();
    assert_eq!(error.code(), Some("already_connected"));
    assert_eq!((server.user("alice").count(), server.user("bob").count()), (2, 1));
    assert_eq!(names(&server), ["alice".into(), "bob".into()]);

    first.disconnect().await;
    until("she left", || !server.presence().is_here("alice")).await;
    i_am::call(&bob, "alice").await.unwrap();
    assert_eq!(names(&server), ["alice".into()]);
}

/// A network in between, which loses the client's end of a connection and not the server's.
async fn lossy_network(
    server: String,
) -> (String, Arc<tokio::sync::Notify>, tokio::sync::mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (cut, (lost, found)) = (Arc::new(tokio::sync::Notify::new()), tokio::sync::mpsc::channel(16));
    let cutting = Arc::clone(&cut);
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(server.trim_start_matches("tcp://")).await.unwrap();
            let (cut, lost) = (Arc::clone(&cutting), lost.clone());
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = cut.notified() => lost.send(far).await.unwrap(),
                }
            });
        }
    });
    (address, cut, found)
}

#[tokio::test]
async fn a_client_that_lost_the_network_reconnects_once_the_server_has_noticed() {
    let server = builder().duplicate_identity(DuplicateIdentity::RefuseNew).start().await.unwrap();
    let (address, cut, mut lost) = lossy_network(server.addresses()[0].to_string()).await;
    let backoff = Backoff::default().first(Duration::from_millis(10)).limit(Duration::from_millis(50));
    let client = Client::builder(address).auth(&login("alice")).reconnect(backoff).connect().await.unwrap();
    let mut events = client.events();
    cut.notify_one();
    let half_open = lost.recv().await.unwrap();
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        event.expect("an event").expect("it goes on trying")
    };
    // It is refused, and tries again.
    loop {
        match next().await {
            ClientEvent::Reconnecting { attempt: 3, .. } => break,
            ClientEvent::Reconnected | ClientEvent::GaveUp => panic!("the older one is still there"),
            _ => {}
        }
    }
    drop(half_open);
    while next().await != ClientEvent::Reconnected {}
    i_am::call(&client, "alice").await.unwrap();
}

/// Many at once, over and over: exactly one is let in, or is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_at_once_exactly_one_wins() {
    for policy in [DuplicateIdentity::RefuseNew, DuplicateIdentity::ReplaceOld] {
        let builder = Server::builder().app::<Hall>().duplicate_identity(policy);
        let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
        let address = server.addresses()[0].to_string();
        for round in 0..20 {
            let name = format!("alice {round}");
            let rivals = (0..6).map(|_| {
                let builder = Client::builder(address.clone()).auth(&login(&name));
                tokio::spawn(builder.connect())
            });
            let rivals: Vec<_> = rivals.collect();
            let mut inside = Vec::new();
            for rival in rivals {
                inside.extend(rival.await.unwrap().ok());
            }
            assert!(
                policy == DuplicateIdentity::ReplaceOld || inside.len() == 1,
                "{} are inside",
                inside.len()
            );
            until("one is left", || server.user(&name).count() == 1).await;
            assert!(server.presence().is_here(&name));
            drop(inside);
            until("she left", || !server.presence().is_here(&name)).await;
        }
        assert_eq!(server.presence().count(), 0);
        drop(client);
    }
}

// ---- identities that are proved ----

struct Proved;

/// Believes who says a name.
struct Believer;

impl Authenticator for Believer {
    async fn authenticate(&self, handshake: &Handshake) -> jidda::Result<Option<Identity>> {
        let name = handshake.credentials.as_str().map(ToOwned::to_owned);
        Ok(name.map(|name| Identity::new(name).with_permission("reader").with_permission("writer")))
    }
}

#[on(app = Proved)]
async fn stop_writing(socket: &Socket) -> Vec<String> {
    socket.grant("critic");
    assert!(socket.revoke("writer") && !socket.revoke("writer"));
    socket.permissions()
}

#[on(app = Proved, allow = "writer")]
async fn write() {}

#[on("write", app = Proved, namespace = "/chat", allow = "writer")]
async fn write_in_chat() {}

fn proved(policy: DuplicateIdentity) -> ServerBuilder {
    let builder = Server::builder().app::<Proved>().listen("127.0.0.1:0").duplicate_identity(policy);
    builder.authenticator(Believer)
}

async fn known(server: &Server, name: &str) -> Result<Client, jidda::error::ConnectError> {
    Client::builder(server.addresses()[0].to_string()).credentials(&name).connect().await
}

#[tokio::test]
async fn what_an_identity_may_do_is_where_its_sockets_begin_and_go_back_to() {
    let server = proved(DuplicateIdentity::Allow).start().await.unwrap();
    let client = known(&server, "alice").await.unwrap();
    let chat = client.join("/chat", &()).await.unwrap();
    write::call(&client).await.unwrap();
    assert_eq!(stop_writing::call(&client).await.unwrap(), ["critic", "reader"]);
    assert_eq!(write::call(&client).await.unwrap_err().code(), Some("denied"));
    write_in_chat::call(&chat).await.unwrap();
    assert_eq!(server.user("alice").reset_permissions(), 2);
    write::call(&client).await.unwrap();
    assert_eq!(server.of("/").sockets()[0].permissions(), ["reader", "writer"]);
}

#[tokio::test]
async fn a_proved_identity_is_one_connection_whatever_it_joins_and_leaves() {
    let server = proved(DuplicateIdentity::RefuseNew).start().await.unwrap();
    let mut changes = server.presence().changes();
    let client = known(&server, "alice").await.unwrap();
    assert_eq!(next(&mut changes).await, joined("alice"));
    let chat = client.join("/chat", &()).await.unwrap();
    assert_eq!(server.user("alice").count(), 2);
    chat.disconnect();
    until("she left the chat", || server.user("alice").count() == 1).await;
    assert!(server.presence().is_here("alice"));

    let refused = Error::from(known(&server, "alice").await.unwrap_err()).to_string();
    assert!(refused.contains("(already_connected)"), "{refused}");
    let mut rivals = Vec::new();
    for _ in 0..8 {
        let server = server.clone();
        rivals.push(tokio::spawn(async move { known(&server, "bob").await }));
    }
    let mut inside = Vec::new();
    for rival in rivals {
        inside.extend(rival.await.unwrap().ok());
    }
    assert_eq!(inside.len(), 1, "exactly one wins");
    assert_eq!(next(&mut changes).await, joined("bob"));
    drop(inside);
    assert_eq!(next(&mut changes).await, left("bob"));
    client.disconnect().await;
    assert_eq!(next(&mut changes).await, left("alice"));
    assert_eq!(server.presence().count(), 0);
}
