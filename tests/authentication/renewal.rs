//! Credentials that expire, and newer ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jidda::client::ClientEvent;
use jidda::error::CallError;
use jidda::socket::DisconnectReason;
use jidda::{Client, Server};
use serde_json::json;

use super::peer::{Peer, code, field, hello, map, notification, request, response};
use super::{address, scripted};

async fn short(notice: Duration) -> Server {
    scripted().0.expiry_notice(notice).start().await.unwrap()
}

fn lasting(name: &str, seconds: f64, may: &[&str]) -> jidda::payload::Value {
    let may = may.iter().map(|permission| jidda::payload::Value::from(*permission)).collect();
    map(&[("name", name.into()), ("for", seconds.into()), ("may", jidda::payload::Value::Array(may))])
}

fn renewal(id: u32, credentials: jidda::payload::Value) -> jidda::payload::Value {
    request(id, "$/authenticate", vec![map(&[("credentials", credentials)])])
}

#[tokio::test]
async fn a_peer_is_notified_before_its_credentials_expire() {
    let server = short(Duration::from_secs(600)).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 300.0, &[]))).await;
    let welcome = peer.receive().await.unwrap();
    assert!((1..=300_000).contains(&field(&welcome[3], "expires").as_u64().unwrap()), "{welcome}");
    let told = peer.receive().await.unwrap();
    assert_eq!(told[1], "$/expiring".into());
    assert!(told[2][0].as_u64().unwrap() <= 300_000, "{told}");
}

#[tokio::test]
async fn a_connection_ends_with_its_credentials() {
    let server = short(Duration::ZERO).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 0.3, &[]))).await;
    peer.reply(1).await;
    assert_eq!(peer.rest().await, [notification("$/close", vec!["credentials expired".into()])]);
}

#[tokio::test]
async fn newer_credentials_take_the_place_of_those_before() {
    let server = short(Duration::ZERO).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 300.0, &["admin"]))).await;
    peer.receive().await.unwrap();
    peer.join(2, "/").await;
    peer.send(&request(3, "grant", vec!["extra".into()])).await;
    peer.send(&request(4, "erase", vec![])).await;
    assert_eq!(peer.reply(4).await, response(4, "erased"));
    peer.send(&renewal(5, lasting("ada", 600.0, &[]))).await;
    let renewed = peer.reply(5).await;
    assert_eq!(field(&renewed[3], "identity"), &"ada".into());
    assert!(field(&renewed[3], "expires").as_u64().unwrap() > 300_000, "{renewed}");
    // What came with the old ones went with them, what was granted stayed.
    peer.send(&request(6, "erase", vec![])).await;
    assert_eq!(code(&peer.reply(6).await), "denied");
    let socket = server.sockets().remove(0);
    assert!(socket.allows("extra") && !socket.allows("admin"));
    peer.send(&renewal(7, lasting("ada", 0.2, &["admin"]))).await;
    peer.reply(7).await;
    assert_eq!(peer.rest().await, [notification("$/close", vec!["credentials expired".into()])]);
}

#[tokio::test]
async fn a_connection_outlives_the_credentials_it_began_with() {
    let server = short(Duration::ZERO).await;
    // On a busy machine the first ones may be over before the newer ones came.
    for seconds in [1.0, 4.0, 16.0, 64.0] {
        let mut peer = Peer::connect(&server).await;
        peer.send(&hello(1, lasting("ada", seconds, &[]))).await;
        peer.send(&renewal(2, lasting("ada", 600.0, &[]))).await;
        peer.receive().await.unwrap();
        if peer
            .receive()
            .await
            .is_none_or(|reply| reply[1] != 2.into() || reply[2] != jidda::payload::Value::Nil)
        {
            continue;
        }
        tokio::time::sleep(Duration::from_secs_f64(seconds + 0.5)).await;
        peer.join(3, "/").await;
        peer.send(&request(4, "who", vec![])).await;
        assert_eq!(peer.reply(4).await, response(4, "ada"));
        return;
    }
    panic!("no renewal came in time");
}

#[tokio::test]
async fn an_identity_does_not_become_another_one() {
    let server = short(Duration::ZERO).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&renewal(1, lasting("ada", 5.0, &[]))).await;
    assert_eq!(code(&peer.reply(1).await), "unauthenticated", "nothing is renewed before it was");
    peer.send(&hello(2, lasting("ada", 600.0, &[]))).await;
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
}

#[tokio::test]
async fn a_refused_renewal_does_not_prolong_anything() {
    let server = short(Duration::ZERO).await;
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 1.0, &[]))).await;
    peer.send(&renewal(2, lasting("root", 600.0, &[]))).await;
    peer.reply(1).await;
    assert_eq!(code(&peer.reply(2).await), "identity_changed");
    assert_eq!(peer.rest().await, [notification("$/close", vec!["credentials expired".into()])]);
}

#[tokio::test]
async fn one_renewal_at_a_time_and_the_connection_goes_on_meanwhile() {
    let (builder, late) = scripted();
    let server = builder.start().await.unwrap();
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
}

#[tokio::test]
async fn a_renewal_that_is_never_answered_does_not_stand_in_the_way() {
    let (builder, _) = scripted();
    let server = builder.handshake_timeout(Duration::from_secs(2)).start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, lasting("ada", 600.0, &[]))).await;
    peer.reply(1).await;
    peer.send(&renewal(2, lasting("never", 600.0, &[]))).await;
    assert_eq!(code(&peer.reply(2).await), "timeout");
    peer.send(&renewal(3, lasting("ada", 600.0, &[]))).await;
    assert_eq!(field(&peer.reply(3).await[3], "identity"), &"ada".into());
}

/// Credentials that are asked for: the first ones last so long, all others ten minutes.
fn asked(
    seconds: f64,
) -> (Arc<AtomicU32>, impl Fn() -> std::future::Ready<jidda::Result<serde_json::Value>>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let ask = move || {
        let seconds = if count.fetch_add(1, Ordering::Relaxed) == 0 { seconds } else { 600.0 };
        std::future::ready(Ok(json!({ "name": "ada", "for": seconds })))
    };
    (asked, ask)
}

#[tokio::test]
async fn a_client_renews_by_itself() {
    let server = short(Duration::from_secs(400)).await;
    let (count, ask) = asked(300.0);
    let client = Client::builder(address(&server)).credentials_with(ask).connect().await.unwrap();
    let mut events = client.events();
    while count.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(client.call::<String>("who", &()).await.unwrap(), "ada");
    // By hand, and badly.
    let refusal = client.authenticate(&json!({ "name": "bob" })).await;
    assert!(matches!(refusal, Err(CallError::Refused { code, .. }) if code == "identity_changed"));
    client.authenticate(&json!({ "name": "ada", "for": 200 })).await.unwrap();
    assert_eq!(events.next().await, Some(ClientEvent::CredentialsExpiring));
}

#[tokio::test]
async fn a_client_whose_credentials_expired_reconnects_with_newer_ones() {
    let server = short(Duration::ZERO).await;
    let (_, ask) = asked(1.0);
    let client = Client::builder(address(&server)).credentials_with(ask).connect().await.unwrap();
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
