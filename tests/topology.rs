//! Who connected to whom makes no difference: clients listen, servers dial.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jidda::State;
use jidda::client::{Backoff, ClientEvent};
use jidda::prelude::*;
use jidda::server::ServerBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(20);

struct Hidden;

#[derive(Default)]
struct Joined(AtomicUsize);

#[on("connect", app = Hidden)]
async fn enter(joined: &State<Arc<Joined>>) {
    joined.0.fetch_add(1, Ordering::SeqCst);
}

#[on("double", app = Hidden)]
async fn double(n: i64) -> i64 {
    2 * n
}

#[on("ask_back", app = Hidden)]
async fn ask_back(socket: &Socket, n: i64) -> jidda::Result<i64> {
    Ok(socket.call::<i64>("halve", &n).await?)
}

#[on("connect", namespace = "/side", app = Hidden)]
async fn enter_side(socket: &Socket, name: String) -> jidda::Result<()> {
    Ok(socket.identify(&*name)?)
}

#[on("name", namespace = "/side", app = Hidden)]
async fn name(socket: &Socket) -> Option<String> {
    socket.identity().map(|identity| identity.name().to_owned())
}

struct Halver;

#[on("halve", app = Halver, side = client)]
async fn halve(n: i64) -> i64 {
    n / 2
}

fn hidden() -> (ServerBuilder, Arc<Joined>) {
    let joined = Arc::new(Joined::default());
    (Server::builder().app::<Hidden>().state(Arc::clone(&joined)), joined)
}

fn quickly() -> Backoff {
    Backoff::default().first(Duration::from_millis(5)).limit(Duration::from_millis(20))
}

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("in time")
}

