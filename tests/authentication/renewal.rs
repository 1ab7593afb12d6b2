//! Credentials that expire, and newer ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jidda::{CallError, Client, ClientEvent, DisconnectReason, Server};
use serde_json::json;

use super::peer::{Peer, code, field, hello, map, notification, request, response};
use super::{address, scripted};

async fn short(notice: Duration) -> Server {
    scripted().0.expiry_notice(notice).start().await.unwrap()
}

fn lasting(name: &str, seconds: f64, may: &[&str]) -> jidda::Value {
    let may = may.iter().map(|permission| jidda::Value::from(*permission)).collect();
    map(&[("name", name.into()), ("for", seconds.into()), ("may", jidda::Value::Array(may))])
}

fn renewal(id: u32, credentials: jidda::Value) -> jidda::Value {
    request(id, "$/authenticate", vec![map(&[("credentials", credentials)])])
}

#[tokio::test]
async fn a_peer_is_told_before_its_credentials_expire_and_closed_then() {
    let server = short(Duration::from_secs(60)).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 1.0, &[]))).await;
    let welcome = peer.receive().await.unwrap();
    assert!((1..=1000).contains(&field(&welcome[3], "expires").as_u64().unwrap()), "{welcome}");
    peer.join(2, "/").await;
    let told = peer.receive().await.unwrap();
    assert_eq!(told[1], "$/expiring".into());
    assert!(told[2][0].as_u64().unwrap() <= 1000, "{told}");
    assert_eq!(peer.rest().await, [notification("$/close", vec!["credentials expired".into()])]);
}

#[tokio::test]
async fn newer_credentials_take_the_place_of_those_before() {
    let server = short(Duration::ZERO).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 2.0, &["admin"]))).await;
    peer.receive().await.unwrap();
    peer.join(2, "/").await;
    peer.send(&request(3, "grant", vec!["extra".into()])).await;
    peer.send(&request(4, "erase", vec![])).await;
    assert_eq!(peer.reply(4).await, response(4, "erased"));
    peer.send(&renewal(5, lasting("ada", 600.0, &[]))).await;
    let renewed = peer.reply(5).await;
    assert_eq!(field(&renewed[3], "identity"), &"ada".into());
    assert!(field(&renewed[3], "expires").as_u64().unwrap() > 500_000, "{renewed}");
    // What came with the old ones went with them, what was granted stayed.
    peer.send(&request(6, "erase", vec![])).await;
    assert_eq!(code(&peer.reply(6).await), "denied");
    let socket = server.sockets().remove(0);
    assert!(socket.allows("extra") && !socket.allows("admin"));
    peer.send(&renewal(7, lasting("ada", 600.0, &["admin"]))).await;
    peer.reply(7).await;
    assert!(socket.allows("extra") && socket.allows("admin"));
    // The first ones would have expired by then.
    tokio::time::sleep(Duration::from_millis(2200)).await;
    peer.send(&request(8, "who", vec![])).await;
    assert_eq!(peer.reply(8).await, response(8, "ada"));
}

#[tokio::test]
async fn an_identity_does_not_become_another_one() {
    let server = short(Duration::ZERO).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&renewal(1, lasting("ada", 5.0, &[]))).await;
    assert_eq!(code(&peer.reply(1).await), "unauthenticated", "nothing is renewed before it was");
    peer.send(&hello(2, lasting("ada", 1.0, &[]))).await;
    peer.reply(2).await;
    peer.join(3, "/").await;
    peer.send(&renewal(4, lasting("root", 600.0, &["admin"]))).await;
    assert_eq!(code(&peer.reply(4).await), "identity_changed");
    for (credentials, expected) in [
        (map(&[]), "unauthenticated"),
        (map(&[("name", "banned".into())]), "banned"),
        (map(&[("name", "panic".into())]), "internal"),
        (lasting("ada", 0.0, &[]), "unauthenticated"),
    ] {
        peer.send(&renewal(5, credentials)).await;
        assert_eq!(code(&peer.reply(5).await), expected);
    }
    let other = map(&[("identity", "root".into()), ("credentials", lasting("ada", 600.0, &[]))]);
    peer.send(&request(6, "$/authenticate", vec![other])).await;
    assert_eq!(code(&peer.reply(6).await), "unauthenticated");
    peer.send(&request(7, "$/authenticate", vec![map(&[("identity", 7.into())])])).await;
    assert_eq!(code(&peer.reply(7).await), "bad_arguments");
    peer.send(&request(8, "who", vec![])).await;
    assert_eq!(peer.reply(8).await, response(8, "ada"));
    // The one it has holds until its own end.
    assert_eq!(peer.rest().await, [notification("$/close", vec!["credentials expired".into()])]);
}

#[tokio::test]
async fn one_renewal_at_a_time_and_the_connection_goes_on_meanwhile() {
    let (builder, late) = scripted();
    let server = builder.handshake_timeout(Duration::from_millis(500)).start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    late.notify_one();
    peer.send(&hello(1, lasting("late", 600.0, &[]))).await;
    peer.reply(1).await;
    peer.join(2, "/").await;
    peer.send(&renewal(3, lasting("late", 600.0, &[]))).await;
    peer.send(&renewal(4, lasting("late", 600.0, &[]))).await;
    assert_eq!(code(&peer.reply(4).await), "busy");
    peer.send(&request(5, "who", vec![])).await;
    assert_eq!(peer.reply(5).await, response(5, "late"));
    late.notify_one();
    assert_eq!(field(&peer.reply(3).await[3], "identity"), &"late".into());
    // One that is never answered does not stand in the way for ever.
    peer.send(&renewal(6, lasting("never", 600.0, &[]))).await;
    assert_eq!(code(&peer.reply(6).await), "timeout");
    late.notify_one();
    peer.send(&renewal(7, lasting("late", 600.0, &[]))).await;
    assert_eq!(field(&peer.reply(7).await[3], "identity"), &"late".into());
}

#[tokio::test]
async fn a_client_renews_by_itself() {
    let server = short(Duration::from_secs(60)).await;
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let client = Client::builder(address(&server)).credentials_with(move || {
        let seconds = if count.fetch_add(1, Ordering::Relaxed) == 0 { 2.0 } else { 600.0 };
        async move { Ok(json!({ "name": "ada", "for": seconds })) }
    });
    let client = client.connect().await.unwrap();
    let mut events = client.events();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(client.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(events.next().await, Some(ClientEvent::CredentialsExpiring));
    // By hand, and badly.
    let refusal = client.authenticate(&json!({ "name": "bob" })).await;
    assert!(matches!(refusal, Err(CallError::Refused { code, .. }) if code == "identity_changed"));
    client.authenticate(&json!({ "name": "ada" })).await.unwrap();
}

#[tokio::test]
async fn a_client_whose_credentials_expired_comes_back_with_newer_ones() {
    let server = short(Duration::ZERO).await;
    let client = Client::builder(address(&server))
        .credentials_with(async || Ok(json!({ "name": "ada", "for": 1 })))
        .connect()
        .await
        .unwrap();
    let mut events = client.events();
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        if event == ClientEvent::Reconnected {
            break;
        }
        seen.push(event);
    }
    assert_eq!(seen[0], ClientEvent::Disconnected(DisconnectReason::CredentialsExpired));
    assert_eq!(client.call::<String>("who", &()).await.unwrap(), "ada");
}
