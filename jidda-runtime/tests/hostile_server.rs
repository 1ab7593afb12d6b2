//! A client against servers that lie, break off, or speak something else.
#![allow(missing_docs)]

#[path = "support/fake.rs"]
mod fake;
#[path = "support/peer.rs"]
mod peer;

use std::time::Duration;

use fake::{Fake, granted, hello, number, welcome};
use jidda_runtime::{Backoff, CallError, Client, ClientEvent, ConnectError, DisconnectReason, Value};
use peer::{LIMIT, bytes, eventually, notification, request, response};

#[tokio::test]
async fn garbage_for_a_welcome() {
    for garbage in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0xc1], &[0x94, 1, 1, 0xdd, 0xff, 0xff, 0xff, 0xff]]
    {
        let fake = Fake::new().await;
        let connecting = tokio::spawn(fake.client().connect());
        let mut peer = fake.accept().await;
        peer.receive().await.expect("a hello");
        peer.send_bytes(garbage).await;
        let error = tokio::time::timeout(LIMIT, connecting).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(error, ConnectError::Lost { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_of_hello() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    drop(fake.accept().await);
    let error = connecting.await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::Lost { .. }), "{error}");
}

#[tokio::test]
async fn a_patient_client_uses_the_very_next_chance() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().wait_for_server().connect());
    for _ in 0..5 {
        let mut peer = fake.accept().await;
        assert_eq!(peer.receive().await.expect("every attempt says hello")[2], "$/hello".into());
    }
    let _peer = fake.welcome().await;
    assert!(connecting.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_server_that_never_answers_hello() {
    let fake = Fake::new().await;
    let error = fake.client().connect_timeout(Duration::from_millis(100)).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_time_to_connect_is_the_clients_own() {
    use jidda_runtime::transport::{Address, KeepAlive, Listener, ServerSecrets};
    let address: Address = "mem:never-answers".parse().unwrap();
    let mut listener =
        Listener::bind(&address, &|_| Ok(()), &ServerSecrets::default(), KeepAlive::default()).await.unwrap();
    let start = tokio::time::Instant::now();
    let connecting =
        tokio::spawn(Client::builder("mem:never-answers").connect_timeout(Duration::from_secs(60)).connect());
    let _stream = listener.accept().await.unwrap();
    let error = connecting.await.unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");
    assert!(start.elapsed() >= Duration::from_secs(60), "gave up after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_refuses() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.accept().await;
    hello(&mut peer).await;
    let join = peer.receive().await.unwrap();
    let refusal = Value::Array(vec![1.into(), join[1].clone(), "not today".into(), Value::Nil]);
    peer.send(&refusal).await;
    let error = connecting.await.unwrap().unwrap_err();
    let ConnectError::Refused(refusal) = error else { panic!("{error}") };
    assert!(refusal.to_string().contains("not today"), "{refusal}");
}

#[tokio::test]
async fn a_plain_server_is_spoken_to_plainly() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.accept().await;
    let hello = peer.receive().await.unwrap();
    peer.send(&Value::Array(vec![1.into(), hello[1].clone(), "unknown method".into(), Value::Nil])).await;
    let client = connecting.await.unwrap().unwrap();
    client.emit("told", &(1, "a")).await.unwrap();
    assert_eq!(peer.receive().await.unwrap(), notification("told", vec![1.into(), "a".into()]));
    let call = client.call::<u8>("add", &(1, 2)).timeout(LIMIT);
    let call = tokio::spawn(call.into_future());
    let asked = peer.receive().await.unwrap();
    assert_eq!(asked, request(number(&asked), "add", vec![1.into(), 2.into()]), "no meta for a plain server");
    peer.send(&response(number(&asked), 3)).await;
    assert_eq!(call.await.unwrap(), Ok(3));
    client.on("double", |n: u32| async move { 2 * n });
    peer.send(&request(7, "double", vec![21.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(7, 42));
    // Its errors are strings, or whatever it likes.
    let call = tokio::spawn(client.call::<u8>("add", &()).into_future());
    let asked = peer.receive().await.unwrap();
    peer.send(&Value::Array(vec![1.into(), asked[1].clone(), "too few".into(), Value::Nil])).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("error"), "{error}");
    assert!(error.to_string().contains("too few"), "{error}");
    // A call given up is not cancelled at a server that would not know the word.
    let late = client.call::<u8>("add", &()).timeout(Duration::from_millis(1)).await;
    assert!(late.unwrap_err().is_timeout());
    client.emit("told", &2).await.unwrap();
    assert_eq!(peer.receive().await.unwrap()[2], "add".into());
    assert_eq!(peer.receive().await.unwrap(), notification("told", vec![2.into()]));
}

#[tokio::test]
async fn lies_do_not_disturb_a_client() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let call = tokio::spawn(client.call::<u8>("add", &()).into_future());
    let asked = peer.receive().await.unwrap();
    let id = number(&asked);
    for wrong in [id + 1, id + 1000, u32::MAX, 0] {
        peer.send(&response(wrong, 9)).await;
    }
    peer.send(&request(1, "$/connect", vec!["/".into(), Value::Nil])).await;
    peer.send(&notification("$/disconnect", vec!["/elsewhere".into()])).await;
    peer.send(&notification("$/cancel", vec![99.into()])).await;
    peer.send(&notification("$/refused", vec!["/elsewhere:a".into(), "no".into()])).await;
    peer.send(&notification("nobody handles this", vec![])).await;
    peer.send(&response(id, 3)).await;
    // A second answer to the same request.
    peer.send(&response(id, 4)).await;
    assert_eq!(call.await.unwrap(), Ok(3));
    // An answer of another type is an error of that call only.
    let call = tokio::spawn(client.call::<u8>("add", &()).into_future());
    let asked = loop {
        let message = peer.receive().await.unwrap();
        if message[2] == "add".into() {
            break message;
        }
    };
    peer.send(&response(number(&asked), "text")).await;
    assert!(matches!(call.await.unwrap(), Err(CallError::Decode(_))));
    assert!(client.root().is_connected());
}

#[tokio::test]
async fn what_the_server_does_not_take_is_not_sent() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.accept().await;
    let asked = peer.receive().await.unwrap();
    peer.send(&response(number(&asked), welcome(1000))).await;
    let join = peer.receive().await.unwrap();
    peer.send(&response(number(&join), granted())).await;
    let client = connecting.await.unwrap().unwrap();
    for size in 900..1100 {
        let text = "x".repeat(size);
        let sent = client.emit("note", &text).await.is_ok();
        let called = client.call::<()>("note", &text).timeout(Duration::from_millis(1)).await;
        let called = called.unwrap_err().is_timeout();
        if size < 950 {
            assert!(sent && called, "{size}: {sent} {called}");
        }
        if size > 1000 {
            assert!(!sent && !called);
        }
    }
    client.emit("end", &()).await.unwrap();
    loop {
        let message = peer.receive().await.unwrap();
        let size = bytes(&message).len();
        assert!(size <= 1000, "{size} bytes");
        if message[1] == "end".into() {
            break;
        }
    }
}

#[tokio::test]
async fn a_join_that_was_given_up_can_be_tried_again() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let mut peer = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let first = tokio::time::timeout(Duration::from_millis(20), client.join("/chat", &())).await;
    assert!(first.is_err(), "nobody answered");
    let asked = peer.receive().await.unwrap();
    assert_eq!(asked[2], "$/connect".into());
    let again = tokio::spawn({
        let client = client.clone();
        async move { client.join("/chat", &()).await }
    });
    // The server is told that the first one is void.
    let left = peer.receive().await.unwrap();
    assert_eq!(left[1], "$/disconnect".into(), "{left}");
    let asked = peer.receive().await.unwrap();
    peer.send(&response(number(&asked), granted())).await;
    assert!(again.await.unwrap().unwrap().is_connected());
}

