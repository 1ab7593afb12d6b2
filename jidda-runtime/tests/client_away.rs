//! What a client sends while it has no connection.
#![allow(missing_docs)]

#[path = "support/fake.rs"]
mod fake;
#[path = "support/peer.rs"]
mod peer;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake::Fake;
use jidda_runtime::{Backoff, Client, ClientEvent, ClientEvents, SendError};
use peer::{Peer, notification};

/// A client that has been connected, and is not any more.
async fn away(fake: &Fake, max_message: u32) -> (Client, ClientEvents) {
    let connecting = tokio::spawn(fake.client().connect());
    let peer = fake.welcome_with(max_message).await;
    let client = connecting.await.unwrap().unwrap();
    let mut events = client.events();
    drop(peer);
    while !matches!(events.next().await, Some(ClientEvent::Reconnecting { .. })) {}
    (client, events)
}

/// Writes down what the client's hook is shown.
fn refusals(client: &Client) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    client.root().on_refused(move |event, error| {
        log.lock().unwrap().push(format!("{event}: {} {error}", error.code()));
    });
    seen
}

async fn names(peer: &mut Peer, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(peer.receive().await.expect("an event")[1].as_str().expect("a name").to_owned());
    }
    names
}

#[tokio::test]
async fn what_the_server_does_not_take_is_refused_while_away_too() {
    let fake = Fake::new().await;
    let (client, _events) = away(&fake, 1000).await;
    let large = client.emit("large", &"x".repeat(1000)).await;
    assert!(matches!(large, Err(SendError::TooLarge { limit: 1000, .. })), "{large:?}");
    client.emit("small", &1).await.unwrap();
    let mut peer = fake.welcome_with(1000).await;
    assert_eq!(peer.receive().await, Some(notification("small", vec![1.into()])));
}

#[tokio::test]
async fn what_the_server_no_longer_takes_is_dropped_alone_and_reported() {
    let fake = Fake::new().await;
    let (client, _events) = away(&fake, 1_000_000).await;
    let seen = refusals(&client);
    for (name, size) in [("a", 10), ("b", 2000), ("c", 10), ("d", 5000), ("e", 10)] {
        client.emit(name, &"x".repeat(size)).await.unwrap();
    }
    let mut peer = fake.welcome_with(1000).await;
    assert_eq!(names(&mut peer, 3).await, ["a", "c", "e"]);
    peer::eventually("both are reported", || seen.lock().unwrap().len() == 2).await;
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("b: too_large the message has 2"), "{seen:?}");
    assert!(seen[1].starts_with("d: too_large the message has 5"), "{seen:?}");
    assert!(client.root().is_connected());
}

#[tokio::test]
async fn what_waits_when_the_client_ends_is_reported() {
    let fake = Fake::new().await;
    let patient = Backoff::default().first(Duration::from_secs(3600)).limit(Duration::from_secs(3600));
    let connecting = tokio::spawn(fake.client().reconnect(patient).connect());
    let peer = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let seen = refusals(&client);
    let mut events = client.events();
    drop(peer);
    while !matches!(events.next().await, Some(ClientEvent::Reconnecting { .. })) {}
    client.emit("a", &1).await.unwrap();
    client.emit("b", &2).await.unwrap();
    client.disconnect().await;
    let because = "not_connected the socket is closed: client namespace disconnect";
    assert_eq!(*seen.lock().unwrap(), [format!("a: {because}"), format!("b: {because}")]);
    assert_eq!(client.emit("c", &3).await, Err(SendError::NotConnected));
}

#[tokio::test]
async fn an_auth_value_that_is_too_large_costs_the_join_and_not_the_connection() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.welcome_with(1000).await;
    let client = connecting.await.unwrap().unwrap();
    let error = client.join("/chat", &"x".repeat(1000)).await.unwrap_err();
    assert_eq!(error.code(), Some("too_large"), "{error}");
    client.emit("next", &1).await.unwrap();
    assert_eq!(peer.receive().await, Some(notification("next", vec![1.into()])));
}
