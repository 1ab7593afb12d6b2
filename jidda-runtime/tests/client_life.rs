//! A client's life, from the first attempt to the end, wherever that meets it.
#![allow(missing_docs)]

#[path = "support/fake.rs"]
mod fake;
#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake::Fake;
use handlers::{Gate, HERE, Journal, done};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Side};
use jidda_runtime::{
    Backoff, CallError, Client, ClientEvent, ClientEvents, ConnectError, DisconnectReason, FailureKind,
    SendError, Server, Value,
};
use peer::{LIMIT, closing, eventually};
#[cfg(feature = "noise")]
use tokio::io::{AsyncReadExt, copy_bidirectional};
#[cfg(feature = "noise")]
use tokio::net::{TcpListener, TcpStream};

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("in time")
}

async fn until(events: &mut ClientEvents, is_it: impl Fn(&ClientEvent) -> bool) {
    loop {
        let event = in_time(events.next()).await.expect("the client is not over yet");
        if is_it(&event) {
            return;
        }
    }
}

/// That nothing more will come of a client.
async fn is_over(client: &Client, events: &mut ClientEvents, reason: &DisconnectReason) {
    assert_eq!(in_time(client.closed()).await, *reason);
    while in_time(events.next()).await.is_some() {}
    assert_eq!(in_time(client.events().next()).await, None);
    assert_eq!(in_time(client.emit("a", &1)).await, Err(SendError::NotConnected));
    assert!(in_time(client.call::<u8>("a", &1).into_future()).await.unwrap_err().is_disconnected());
    assert!(!client.root().is_connected());
}

#[tokio::test]
async fn disconnecting_gives_a_hello_up_that_is_under_way() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    let first = fake.welcome().await;
    let client = connecting.await.unwrap().unwrap();
    let mut events = client.events();
    drop(first);
    let mut second = fake.accept().await;
    assert_eq!(second.receive().await.expect("a hello")[2], "$/hello".into());
    let reading = async {
        let said = second.rest().await;
        drop(second);
        said
    };
    let (said, ()) = tokio::join!(reading, in_time(client.disconnect()));
    assert_eq!(closing(said.last().expect("a farewell")), Some("client namespace disconnect"));
    is_over(&client, &mut events, &DisconnectReason::ClientDisconnect).await;
}

/// A client of a Noise server behind a proxy that passes on the first connection only. That is lost, and the proxy holds
/// the handshake of the second one.
#[cfg(feature = "noise")]
async fn held() -> (Client, Server, TcpStream) {
    use jidda_runtime::{KeyPair, NoiseClient, NoiseServer};

    let (keys, own) = (KeyPair::generate(), KeyPair::generate());
    let known = NoiseClient::new(own, keys.public());
    let server = Server::builder().handlers([]).listen("noise://127.0.0.1:0").noise(NoiseServer::new(keys));
    let server = server.start().await.unwrap();
    let there = server.addresses()[0].to_string().replace("noise://", "");
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backoff = Backoff::default().first(Duration::from_millis(1));
    let client = Client::builder(format!("noise://{}", proxy.local_addr().unwrap())).noise(known);
    let connecting = tokio::spawn(client.reconnect(backoff).connect());
    let (mut ours, _) = in_time(proxy.accept()).await.unwrap();
    let passing = tokio::spawn(async move {
        let mut theirs = TcpStream::connect(there).await.unwrap();
        let _ = copy_bidirectional(&mut ours, &mut theirs).await;
    });
    let client = in_time(connecting).await.unwrap().unwrap();
    passing.abort();
    let (mut second, _) = in_time(proxy.accept()).await.unwrap();
    second.read_u8().await.expect("the beginning of a handshake");
    (client, server, second)
}

#[cfg(feature = "noise")]
#[tokio::test]
async fn disconnecting_gives_a_dial_up_that_is_under_way() {
    let (client, server, mut second) = held().await;
    let mut events = client.events();
    in_time(client.disconnect()).await;
    in_time(second.read_to_end(&mut Vec::new())).await.unwrap();
    is_over(&client, &mut events, &DisconnectReason::ClientDisconnect).await;
    eventually("the server has lost the first", || server.count() == 0).await;
}

#[cfg(feature = "noise")]
#[tokio::test]
async fn a_client_that_is_dropped_gives_a_dial_up_that_is_under_way() {
    let (client, server, mut second) = held().await;
    let (root, mut events) = (client.root(), client.events());
    drop(client);
    in_time(second.read_to_end(&mut Vec::new())).await.unwrap();
    assert_eq!(in_time(root.closed()).await, DisconnectReason::ForcedClose);
    while in_time(events.next()).await.is_some() {}
    eventually("the server has lost the first", || server.count() == 0).await;
}

