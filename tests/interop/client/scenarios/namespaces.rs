//! Namespaces of one connection.

use jidda::payload::Value;
use jidda::prelude::*;

use crate::inbox::Inbox;
use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting, Token, unique};
use crate::target::Ability;

pub(super) fn all(setting: &Setting) -> Vec<Scenario> {
    let target = &setting.target;
    scenarios![
        several_on_one_connection,
        one_alone,
        one_of_a_family if target.has(Ability::Families),
        an_unknown_one_is_refused if target.has(Ability::UnknownNamespaces),
        one_refuses_and_the_others_stay if target.has(Ability::Auth),
        events_stay_in_their_namespace,
        one_is_left_and_joined_again,
        the_server_ends_one_and_the_others_stay,
    ]
}

fn token(token: &str) -> Token {
    Token { token: token.to_owned() }
}

async fn whoami(socket: &Socket) -> jidda::Result<(String, Option<String>)> {
    Ok(socket.call("whoami", &()).await?)
}

async fn several_on_one_connection(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let chat = client.join("/chat", &token("grace")).await?;
    assert_eq!(whoami(&client.root()).await?.0, "/");
    let (namespace, token) = whoami(&chat).await?;
    assert_eq!(namespace, "/chat");
    // The older protocol has no auth value, and its servers see the query of the connection.
    if session.has(Ability::Auth) {
        assert_eq!(token.as_deref(), Some("grace"));
    }
    Ok(())
}

async fn one_alone(session: Session) -> jidda::Result<()> {
    let client = session.builder(Some("ada")).without_root().connect().await?;
    let chat = client.join("/chat", &token("ada")).await?;
    assert_eq!(whoami(&chat).await?.0, "/chat");
    Ok(())
}

async fn one_of_a_family(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    for number in [7, 8] {
        let orders = client.join(&format!("/orders/{number}"), &token("ada")).await?;
        assert_eq!(orders.call::<String>("describe", &"order ").await?, format!("order {number}"));
    }
    Ok(())
}

async fn an_unknown_one_is_refused(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let error = client.join("/nowhere", &()).await.expect_err("there is no such namespace");
    assert!(matches!(error, CallError::Refused { .. }), "{error:?}");
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}

async fn one_refuses_and_the_others_stay(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let error = client.join("/chat", &token("wrong")).await.expect_err("it refuses this token");
    let CallError::Refused { message, .. } = &error else { panic!("it is no refusal: {error:?}") };
    assert_eq!(message, "who are you?");
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}

async fn events_stay_in_their_namespace(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let chat = client.join("/chat", &token("ada")).await?;
    let (mut in_root, mut in_chat) = (Inbox::new(&client.root(), "said"), Inbox::new(&chat, "said"));
    let room = unique("room");
    client.call::<()>("join", &room).await?;
    chat.call::<()>("join", &room).await?;
    let none: [&str; 0] = [];
    chat.call::<()>("tell", &([&room], none, "in chat")).await?;
    client.call::<()>("tell", &([&room], none, "in root")).await?;
    assert_eq!(in_chat.first().await, Value::from("in chat"));
    assert_eq!(in_root.first().await, Value::from("in root"));
    assert_eq!(in_root.firsts(), []);
    Ok(())
}

async fn one_is_left_and_joined_again(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let chat = client.join("/chat", &token("ada")).await?;
    chat.disconnect();
    chat.closed().await;
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    let chat = client.join("/chat", &token("ada")).await?;
    assert_eq!(whoami(&chat).await?.0, "/chat");
    Ok(())
}

async fn the_server_ends_one_and_the_others_stay(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let chat = client.join("/chat", &token("ada")).await?;
    chat.emit("bye", &()).await?;
    assert_eq!(chat.closed().await, DisconnectReason::ServerDisconnect);
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}
