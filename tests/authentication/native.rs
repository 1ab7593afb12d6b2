//! Over the native wire.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jidda::Client;
use jidda::auth::{DuplicateIdentity, Identity, TrustedPeer};
use jidda::client::{ClientBuilder, ClientEvent};
use jidda::error::ConnectError;
use jidda::presence::PresenceEvent;
use jidda::socket::DisconnectReason;
use serde_json::json;

use super::peer::{Peer, code, field, hello, map, notification, request, response};
use super::{address, guarded, passwords, scripted};

fn named(name: &str) -> jidda::payload::Value {
    map(&[("name", name.into())])
}

fn refused(error: &ConnectError) -> &str {
    match error {
        ConnectError::Refused(error) => error.code().expect("a code"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_peer_with_the_password_is_admitted_with_its_identity() {
    let server = guarded(passwords()).start().await.unwrap();
    let client = |user: &str, password: &str| {
        Client::builder(address(&server)).credentials(&json!({ "user": user, "password": password }))
    };
    let ada = client("ada", "ada").connect().await.unwrap();
    assert_eq!(ada.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(ada.call::<String>("erase", &()).await.unwrap_err().code(), Some("denied"));
    // Every namespace is joined as the same one.
    let other = ada.join("/other", &()).await.unwrap();
    assert_eq!(other.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(server.user("ada").count(), 2);
    let admin = client("admin", "admin").connect().await.unwrap();
    assert_eq!(admin.call::<String>("erase", &()).await.unwrap(), "erased");

    for builder in [client("ada", "bob"), client("", " "), Client::builder(address(&server)).credentials(&7)]
    {
        let error = builder.connect().await.unwrap_err();
        assert_eq!(refused(&error), "unauthenticated");
    }
    assert_eq!(refused(&Client::connect(&address(&server)).await.unwrap_err()), "unauthenticated");
    // What was shown is not kept for handlers to show around.
    assert_eq!(ada.call::<String>("shown", &()).await.unwrap(), "nil None");
}

#[tokio::test]
async fn a_claim_has_to_be_proved() {
    let server = guarded(passwords()).start().await.unwrap();
    let ada = || Client::builder(address(&server)).credentials(&json!({ "user": "ada", "password": "ada" }));
    assert_eq!(
        ada().identity("ada").connect().await.unwrap().call::<String>("who", &()).await.unwrap(),
        "ada"
    );
    assert_eq!(refused(&ada().identity("bob").connect().await.unwrap_err()), "unauthenticated");

    // Where peers are trusted the claim is all there is.
    let server = guarded(TrustedPeer::new()).start().await.unwrap();
    let bob = Client::builder(address(&server)).identity("bob").connect().await.unwrap();
    assert_eq!(bob.call::<String>("who", &()).await.unwrap(), "bob");
    assert_eq!(refused(&Client::connect(&address(&server)).await.unwrap_err()), "unauthenticated");
}

#[tokio::test]
async fn a_peer_without_credentials_may_be_admitted_anonymously() {
    let server = guarded(passwords()).allow_anonymous().start().await.unwrap();
    let nobody = Client::connect(&address(&server)).await.unwrap();
    let refusal = nobody.call::<String>("who", &()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "this connection has no identity (denied)");
    // Wrong credentials are not none.
    let wrong = Client::builder(address(&server)).credentials(&json!({ "user": "ada", "password": "?" }));
    assert_eq!(refused(&wrong.connect().await.unwrap_err()), "unauthenticated");
    // Nobody may become somebody, once.
    nobody.authenticate(&json!({ "user": "ada", "password": "ada" })).await.unwrap();
    assert_eq!(nobody.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(server.user("ada").count(), 1);
    let bob = nobody.authenticate(&json!({ "user": "bob", "password": "bob" })).await.unwrap_err();
    assert_eq!(bob.code(), Some("identity_changed"));
}

#[tokio::test]
async fn a_refusal_is_the_answer_to_hello_and_the_end() {
    let (builder, _) = scripted();
    let server = builder.start().await.unwrap();
    let refusals = [
        (map(&[]), "unauthenticated"),
        (jidda::payload::Value::Nil, "unauthenticated"),
        (named("banned"), "banned"),
        (named("panic"), "internal"),
        (named("broken"), "internal"),
        (map(&[("name", "ada".into()), ("for", 0.into())]), "unauthenticated"),
    ];
    for (credentials, expected) in refusals {
        let mut peer = Peer::connect(&server).await;
        peer.send(&hello(1, credentials)).await;
        let reply = peer.receive().await.unwrap();
        assert_eq!(code(&reply), expected, "{reply}");
        assert!(!reply.to_string().contains("database"), "{reply}");
        if expected == "banned" {
            assert_eq!(field(&reply[2], "data"), &7.into());
        }
        // What is not the peer's fault does not tell it to stay away.
        let reason =
            if expected == "internal" { "internal error (internal)" } else { "authentication failed" };
        assert_eq!(peer.rest().await, [notification("$/close", vec![reason.into()])]);
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_identity_that_is_no_text_is_refused_and_may_be_said_again() {
    let server = guarded(TrustedPeer::new()).start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.send(&request(1, "$/hello", vec![map(&[("wire", 1.into()), ("identity", 7.into())])])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "bad_arguments");
    peer.send(&request(2, "$/hello", vec![map(&[("wire", 1.into()), ("identity", "ada".into())])])).await;
    let welcome = peer.receive().await.unwrap();
    assert_eq!(field(&welcome[3], "identity"), &"ada".into());
    // It cannot become another one by another hello.
    peer.send(&request(3, "$/hello", vec![map(&[("wire", 1.into()), ("identity", "bob".into())])])).await;
    assert_eq!(code(&peer.receive().await.unwrap()), "already_authenticated");
    peer.join(4, "/").await;
    peer.send(&request(5, "who", vec![])).await;
    assert_eq!(peer.receive().await.unwrap(), response(5, "ada"));
}

#[tokio::test]
async fn a_plain_peer_is_asked_for_nothing_but_its_transport() {
    // No credentials, and none are needed.
    let server = guarded(passwords()).allow_anonymous().start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.send(&request(1, "now", vec![])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, jidda::payload::Value::Nil));
    // They are needed: the first request gets the refusal, and so does a join.
    let server = guarded(passwords()).start().await.unwrap();
    for first in [request(1, "now", vec![]), request(1, "$/connect", vec!["/".into()])] {
        let mut peer = Peer::connect(&server).await;
        peer.send(&first).await;
        assert_eq!(code(&peer.receive().await.unwrap()), "unauthenticated");
        assert_eq!(peer.rest().await, [notification("$/close", vec!["authentication failed".into()])]);
    }
    let mut peer = Peer::connect(&server).await;
    peer.send(&notification("now", vec![])).await;
    assert_eq!(peer.rest().await, [notification("$/close", vec!["authentication failed".into()])]);
}

#[tokio::test]
async fn messages_during_authentication_wait_in_order() {
    let (builder, late) = scripted();
    let server = builder.start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    // All at once, and more than is read in one piece.
    let mut burst = Vec::new();
    rmpv::encode::write_value(&mut burst, &hello(1, named("late"))).unwrap();
    rmpv::encode::write_value(&mut burst, &request(2, "$/connect", vec!["/".into()])).unwrap();
    for id in 3..2000 {
        rmpv::encode::write_value(&mut burst, &request(id, "who", vec!["x".repeat(100).into()])).unwrap();
    }
    let (sent, ()) = tokio::join!(
        async {
            peer.send_bytes(&burst).await;
            peer
        },
        // Others are served meanwhile.
        async {
            let other = Client::builder(address(&server)).credentials(&json!({ "name": "ada" }));
            assert_eq!(other.connect().await.unwrap().call::<String>("who", &()).await.unwrap(), "ada");
            late.notify_one();
        }
    );
    let mut peer = sent;
    let welcome = peer.receive().await.unwrap();
    assert_eq!(field(&welcome[3], "identity"), &"late".into());
    assert_eq!(peer.receive().await.unwrap()[1], 2.into());
    for id in 3..2000 {
        assert_eq!(peer.receive().await.unwrap(), response(id, "late"));
    }
}

#[tokio::test]
async fn a_pending_authentication_ends_with_the_handshake_timeout() {
    let (builder, _) = scripted();
    let server = builder.handshake_timeout(Duration::from_secs(1)).start().await.unwrap();
    let ada =
        Client::builder(address(&server)).credentials(&json!({ "name": "ada" })).connect().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, named("never"))).await;
    peer.send(&request(2, "$/connect", vec!["/".into()])).await;
    assert_eq!(ada.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(peer.rest().await, [notification("$/close", vec!["handshake timeout".into()])]);
    // Signs of life are not credentials, either.
    let mut peer = Peer::connect(&server).await;
    peer.ping().await;
    assert_eq!(peer.rest().await, [notification("$/close", vec!["handshake timeout".into()])]);
    assert_eq!(ada.call::<String>("who", &()).await.unwrap(), "ada");
}

#[tokio::test]
async fn a_peer_that_disconnects_cancels_its_authentication() {
    let (builder, _) = scripted();
    // It is looked after at each turn of the wheel.
    let server = builder.heartbeat(Duration::from_millis(200)).start().await.unwrap();
    let mut peer = Peer::connect(&server).await;
    peer.send(&hello(1, named("never"))).await;
    drop(peer);
    // A connection that is still there would not let it.
    assert!(server.shutdown(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn a_refused_client_does_not_reconnect() {
    let server = scripted().0.start().await.unwrap();
    let asked = AtomicU32::new(0);
    let client = Client::builder(address(&server)).credentials_with(move || {
        let name = if asked.fetch_add(1, Ordering::Relaxed) == 0 { "ada" } else { "banned" };
        async move { Ok(json!({ "name": name, "for": 1 })) }
    });
    let client = client.connect().await.unwrap();
    // What it showed expires, and what it has by then is no good.
    let reason = client.closed().await;
    let is_named = reason.as_str().contains("not you (banned)");
    assert!(is_named || reason == DisconnectReason::AuthenticationFailed, "{reason}");
}

#[tokio::test]
async fn a_client_retries_after_an_internal_error_of_the_authenticator() {
    let server = scripted().0.start().await.unwrap();
    let asked = AtomicU32::new(0);
    let backoff =
        jidda::client::Backoff::default().first(Duration::from_millis(5)).limit(Duration::from_millis(20));
    let client = Client::builder(address(&server)).reconnect(backoff).credentials_with(move || {
        let asked = asked.fetch_add(1, Ordering::Relaxed);
        // The first ones expire, then the database is away twice.
        let name = if (2..4).contains(&asked) { "broken" } else { "ada" };
        let seconds = if asked < 2 { 1 } else { 3600 };
        async move { Ok(json!({ "name": name, "for": seconds })) }
    });
    let client = client.connect().await.unwrap();
    let mut events = client.events();
    let back = async { while events.next().await.expect("it comes again") != ClientEvent::Reconnected {} };
    tokio::time::timeout(Duration::from_secs(60), back).await.expect("it comes again");
    assert_eq!(client.call::<String>("who", &()).await, Ok("ada".to_owned()));
}

#[tokio::test]
async fn a_client_without_the_credentials_it_wants_says_so() {
    let server = guarded(passwords()).start().await.unwrap();
    let builder = Client::builder(address(&server))
        .credentials_with(async || Err::<(), _>(jidda::Error::new("locked", "the keyring is locked")));
    let error = ClientBuilder::no_reconnect(builder).connect().await.unwrap_err();
    let ConnectError::Credentials(cause) = &error else { panic!("{error}") };
    assert_eq!((cause.as_error().code(), &*cause.to_string()), ("locked", "the keyring is locked"));
}

#[tokio::test]
async fn a_server_without_authentication_admits_all_and_renews_nothing() {
    let server =
        jidda::Server::builder().app::<super::Guarded>().listen("127.0.0.1:0").start().await.unwrap();
    let client = Client::builder(address(&server)).credentials(&"whatever").identity("ada");
    let client = client.connect().await.unwrap();
    assert_eq!(client.call::<String>("who", &()).await.unwrap_err().code(), Some("denied"));
    assert_eq!(client.authenticate(&"whatever").await.unwrap_err().code(), Some("not_found"));
}

#[tokio::test]
async fn an_authenticated_identity_is_online_until_its_connection_ends() {
    let server = guarded(passwords()).start().await.unwrap();
    let mut changes = server.presence().changes();
    let ada = || Client::builder(address(&server)).credentials(&json!({ "user": "ada", "password": "ada" }));
    let client = ada().connect().await.unwrap();
    assert_eq!(changes.next().await, Some(PresenceEvent::Joined("ada".into())));
    client.join("/other", &()).await.unwrap();
    server.of("/").disconnect();
    assert!(server.presence().is_here("ada"));
    client.disconnect().await;
    assert_eq!(changes.next().await, Some(PresenceEvent::Left("ada".into())));

    // One that is here already is not let in twice, where that is the rule.
    let server = guarded(passwords()).duplicate_identity(DuplicateIdentity::RefuseNew).start().await.unwrap();
    let ada = || Client::builder(address(&server)).credentials(&json!({ "user": "ada", "password": "ada" }));
    let first = ada().connect().await.unwrap();
    assert_eq!(refused(&ada().connect().await.unwrap_err()), "already_connected");
    // Renewing is not coming twice.
    first.authenticate(&json!({ "user": "ada", "password": "ada" })).await.unwrap();
    assert_eq!(first.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(server.presence().count(), 1);
}

#[tokio::test]
async fn the_program_may_know_better_for_one_socket() {
    let server = guarded(passwords()).start().await.unwrap();
    let admin =
        Client::builder(address(&server)).credentials(&json!({ "user": "admin", "password": "admin" }));
    let admin = admin.connect().await.unwrap();
    admin.join("/other", &()).await.unwrap();
    let socket = server.sockets().remove(0);
    assert_eq!(socket.permissions(), ["admin"]);
    socket.revoke("admin");
    assert_eq!(admin.call::<String>("erase", &()).await.unwrap_err().code(), Some("denied"));
    socket.reset_permissions();
    assert_eq!(admin.call::<String>("erase", &()).await.unwrap(), "erased");
    socket.identify(Identity::new("ada").with_permission("reader")).unwrap();
    assert_eq!(admin.call::<String>("who", &()).await.unwrap(), "ada");
    assert_eq!(socket.permissions(), ["reader"]);
    assert_eq!((server.user("ada").count(), server.user("admin").count()), (1, 1));
    // What the connection is known as is renewed beside it.
    admin.authenticate(&json!({ "user": "admin", "password": "admin" })).await.unwrap();
    assert_eq!(socket.identity().unwrap().name(), "ada");
    assert_eq!((server.user("ada").count(), server.user("admin").count()), (1, 1));
}
