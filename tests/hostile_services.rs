//! What a peer cannot do to a service by what it says beside its events, nor a program to itself by how it lets go.
#![allow(missing_docs)]

#[path = "../jidda-runtime/tests/support/peer.rs"]
mod peer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jidda::auth::{Identity, Password};
use jidda::client::ClientEvent;
use jidda::middleware::{Call, Next};
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::server::{Proxy, ServerBuilder};
use jidda::stream::Stream;
use jidda::{FromConnection, State};
use peer::{Peer, eventually, notification};

struct Service;
struct Behind;

#[derive(Default)]
struct Seen {
    dropped: AtomicUsize,
    noted: AtomicUsize,
}

struct Guard(Arc<Seen>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// One item, and then nothing for ever.
#[on(app = Service, namespace = "/quiet")]
async fn rare(seen: &State<Arc<Seen>>) -> impl Stream<Item = u32> {
    let guard = Guard(Arc::clone(seen));
    stream::once(async { 1 }).chain(stream::once(async move {
        let _guard = guard;
        std::future::pending::<u32>().await
    }))
}

#[on(app = Service)]
async fn silence() -> impl Stream<Item = u32> {
    stream::pending()
}

#[on(app = Service)]
async fn note(seen: &State<Arc<Seen>>, text: String) {
    tokio::task::yield_now().await;
    assert_eq!(text.len(), 100_000);
    seen.noted.fetch_add(1, Ordering::SeqCst);
}

async fn start(builder: ServerBuilder) -> Server {
    builder.listen("127.0.0.1:0").start().await.unwrap()
}

async fn service(build: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let builder = Server::builder().app::<Service>().state(Arc::clone(&seen));
    (start(build(builder)).await, seen)
}

async fn connect(server: &Server) -> Client {
    Client::connect(&server.addresses()[0].to_string()).await.unwrap()
}

#[tokio::test]
async fn a_stream_that_waits_for_its_source_ends_with_its_namespace() {
    let (server, seen) = service(|builder| builder).await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.join(1, "/quiet").await;
    let credit = Value::Map(vec![("credit".into(), 10.into())]);
    let call = vec![0.into(), 5.into(), "/quiet:rare".into(), Value::Array(vec![]), credit];
    peer.send(&Value::Array(call)).await;
    assert_eq!(peer.receive().await.unwrap()[1], "$/item".into());
    peer.send(&notification("$/disconnect", vec!["/quiet".into(), "enough".into()])).await;
    eventually("its producer is gone", || seen.dropped.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_peer_that_reads_a_stream_may_send_as_fast_as_others() {
    let (server, seen) = service(|builder| builder.max_in_flight(4)).await;
    let client = connect(&server).await;
    let mut items = silence::call(&client);
    assert!(tokio::time::timeout(Duration::from_millis(50), items.next()).await.is_err());
    let text = "x".repeat(100_000);
    for _ in 0..200 {
        client.emit("note", &text).await.unwrap();
    }
    eventually("all have run", || seen.noted.load(Ordering::SeqCst) == 200).await;
}

/// Uses its socket when it is dropped.
struct Nosy(Socket);

impl Drop for Nosy {
    fn drop(&mut self) {
        assert!(self.0.of("/elsewhere").is_none());
    }
}

#[test]
fn a_value_may_use_its_socket_when_it_is_dropped() {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (server, _) = service(|builder| builder).await;
            let client = connect(&server).await;
            let mut events = client.events();
            client.root().insert(Nosy(client.root()));
            server.shutdown(Duration::ZERO).await;
            drop(server);
            while !matches!(events.next().await, Some(ClientEvent::Reconnecting { .. })) {}
            client.disconnect().await;
            client.closed().await;
        });
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(60)).expect("it does not hang");
}

type Askers = Arc<Mutex<Vec<(String, String)>>>;

#[middleware(app = Behind)]
async fn who(call: Call, next: Next) -> Reply {
    let asker = Identity::from_connection(call.context()).await.map(|who| who.to_string());
    if let (Some(askers), Ok(asker)) = (call.state::<Askers>(), asker) {
        askers.lock().unwrap().push((call.event().to_owned(), asker));
    }
    next.run(call).await
}

#[on("named", app = Behind)]
async fn named(identity: &Identity) -> String {
    identity.to_string()
}

#[tokio::test]
async fn a_middleware_sees_the_caller_and_not_the_gateway() {
    struct Nothing;
    let people = || {
        Password::new(|user: String, password: String| async move {
            Ok((user == password).then(|| Identity::new(user)))
        })
    };
    let login = |name: &str| Value::Map(vec![("user".into(), name.into()), ("password".into(), name.into())]);
    let third = start(Server::builder().app::<Nothing>()).await;
    let askers = Askers::default();
    let behind = Server::builder()
        .app::<Behind>()
        .state(Arc::clone(&askers))
        .authenticator(people())
        .proxy(Proxy::to(&connect(&third).await))
        .trust_identities_from(|peer| peer.name() == "gateway");
    let behind = start(behind).await;
    let as_user = |server: &Server, name: &str| {
        Client::builder(server.addresses()[0].to_string()).credentials(&login(name)).connect()
    };
    let to_behind = as_user(&behind, "gateway").await.unwrap();
    let proxy = Proxy::to(&to_behind).pass_identity();
    let gateway = start(Server::builder().app::<Nothing>().authenticator(people()).proxy(proxy)).await;
    let ada = as_user(&gateway, "ada").await.unwrap();
    assert_eq!(ada.call("named", &()).await, Ok("ada".to_owned()));
    assert!(ada.call::<()>("passed_on_once_more", &()).await.is_err());
    // Kept by the third one until it is received.
    assert_eq!(ada.call::<()>("message", &"for whom it may concern").await, Ok(()));
    let asked = askers.lock().unwrap().clone();
    let of_ada: Vec<_> =
        asked.iter().filter(|(_, asker)| asker == "ada").map(|(event, _)| &**event).collect();
    assert_eq!(of_ada, ["named", "passed_on_once_more", "message"], "{asked:?}");
}