#[tokio::test]
async fn two_concurrent_disconnects_both_wait_for_the_end() {
    static LEAVE: HandlerEntry = HandlerEntry::new("disconnect", leave, HERE).on_side(Side::Client);
    fn leave(context: &Context, _: Arguments<'_>) -> Dispatch {
        let (journal, gate) = (Journal::of(context), Gate::of(context));
        Dispatch::future(async move {
            journal.write("leaving");
            gate.pass().await;
            done(&())
        })
    }
    let (journal, gate) = (Journal::default(), Gate::default());
    let server = Server::builder().handlers([]).listen("mem:two-disconnect").start().await.unwrap();
    let client = Client::builder("mem:two-disconnect")
        .handlers([&LEAVE])
        .state(journal.clone())
        .state(gate.clone())
        .connect()
        .await
        .unwrap();
    let ended = Arc::new(AtomicU32::new(0));
    let disconnecting: Vec<_> = (0..2)
        .map(|_| {
            let (client, ended) = (client.clone(), Arc::clone(&ended));
            tokio::spawn(async move {
                client.disconnect().await;
                ended.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    eventually("the handler runs", || journal.count("leaving") == 1).await;
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    gate.open();
    for task in disconnecting {
        in_time(task).await.unwrap();
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnecting_in_the_moment_of_a_loss_is_for_good() {
    let fake = Fake::new().await;
    for _ in 0..100 {
        let connecting = tokio::spawn(fake.client().connect());
        let peer = fake.welcome().await;
        let client = in_time(connecting).await.unwrap().unwrap();
        let mut events = client.events();
        let leaving = tokio::spawn(async move { drop(peer) });
        in_time(client.disconnect()).await;
        leaving.await.unwrap();
        is_over(&client, &mut events, &DisconnectReason::ClientDisconnect).await;
    }
}

#[tokio::test]
async fn a_server_that_lets_in_and_drops_is_given_up() {
    let fake = Fake::new().await;
    let backoff = Backoff::default().first(Duration::from_millis(1)).attempts(4);
    let connecting = tokio::spawn(fake.client().reconnect(backoff).connect());
    drop(fake.welcome().await);
    let client = connecting.await.unwrap().unwrap();
    let mut events = client.events();
    for _ in 0..4 {
        drop(fake.welcome().await);
    }
    until(&mut events, |event| *event == ClientEvent::GaveUp).await;
    is_over(&client, &mut events, &DisconnectReason::TransportClose).await;
}

#[tokio::test]
async fn a_panic_in_the_closure_for_credentials_is_an_error_of_it() {
    let fake = Fake::new().await;
    let (asked, reports) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
    let builder = |panics: [bool; 3]| {
        let (asked, seen) = (Arc::clone(&asked), Arc::clone(&reports));
        asked.store(0, Ordering::SeqCst);
        fake.client()
            .credentials_with(move || {
                let place = asked.fetch_add(1, Ordering::SeqCst) as usize;
                assert!(place != 1, "not even a future");
                async move {
                    assert!(!panics[place], "the token file is not there");
                    Ok("token")
                }
            })
            .on_error(move |report| seen.lock().unwrap().push(report.clone()))
    };
    let error = builder([true; 3]).connect().await.unwrap_err();
    assert!(matches!(error, ConnectError::Credentials(_)), "{error}");
    let connecting = tokio::spawn(builder([false, false, true]).connect());
    // The attempt that failed said no hello.
    let is_hello = |said: &Value| said[2] == "$/hello".into();
    assert!(!fake.accept().await.rest().await.iter().any(is_hello));
    drop(fake.welcome().await);
    let client = connecting.await.unwrap().unwrap();
    for _ in 0..2 {
        assert!(!fake.accept().await.rest().await.iter().any(is_hello));
    }
    let reports = reports.lock().unwrap();
    let texts: Vec<_> = reports.iter().map(|report| report.message().to_owned()).collect();
    let file = "panic: the token file is not there";
    assert_eq!(texts, [file, "panic: not even a future", file]);
    assert!(reports.iter().all(|report| report.kind() == FailureKind::Panic));
    assert!(reports.iter().all(|report| report.event() == Some("credentials_with")));
    drop(client);
}

#[test]
fn a_client_whose_runtime_ended_is_closed() {
    for is_away in [false, true] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (client, mut events, joining) = runtime.block_on(async {
            let fake = Fake::new().await;
            let patient = Backoff::default().first(LIMIT).limit(LIMIT);
            let connecting = tokio::spawn(fake.client().reconnect(patient).connect());
            let peer = fake.welcome().await;
            let client = connecting.await.unwrap().unwrap();
            let mut events = client.events();
            let mut joining = None;
            if is_away {
                drop(peer);
                until(&mut events, |event| matches!(event, ClientEvent::Reconnecting { .. })).await;
            } else {
                let call = client.call::<u8>("never", &1);
                let mut call = Box::pin(call.into_future());
                assert!(futures_util::poll!(&mut call).is_pending());
                joining = Some(call);
                // For as long as the runtime.
                std::mem::forget(peer);
            }
            (client, events, joining)
        });
        drop(runtime);
        let another = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        another.block_on(async {
            if let Some(call) = joining {
                assert!(matches!(in_time(call).await, Err(CallError::Disconnected { .. })));
            }
            is_over(&client, &mut events, &DisconnectReason::ForcedClose).await;
            in_time(client.disconnect()).await;
        });
    }
}

#[tokio::test]
async fn a_refusal_at_the_return_ends_the_client_with_its_reason() {
    let fake = Fake::new().await;
    let connecting = tokio::spawn(fake.client().connect());
    drop(fake.welcome().await);
    let client = connecting.await.unwrap().unwrap();
    let mut events = client.events();
    let mut peer = fake.accept().await;
    let hello = peer.receive().await.unwrap();
    let refusal =
        Value::Map(vec![("code".into(), "denied".into()), ("message".into(), "not any more".into())]);
    peer.send(&Value::Array(vec![1.into(), hello[1].clone(), refusal, Value::Nil])).await;
    until(&mut events, |event| *event == ClientEvent::GaveUp).await;
    let reason = in_time(client.closed()).await;
    assert!(reason.to_string().contains("not any more"), "{reason}");
    is_over(&client, &mut events, &reason).await;
}
