//! What is kept with a connection and with a session, and who comes back to it.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use jidda::prelude::*;
use jidda::socket::Session;
use jidda::{Client, State, testing};
use rmpv::Value as Msgpack;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

struct Keeping;

#[derive(Clone, FromConnection)]
struct Place(&'static str);

#[on(app = Keeping)]
async fn place(place: &Place) -> String {
    place.0.to_owned()
}

#[on("place", app = Keeping, namespace = "/other")]
async fn other_place(place: &Place) -> String {
    place.0.to_owned()
}

/// Counts how often it was asked, in the session.
#[on(app = Keeping)]
async fn visit(session: &Session) -> u32 {
    let visits = session.get::<u32>().map_or(1, |visits| *visits + 1);
    session.insert(visits);
    visits
}

/// Leaves a sign of the connection's end.
#[on(app = Keeping)]
async fn mark(socket: &Socket, marks: &State<Marks>) {
    socket.connection_values().insert(Mark(marks.0.clone()));
}

struct Mark(UnboundedSender<()>);

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

async fn pair() -> (Client, Server) {
    let (marks, _) = unbounded_channel();
    testing::pair_with(Server::builder().app::<Keeping>().state(Marks(marks)), |client| client).await.unwrap()
}

struct Marks(UnboundedSender<()>);

#[tokio::test]
async fn a_value_is_looked_for_in_the_socket_the_connection_and_the_session() {
    let (client, server) = pair().await;
    let other = client.join("/other", &()).await.unwrap();
    let socket = server.sockets().pop().unwrap();
    let denied = place::call(&client).await.unwrap_err();
    assert_eq!(denied.code(), Some("denied"));
    socket.session().insert(Place("the session"));
    assert_eq!(place::call(&client).await.unwrap(), "the session");
    assert_eq!(other_place::call(&other).await.unwrap(), "the session");
    socket.connection_values().insert(Place("the connection"));
    assert_eq!(other_place::call(&other).await.unwrap(), "the connection");
    socket.insert(Place("the socket"));
    assert_eq!(place::call(&client).await.unwrap(), "the socket");
    assert_eq!(other_place::call(&other).await.unwrap(), "the connection");
    let other = socket.of("/other").unwrap();
    assert_eq!(other.connection_values().remove::<Place>().unwrap().0, "the connection");
    assert!(socket.connection_values().get::<Place>().is_none());
    assert_eq!(socket.session().id(), other.session().id());
}

#[tokio::test]
async fn what_a_connection_keeps_goes_with_it() {
    let (client, server) = pair().await;
    let socket = server.sockets().pop().unwrap();
    let (told, mut dropped) = unbounded_channel();
    // It holds the connection that holds it.
    socket.connection_values().insert((socket.clone(), Mark(told.clone())));
    client.disconnect().await;
    timeout(LIMIT, dropped.recv()).await.expect("it was dropped");
    socket.connection_values().insert((socket.clone(), Mark(told)));
    timeout(LIMIT, dropped.recv()).await.expect("it was not kept");
    assert!(socket.session().get::<Place>().is_none());
}

/// Passes bytes between clients and a server, until it is told to cut them off.
struct Relay {
    address: String,
    cut: watch::Sender<u64>,
    is_open: Arc<AtomicBool>,
}

impl Relay {
    async fn to(server: &Server) -> Self {
        let target = server.addresses()[0].to_string().replace("tcp://", "");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cut, cuts) = watch::channel(0);
        let is_open = Arc::new(AtomicBool::new(true));
        let open = Arc::clone(&is_open);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                if !open.load(SeqCst) {
                    continue;
                }
                let mut server = TcpStream::connect(&target).await.unwrap();
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, cut, is_open }
    }

    fn cut(&self) {
        self.is_open.store(false, SeqCst);
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    fn mend(&self) {
        self.is_open.store(true, SeqCst);
    }
}

