//! A client connects, and says who it is.

use jidda::Client;
use jidda::error::ConnectError;
use jidda::payload::Value;
use jidda::prelude::*;

use crate::inbox::Inbox;
use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting, Transport, entry};
use crate::target::Ability;

pub(super) fn all(setting: &Setting) -> Vec<Scenario> {
    let target = &setting.target;
    let refuses_by_packet = target.has(Ability::RefusalPacket);
    scenarios![
        connects_with_auth,
        connects_without_auth,
        uses_its_transport,
        receives_what_the_server_sends_at_once,
        events_sent_at_once_arrive_in_order,
        is_refused,
        is_refused_with_a_message if refuses_by_packet && target.has(Ability::Auth),
        is_refused_with_data if refuses_by_packet && target.has(Ability::RefusalData),
        loses_nothing_while_it_upgrades if setting.transport == Transport::Upgrade,
    ]
}

async fn connects_with_auth(session: Session) -> jidda::Result<()> {
    let client = session.builder(Some("ada")).header("x-interop", "yes").connect().await?;
    let (namespace, token): (String, String) = client.call("whoami", &()).await?;
    assert_eq!((namespace.as_str(), token.as_str()), ("/", "ada"));
    if session.has(Ability::Headers) {
        let seen: Value = client.call("seen", &()).await?;
        assert_eq!(entry(&seen, "header").as_str(), Some("yes"));
    }
    client.disconnect().await;
    Ok(())
}

async fn connects_without_auth(session: Session) -> jidda::Result<()> {
    let client = session.builder(None).connect().await?;
    let (namespace, token): (String, Option<String>) = client.call("whoami", &()).await?;
    assert_eq!((namespace.as_str(), token), ("/", None));
    client.disconnect().await;
    Ok(())
}

async fn uses_its_transport(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let expected = if session.setting.transport == Transport::Polling { "polling" } else { "websocket" };
    // It changes to a WebSocket some time after it has connected.
    while client.call::<String>("transport", &()).await? != expected {}
    // And stays there.
    assert_eq!(client.call::<String>("transport", &()).await?, expected);
    Ok(())
}

/// Handles what a server sends before the program has its client.
struct Welcomed;

#[on("connect", side = client, app = Welcomed)]
async fn note_welcomes(socket: &Socket) {
    socket.insert(tokio::sync::Mutex::new(Inbox::new(socket, "welcome")));
}

async fn receives_what_the_server_sends_at_once(session: Session) -> jidda::Result<()> {
    let client = session.builder(Some("ada")).app::<Welcomed>().connect().await?;
    let inbox = client.root().get::<tokio::sync::Mutex<Inbox>>().expect("its `connect` handler has run");
    for number in 1..=3 {
        assert_eq!(inbox.lock().await.next().await, [Value::from(number), Value::from("ada")]);
    }
    Ok(())
}

async fn events_sent_at_once_arrive_in_order(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    for number in 0..100 {
        client.emit("collect", &number).await?;
    }
    let collected: Vec<u32> = client.call("collected", &()).await?;
    assert_eq!(collected, (0..100).collect::<Vec<_>>());
    Ok(())
}

/// The error of a client that may not connect.
async fn refusal(session: &Session, token: &str) -> ConnectError {
    let connected: Result<Client, _> = session.builder(Some(token)).no_reconnect().connect().await;
    connected.expect_err("the server refuses this token")
}

async fn is_refused(session: Session) -> jidda::Result<()> {
    refusal(&session, "wrong").await;
    Ok(())
}

async fn is_refused_with_a_message(session: Session) -> jidda::Result<()> {
    let error = refusal(&session, "wrong").await;
    let ConnectError::Refused(CallError::Refused { message, .. }) = error else {
        panic!("it is no refusal: {error:?}")
    };
    assert_eq!(message, "who are you?");
    Ok(())
}

async fn is_refused_with_data(session: Session) -> jidda::Result<()> {
    let error = refusal(&session, "many").await;
    let ConnectError::Refused(CallError::Refused { message, data, .. }) = error else {
        panic!("it is no refusal: {error:?}")
    };
    if session.has(Ability::Auth) {
        assert_eq!(message, "come back later");
    }
    let data = data.expect("the refusal has data");
    assert_eq!(entry(&data, "limit").as_u64(), Some(3));
    Ok(())
}

/// Before, during and after.
async fn loses_nothing_while_it_upgrades(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let mut items = Inbox::new(&client.root(), "item");
    client.emit("series", &300).await?;
    let mut sent = 0;
    for _ in 0..30 {
        for _ in 0..10 {
            client.emit("collect", &sent).await?;
            sent += 1;
        }
        client.call::<u32>("echo", &sent).await?;
    }
    let collected: Vec<u32> = client.call("collected", &()).await?;
    assert_eq!(collected, (0..sent).collect::<Vec<_>>());
    for number in 0..300 {
        assert_eq!(items.first().await, Value::from(number));
    }
    Ok(())
}