#[tokio::test]
async fn a_silent_server_is_left_and_found_again() {
    let fake = Fake::new().await;
    let client = fake
        .client()
        .heartbeat(Duration::from_millis(50))
        .heartbeat_timeout(Duration::from_millis(50))
        .connect();
    let connecting = tokio::spawn(client);
    let silent = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let mut events = client.events();
    assert_eq!(events.next().await, Some(ClientEvent::Disconnected(DisconnectReason::PingTimeout)));
    let _peer = fake.welcome().await;
    drop(silent);
    eventually("it is back", || client.root().is_connected()).await;
}

#[tokio::test]
async fn closing_while_away_is_for_good() {
    let fake = Fake::new().await;
    let patient = Backoff::default().first(Duration::from_secs(3600)).limit(Duration::from_secs(3600));
    let connecting = tokio::spawn(fake.client().reconnect(patient).connect());
    let peer = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let mut events = client.events();
    drop(peer);
    while !matches!(events.next().await, Some(ClientEvent::Reconnecting { .. })) {}
    client.root().close();
    let reason = tokio::time::timeout(LIMIT, client.closed()).await.expect("it is over at once");
    assert_eq!(reason, DisconnectReason::ForcedClose);
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_fails_its_own_call_and_no_other() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().max_message(10_000).connect());
    let mut peer = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let first = tokio::spawn(client.call::<Value>("first", &()).into_future());
    let first_id = number(&peer.receive().await.expect("a call"));
    let large = Value::from("x".repeat(500_000));
    let deep = (0..100).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    for (result, expected) in [(large, "too_large"), (deep, "too_deep")] {
        for failed in [false, true] {
            let call = tokio::spawn(client.call::<Value>("other", &()).into_future());
            let id = number(&peer.receive().await.expect("a call"));
            let reply = if failed {
                Value::Array(vec![1.into(), id.into(), result.clone(), Value::Nil])
            } else {
                response(id, result.clone())
            };
            peer.send(&reply).await;
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error.code(), Some(expected), "{error}");
        }
    }
    peer.send(&response(first_id, 1)).await;
    assert_eq!(first.await.unwrap(), Ok(1.into()));
}