#[tokio::test]
async fn a_server_dials_and_serves_a_client_that_listens() {
    for address in ["127.0.0.1:0", "mem:dialed", "unix:/tmp/jidda-dialed.sock"] {
        let address = address.replace(".sock", &format!("-{}.sock", std::process::id()));
        let listening = Client::builder(address).app::<Halver>().listen().await.unwrap();
        let (builder, _) = hidden();
        let server = builder.dial(listening.address().to_string()).start().await.unwrap();
        assert!(server.addresses().is_empty());
        let client = in_time(listening.connected()).await.unwrap();
        assert_eq!(client.call("double", &21).await, Ok(42));
        assert_eq!(client.call("ask_back", &42).await, Ok(21));
        let side = client.join("/side", &"ada").await.unwrap();
        assert_eq!(side.call("name", &()).await, Ok(Some("ada".to_owned())));
        assert_eq!(server.count(), 1);
        assert!(server.shutdown(Duration::from_secs(5)).await);
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again_with_its_namespaces() {
    let listening = Client::builder("127.0.0.1:0").app::<Halver>().listen().await.unwrap();
    let dial = jidda::server::Dial::to(listening.address().to_string()).reconnect(quickly());
    let (builder, _) = hidden();
    let mut server = builder.dial(dial.clone()).start().await.unwrap();
    let client = in_time(listening.connected()).await.unwrap();
    let side = client.join("/side", &"ada").await.unwrap();
    let mut events = client.events();
    for _ in 0..3 {
        server.shutdown(Duration::ZERO).await;
        let (builder, joined) = hidden();
        server = builder.dial(dial.clone()).start().await.unwrap();
        in_time(async { while events.next().await != Some(ClientEvent::Reconnected) {} }).await;
        assert_eq!(joined.0.load(Ordering::SeqCst), 1);
        assert_eq!(side.call("name", &()).await, Ok(Some("ada".to_owned())));
    }
}

#[tokio::test]
async fn it_may_be_dialed_more_than_once_and_at_any_time() {
    let listening = Client::builder("127.0.0.1:0").app::<Halver>().connections(2).listen().await.unwrap();
    let (builder, joined) = hidden();
    let server = builder.start().await.unwrap();
    let address = listening.address().to_string();
    server.dial(&*address).unwrap();
    server.dial(&*address).unwrap();
    assert!(server.dial("nowhere").is_err());
    let client = in_time(listening.connected()).await.unwrap();
    for n in 0..4 {
        assert_eq!(client.call("double", &n).await, Ok(2 * n));
    }
    assert_eq!(joined.0.load(Ordering::SeqCst), 2);
    client.disconnect().await;
    assert!(server.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_server_may_be_there_before_its_client() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (builder, _) = hidden();
    let server =
        builder.dial(jidda::server::Dial::to(port.to_string()).reconnect(quickly())).start().await.unwrap();
    let listening = Client::builder(port.to_string()).listen().await.unwrap();
    let client = in_time(listening.connected()).await.unwrap();
    assert_eq!(client.call("double", &1).await, Ok(2));
    drop(client);
    assert!(server.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn refusals_by_strangers_do_not_stop_a_listening_client() {
    let listening = Client::builder("127.0.0.1:0").reconnect(quickly().attempts(2)).listen().await.unwrap();
    let address = listening.address().to_string();
    let authority = address.strip_prefix("tcp://").unwrap().to_owned();
    for _ in 0..5 {
        let mut stranger = TcpStream::connect(&authority).await.unwrap();
        // `[0, id, "$/hello", ..]` is answered with `[1, id, {"code": "denied", "message": "no"}, nil]`.
        let mut said = Vec::new();
        while said.len() < 3 {
            assert_ne!(in_time(stranger.read_buf(&mut said)).await.unwrap(), 0);
        }
        let refusal = [&[0x94, 1, said[2]][..], b"\x82\xa4code\xa6denied\xa7message\xa2no\xc0"].concat();
        stranger.write_all(&refusal).await.unwrap();
        let _ = in_time(stranger.read_to_end(&mut said)).await;
    }
    let (builder, _) = hidden();
    let server = builder.dial(address).start().await.unwrap();
    let client = in_time(listening.connected()).await.unwrap();
    assert_eq!(client.call("double", &1).await, Ok(2));
    drop(server);
}

#[tokio::test]
async fn the_farewell_of_a_stranger_is_not_the_servers() {
    let listening = Client::builder("127.0.0.1:0").no_reconnect().listen().await.unwrap();
    let address = listening.address().to_string();
    let authority = address.strip_prefix("tcp://").unwrap().to_owned();
    for reason in ["forced close", "authentication failed", "server namespace disconnect", "lunch"] {
        let mut stranger = TcpStream::connect(&authority).await.unwrap();
        let mut farewell = b"\x93\x02\xa7$/close\x91".to_vec();
        farewell.push(0xa0 | u8::try_from(reason.len()).unwrap());
        farewell.extend_from_slice(reason.as_bytes());
        stranger.write_all(&farewell).await.unwrap();
        drop(stranger);
    }
    let (builder, _) = hidden();
    let server = builder.dial(jidda::server::Dial::to(address).reconnect(quickly())).start().await.unwrap();
    let client = in_time(listening.connected()).await.unwrap();
    assert_eq!(client.call("double", &1).await, Ok(2));
    drop(server);
}

#[tokio::test]
async fn a_peer_that_is_no_server_is_rejected_and_the_server_is_served() {
    let listening = Client::builder("127.0.0.1:0")
        .connect_timeout(Duration::from_millis(200))
        .reconnect(quickly())
        .listen()
        .await
        .unwrap();
    let address = listening.address().to_string();
    let authority = address.strip_prefix("tcp://").unwrap().to_owned();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"", b"\xc1", b"\x16\x03\x01"] {
        let mut stranger = TcpStream::connect(&authority).await.unwrap();
        stranger.write_all(bytes).await.unwrap();
        // What the client says is its hello, and then it closes.
        let mut said = Vec::new();
        let _ = in_time(stranger.read_to_end(&mut said)).await;
    }
    let (builder, _) = hidden();
    let server = builder.dial(address).start().await.unwrap();
    let client = in_time(listening.connected()).await.unwrap();
    assert_eq!(client.call("double", &1).await, Ok(2));
    drop(server);
}

#[tokio::test]
async fn a_name_is_listened_at_at_each_address_it_has() {
    let (builder, _) = hidden();
    let server = builder.listen("localhost:0").listen("mem:at a name").start().await.unwrap();
    let (named, others): (Vec<_>, Vec<_>) =
        server.addresses().iter().map(ToString::to_string).partition(|address| address.starts_with("tcp://"));
    assert_eq!(others, ["mem:at a name"]);
    let port = |address: &String| address.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    assert!(named.iter().all(|address| port(address) == port(&named[0]) && port(address) != 0), "{named:?}");
    for address in &named {
        let client = in_time(Client::connect(address)).await.unwrap();
        assert_eq!(client.call::<i64>("double", &4).timeout(LIMIT).await, Ok(8), "{address}");
    }
    let listening = Client::builder("localhost:0").listen().await.unwrap();
    assert_eq!(listening.address(), &listening.addresses()[0]);
    assert_eq!(listening.addresses().len(), named.len());
}