async fn server(
    change: impl FnOnce(jidda::server::ServerBuilder) -> jidda::server::ServerBuilder,
) -> (Server, UnboundedReceiver<()>) {
    let (marks, ended) = unbounded_channel();
    let builder = Server::builder().app::<Keeping>().listen("127.0.0.1:0").state(Marks(marks));
    (change(builder).start().await.unwrap(), ended)
}

#[tokio::test]
async fn a_client_that_reconnects_keeps_its_session() {
    let (server, mut ended) = server(|builder| builder).await;
    let relay = Relay::to(&server).await;
    let quick = jidda::client::Backoff::default().first(Duration::from_millis(5));
    let client = Client::builder(&*relay.address).reconnect(quick).connect().await.unwrap();
    assert_eq!(visit::call(&client).await.unwrap(), 1);
    assert_eq!(visit::call(&client).await.unwrap(), 2);
    mark::call(&client).await.unwrap();
    let session = server.sockets().pop().unwrap().session().id();
    let own = client.of("/").session();
    assert_eq!(own.id(), session);
    own.insert("the client's");
    let mut events = client.events();
    relay.cut();
    timeout(LIMIT, ended.recv()).await.expect("the old connection ended");
    relay.mend();
    timeout(LIMIT, async { while events.next().await != Some(jidda::client::ClientEvent::Reconnected) {} })
        .await
        .unwrap();
    assert_eq!(visit::call(&client).await.unwrap(), 3);
    assert_eq!(server.sockets().pop().unwrap().session().id(), session);
    assert_eq!(*client.of("/").session().get::<&str>().unwrap(), "the client's");
}

/// A native peer by hand.
struct Peer(TcpStream, Vec<u8>);

impl Peer {
    async fn connect(server: &Server) -> Self {
        let target = server.addresses()[0].to_string().replace("tcp://", "");
        Self(TcpStream::connect(target).await.unwrap(), Vec::new())
    }

    async fn request(&mut self, method: &str, params: Vec<Msgpack>) -> Msgpack {
        let message = Msgpack::Array(vec![0.into(), 7.into(), method.into(), Msgpack::Array(params)]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &message).unwrap();
        self.0.write_all(&bytes).await.unwrap();
        loop {
            let mut rest = &self.1[..];
            if let Ok(Msgpack::Array(answer)) = rmpv::decode::read_value(&mut rest) {
                let used = self.1.len() - rest.len();
                self.1.drain(..used);
                assert_eq!(answer[2], Msgpack::Nil, "{answer:?}");
                return answer[3].clone();
            }
            let read = timeout(LIMIT, self.0.read_buf(&mut self.1)).await.expect("an answer").unwrap();
            assert_ne!(read, 0, "the connection ended");
        }
    }

    /// Says hello; gives the name of its session.
    async fn hello(&mut self, resume: Option<&str>) -> String {
        self.hello_as(None, resume).await
    }

    async fn hello_as(&mut self, credentials: Option<&str>, resume: Option<&str>) -> String {
        let mut hello = vec![("wire".into(), 1.into())];
        hello.extend(credentials.map(|credentials| ("credentials".into(), credentials.into())));
        if let Some(session) = resume {
            let resume = vec![("session".into(), session.into()), ("offset".into(), 3.into())];
            hello.push(("resume".into(), Msgpack::Map(resume)));
        }
        let welcome = self.request("$/hello", vec![Msgpack::Map(hello)]).await;
        let session = welcome.as_map().unwrap().iter().find(|(key, _)| key.as_str() == Some("session"));
        session.unwrap().1.as_str().unwrap().to_owned()
    }

    async fn joined(server: &Server, resume: Option<&str>) -> (Self, String) {
        let mut peer = Self::connect(server).await;
        let session = peer.hello(resume).await;
        peer.request("$/connect", vec!["/".into()]).await;
        (peer, session)
    }

    async fn visit(&mut self) -> u64 {
        self.request("visit", vec![]).await.as_u64().unwrap()
    }

