//! A connection is lost, and the client comes back.

use jidda::client::ClientEvent;
use jidda::payload::Value;

use crate::inbox::Inbox;
use crate::relay::Relay;
use crate::runner::{Scenario, scenarios};
use crate::server::Server;
use crate::session::{Session, Setting, Token, unique};
use crate::target::Ability;

pub(super) fn all(setting: &Setting) -> Vec<Scenario> {
    scenarios![
        comes_back_when_the_server_was_killed,
        waits_for_a_server_that_is_not_up_yet,
        a_server_is_killed_in_mid_stream,
        recovers_what_it_missed if setting.target.has(Ability::Recovery),
    ]
}

/// A server that can be killed.
async fn own_server(session: &Session) -> jidda::Result<(Server, Session)> {
    let server = Server::start_again_and_again(&session.setting.server_options()).await?;
    let session = session.at(&server.address);
    Ok((server, session))
}

async fn comes_back_when_the_server_was_killed(session: Session) -> jidda::Result<()> {
    let (mut server, session) = own_server(&session).await?;
    let client = session.connect().await?;
    let chat = client.join("/chat", &Token { token: "ada".to_owned() }).await?;
    let mut events = client.events();
    server.restart().await?;
    while events.next().await != Some(ClientEvent::Reconnected) {}
    let (namespace, token): (String, Option<String>) = client.call("whoami", &()).await?;
    assert_eq!((namespace.as_str(), token.as_deref()), ("/", Some("ada")));
    let (namespace, _): (String, Value) = chat.call("whoami", &()).await?;
    assert_eq!(namespace, "/chat");
    Ok(())
}

async fn waits_for_a_server_that_is_not_up_yet(session: Session) -> jidda::Result<()> {
    let (mut server, session) = own_server(&session).await?;
    server.kill().await?;
    let connecting = tokio::spawn(session.builder(Some("ada")).wait_for_server().connect());
    server.restart().await?;
    let client = connecting.await??;
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}

/// Every call ends, with an answer or an error, and what is called later is answered again.
async fn a_server_is_killed_in_mid_stream(session: Session) -> jidda::Result<()> {
    let (mut server, session) = own_server(&session).await?;
    let client = session.connect().await?;
    let mut events = client.events();
    let calls: Vec<_> =
        (0..200).map(|number| tokio::spawn(client.call::<i64>("add", &(number, 1)).into_future())).collect();
    server.restart().await?;
    for (number, call) in calls.into_iter().enumerate() {
        if let Ok(answer) = call.await? {
            assert_eq!(answer, i64::try_from(number)? + 1);
        }
    }
    while events.next().await != Some(ClientEvent::Reconnected) {}
    assert_eq!(client.call::<i64>("add", &(1, 1)).await?, 2);
    Ok(())
}

/// Events sent to it while it was away, in order and once each, in the same session.
async fn recovers_what_it_missed(session: Session) -> jidda::Result<()> {
    let mut options = session.setting.server_options();
    // A server whose client polls, and is cut off between two polls, learns of it by the heartbeat only.
    options.extend(["--recovery", "--heartbeat", "1000"]);
    let server = Server::start(&options).await?;
    let session = session.at(&server.address);
    let relay = Relay::to(&server.address).await?;
    let token = unique("token");
    let client = session.at(&relay.address).connect_as(&token).await?;
    let mut watch = session.watch().await?;
    let other = session.connect_as("grace").await?;
    let mut said = Inbox::new(&client.root(), "said");
    let room = unique("room");
    client.call::<()>("join", &room).await?;
    let none: [&str; 0] = [];
    other.call::<()>("tell", &([&room], none, "before")).await?;
    assert_eq!(said.first().await, Value::from("before"));
    let rooms: Vec<String> = client.call("rooms", &()).await?;
    let mut events = client.events();
    relay.refuse();
    while !matches!(events.next().await, Some(ClientEvent::Disconnected(_))) {}
    watch.reason(&token).await;
    for number in 0..20 {
        other.call::<()>("tell", &([&room], none, number)).await?;
    }
    relay.accept();
    while events.next().await != Some(ClientEvent::Reconnected) {}
    for number in 0..20 {
        assert_eq!(said.first().await, Value::from(number));
    }
    assert_eq!(client.call::<Vec<String>>("rooms", &()).await?, rooms, "it is the same session");
    other.call::<()>("tell", &([&room], none, "after")).await?;
    assert_eq!(said.first().await, Value::from("after"));
    Ok(())
}
