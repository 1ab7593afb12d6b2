//! The end of a socket, from either side, with its reason.

use jidda::client::ClientEvent;
use jidda::prelude::*;

use crate::relay::Relay;
use crate::runner::{Scenario, scenarios};
use crate::server::Server;
use crate::session::{Session, Setting, Transport, unique};
use crate::target::Ability;

pub(super) fn all(setting: &Setting) -> Vec<Scenario> {
    scenarios![
        the_client_leaves if setting.target.has(Ability::Departures),
        the_server_ends_the_socket
            if setting.transport == Transport::WebSocket || setting.target.has(Ability::PolledDisconnects),
        the_server_closes_the_connection if setting.target.has(Ability::NodeReasons),
        the_connection_breaks,
        the_server_gives_no_sign_of_life,
    ]
}

async fn the_client_leaves(session: Session) -> jidda::Result<()> {
    let mut watch = session.watch().await?;
    let token = unique("token");
    let client = session.connect_as(&token).await?;
    client.disconnect().await;
    assert_eq!(client.closed().await, DisconnectReason::ClientDisconnect);
    let reason = watch.reason(&token).await;
    if session.has(Ability::NodeReasons) {
        assert_eq!(reason.as_str(), Some("client namespace disconnect"));
    }
    Ok(())
}

/// It is final: a client that was sent away does not come back by itself.
async fn the_server_ends_the_socket(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    client.emit("bye", &()).await?;
    assert_eq!(client.closed().await, DisconnectReason::ServerDisconnect);
    assert!(client.emit("echo", &1).await.is_err());
    Ok(())
}

async fn the_server_closes_the_connection(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let chat = client.join("/chat", &crate::session::Token { token: "ada".to_owned() }).await?;
    client.emit("close", &()).await?;
    assert_eq!(client.closed().await, DisconnectReason::ServerDisconnect);
    assert_eq!(chat.closed().await, DisconnectReason::ServerDisconnect);
    Ok(())
}

async fn the_connection_breaks(session: Session) -> jidda::Result<()> {
    let relay = Relay::to(&session.address).await?;
    let client = session.at(&relay.address).connect().await?;
    let mut events = client.events();
    relay.cut();
    let reason = loop {
        if let Some(ClientEvent::Disconnected(reason)) = events.next().await {
            break reason;
        }
    };
    assert!(
        matches!(reason, DisconnectReason::TransportClose | DisconnectReason::TransportError),
        "{reason}"
    );
    while events.next().await != Some(ClientEvent::Reconnected) {}
    assert_eq!(client.call::<i64>("echo", &1).await?, 1);
    Ok(())
}

/// The network swallows everything: only the time tells.
async fn the_server_gives_no_sign_of_life(session: Session) -> jidda::Result<()> {
    let mut options = session.setting.server_options();
    options.extend(["--heartbeat", "100"]);
    let server = Server::start(&options).await?;
    let relay = Relay::to(&server.address).await?;
    let client = session.at(&relay.address).connect().await?;
    let mut events = client.events();
    relay.swallow();
    let reason = loop {
        if let Some(ClientEvent::Disconnected(reason)) = events.next().await {
            break reason;
        }
    };
    // A request that is not answered may be given up first.
    let is_given_up =
        session.setting.transport != Transport::WebSocket && reason == DisconnectReason::TransportError;
    assert!(is_given_up || reason == DisconnectReason::PingTimeout, "{reason:?}");
    Ok(())
}