    /// Leaves, and waits until the server knows.
    async fn leave(mut self, ended: &mut UnboundedReceiver<()>) {
        self.request("mark", vec![]).await;
        drop(self);
        timeout(LIMIT, ended.recv()).await.expect("the connection ended");
    }
}

#[tokio::test]
async fn a_session_in_use_is_not_taken_over() {
    let (server, mut ended) = server(|builder| builder).await;
    let (mut first, session) = Peer::joined(&server, None).await;
    assert_eq!(first.visit().await, 1);
    let (mut second, other) = Peer::joined(&server, Some(&session)).await;
    assert_ne!(other, session);
    assert_eq!(second.visit().await, 1);
    first.leave(&mut ended).await;
    let (mut third, resumed) = Peer::joined(&server, Some(&session)).await;
    assert_eq!(resumed, session);
    assert_eq!(third.visit().await, 2);
    // Saying hello again changes nothing.
    assert_eq!(third.hello(Some(&other)).await, session);
    assert_eq!(second.visit().await, 2);
}

#[tokio::test]
async fn made_up_names_are_worth_nothing() {
    let (server, _ended) = server(|builder| builder).await;
    for name in ["", "AAAAAAAAAAAAAAAAAAAA", "not a name", &"x".repeat(10_000)] {
        let (mut peer, session) = Peer::joined(&server, Some(name)).await;
        assert_ne!(session, name);
        assert_eq!(peer.visit().await, 1);
    }
}

#[tokio::test]
async fn the_oldest_make_room() {
    let (server, mut ended) = server(|builder| builder.max_lingering_sessions(1)).await;
    let (mut first, early) = Peer::joined(&server, None).await;
    first.visit().await;
    first.leave(&mut ended).await;
    let (mut second, late) = Peer::joined(&server, None).await;
    second.visit().await;
    second.leave(&mut ended).await;
    assert_ne!(Peer::joined(&server, Some(&early)).await.1, early);
    assert_eq!(Peer::joined(&server, Some(&late)).await.1, late);
}

#[tokio::test]
async fn a_session_that_waited_in_vain_is_dropped_with_its_values() {
    let (server, mut ended) = server(|builder| builder.session_linger(Duration::from_millis(50))).await;
    let (mut peer, session) = Peer::joined(&server, None).await;
    peer.visit().await;
    let (told, mut dropped) = unbounded_channel();
    server.sockets().pop().unwrap().session().insert(Mark(told));
    peer.leave(&mut ended).await;
    timeout(LIMIT, dropped.recv()).await.expect("its values were dropped");
    assert_ne!(Peer::joined(&server, Some(&session)).await.1, session);
}

/// Takes everyone for who they say they are.
struct Credulous;

impl jidda::auth::Authenticator for Credulous {
    async fn authenticate(
        &self,
        handshake: &jidda::peer::Handshake,
    ) -> jidda::Result<Option<jidda::auth::Identity>> {
        Ok(handshake.credentials.as_str().map(|name| jidda::auth::Identity::new(name.to_owned())))
    }
}

#[tokio::test]
async fn a_session_is_its_identitys_alone() {
    let (server, mut ended) = server(|builder| builder.authenticator(Credulous).allow_anonymous()).await;
    let joined = async |name: Option<&str>, resume: Option<&str>| {
        let mut peer = Peer::connect(&server).await;
        let session = peer.hello_as(name, resume).await;
        peer.request("$/connect", vec!["/".into()]).await;
        (peer, session)
    };
    let (mut ada, session) = joined(Some("ada"), None).await;
    assert_eq!(ada.visit().await, 1);
    ada.leave(&mut ended).await;
    for other in [Some("bob"), None] {
        assert_ne!(joined(other, Some(&session)).await.1, session);
    }
    let (mut ada, resumed) = joined(Some("ada"), Some(&session)).await;
    assert_eq!((resumed, ada.visit().await), (session, 2));
}
