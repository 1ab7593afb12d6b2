//! What there is of everything, before and after each kind of use: the same.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, poll};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::objects::Hub;
use crate::objects::Socket;
use crate::reason::DisconnectReason;
use crate::reconnect::{Backoff, ClientEvent};
use crate::room::Target;
use crate::server::Server;
use crate::{CallError, Error};

const LIMIT: Duration = Duration::from_secs(20);

/// What there is of everything at one side.
#[derive(Debug, Default, PartialEq)]
struct Census {
    connections: usize,
    served: usize,
    /// Those that a broadcast finds, and those that their connections know.
    in_rooms: usize,
    sockets: usize,
    /// Sockets that have more than idle ones have.
    extras: usize,
    jobs: usize,
    waiters: usize,
    early: usize,
    messages: usize,
    /// Requests of ours that are not answered, or whose answer nobody took.
    requests: usize,
    people: usize,
    awaited: usize,
}

impl Census {
    fn of(hub: &Hub) -> Self {
        let mut census = Self {
            served: hub.served(),
            in_rooms: hub
                .all_rooms()
                .iter()
                .map(|rooms| rooms.select(&Target::default()).iter().count())
                .sum(),
            people: hub.presence.count(),
            awaited: hub.join_waiters.count(),
            ..Self::default()
        };
        for connection in hub.connections() {
            census.connections += 1;
            census.requests += connection.link.change().calls.count();
            for socket in connection.sockets() {
                census.sockets += 1;
                let state = socket.state.lock();
                let Some(extra) = &state.extra else { continue };
                census.extras += 1;
                census.jobs += extra.jobs.as_ref().map_or(0, |jobs| jobs.count());
                census.waiters += extra.closed.count() + extra.receivers.count();
                census.early += usize::from(!extra.early.is_empty());
                census.messages += extra.inbox.len();
            }
        }
        census
    }
}

struct World {
    server: Server,
    address: String,
    client: Client,
    hub: Arc<Hub>,
}

impl World {
    /// Gives the server's socket of the client, too: as long as somebody holds it, it is there.
    async fn new(name: &str) -> (Self, Socket) {
        let address = format!("mem:census-{name}");
        let server = Server::builder()
            .handlers([])
            .heartbeat(Duration::from_millis(100))
            .heartbeat_timeout(LIMIT)
            .listen(&*address)
            .start()
            .await
            .unwrap();
        let soon = Duration::from_millis(1);
        let backoff = Backoff::default().first(soon).limit(soon);
        let client = Client::builder(&*address).handlers([]).reconnect(backoff).connect().await.unwrap();
        client.on("asked", |n: u32| async move { n });
        let socket = server.sockets().remove(0);
        listen(&socket);
        let hub = Arc::clone(socket.hub());
        (Self { server, address, client, hub }, socket)
    }

    fn count(&self) -> [Census; 2] {
        [Census::of(&self.hub), Census::of(self.client.root().hub())]
    }

    /// Waits until there is as much of everything as before.
    async fn settles(&self, what: &str, before: &[Census; 2]) {
        let settled = async {
            while self.count() != *before {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let is_late = timeout(LIMIT, settled).await.is_err();
        assert!(!is_late, "{what}: {:#?} were {before:#?}", self.count());
    }
}

/// What the tests' server handles, by closures: no handler of the table is needed for any of it.
fn listen(socket: &Socket) {
    socket.on("echo", |n: u32| async move { n });
    socket.on("wait", pending::<()>);
    let own = Arc::downgrade(&socket.inner);
    socket.on("work", move || {
        let socket = Socket { inner: own.upgrade().expect("it is called") };
        async move {
            socket.spawn(async {});
            socket.spawn(async { Err::<(), _>(Error::new("no", "no")) });
            socket.every(LIMIT, || async {}).abort();
            socket.spawn(pending::<()>()).abort();
        }
    });
}

#[tokio::test]
async fn calls_leave_nothing_behind() {
    let (world, socket) = World::new("calls").await;
    let before = world.count();
    let client = &world.client;
    for _ in 0..3 {
        assert_eq!(client.call::<u32>("echo", &1).await, Ok(1));
        assert!(client.call::<u32>("echo", "text").await.is_err());
        assert_eq!(socket.call::<u32>("asked", &1).await, Ok(1));
        world.settles("calls", &before).await;
        let late = client.call::<()>("wait", &()).timeout(Duration::from_millis(1)).await;
        assert_eq!(late, Err(CallError::Timeout));
        world.settles("a call that was late", &before).await;
        {
            let mut call = pin!(client.call::<()>("wait", &()).into_future());
            assert!(poll!(call.as_mut()).is_pending());
            assert_ne!(world.count(), before);
        }
        world.settles("a call that was given up", &before).await;
        assert!(client.stream::<u32>("echo", &1).next().await.unwrap().is_err());
        drop(client.stream::<u32>("wait", &()).next().now_or_never());
        world.settles("a stream that was given up", &before).await;
        let replies = world.server.call::<u32>("asked", &1).timeout(LIMIT).await.unwrap();
        assert_eq!(replies.len(), 1);
        assert_eq!(world.server.emit("asked", &1).await, Ok(1));
        world.settles("a call of everyone", &before).await;
    }
}

#[tokio::test]
async fn waiting_and_working_leave_nothing_behind() {
    let (world, socket) = World::new("waiting").await;
    let before = world.count();
    let World { client, server, .. } = &world;
    for _ in 0..3 {
        for socket in [&socket, &client.root()] {
            let (mut closed, mut received) = (Box::pin(socket.closed()), Box::pin(socket.recv::<u8>()));
            assert!(poll!(closed.as_mut()).is_pending() && poll!(received.as_mut()).is_pending());
            assert_ne!(world.count(), before);
            drop((closed, received));
            assert_eq!(world.count(), before);
        }
        let mut received = Box::pin(socket.recv::<u8>());
        assert!(poll!(received.as_mut()).is_pending());
        client.send(&1).await.unwrap();
        assert_eq!(received.await.unwrap(), 1);
        world.settles("a message", &before).await;
        assert!(server.user("nobody").wait_online(LIMIT).now_or_never().is_none());
        assert!(server.user("nobody").wait_online(Duration::from_millis(1)).await.is_err());
        world.settles("somebody who did not come", &before).await;
        client.call::<()>("work", &()).await.unwrap();
        world.settles("jobs", &before).await;
    }
}

#[tokio::test]
async fn coming_and_going_leaves_nothing_behind() {
    let (world, _socket) = World::new("going").await;
    let before = world.count();
    for round in 0..4 {
        let client = Client::builder(&*world.address).handlers([]).connect().await.unwrap();
        let socket = world.server.of("/").newest().unwrap();
        listen(&socket);
        socket.identify("somebody").unwrap();
        socket.join("a room").await.unwrap();
        socket.spawn(pending::<()>());
        let mut waits = Box::pin(client.call::<()>("wait", &()).into_future());
        assert!(poll!(waits.as_mut()).is_pending());
        let ended = tokio::spawn({
            let socket = socket.clone();
            async move { drop(socket.closed().await) }
        });
        match round {
            0 => client.disconnect().await,
            1 => socket.disconnect(),
            2 => socket.close(),
            _ => {}
        }
        // Whatever has ended already.
        drop(client);
        timeout(LIMIT, ended).await.unwrap().unwrap();
        drop((waits, socket));
        world.settles("a connection", &before).await;
        let refused = world.client.join("/unknown", &()).await;
        assert!(refused.is_err());
        world.client.of("/unknown").disconnect();
        world.settles("a namespace that there is none of", &before).await;
    }
}

#[tokio::test]
async fn coming_back_leaves_nothing_behind() {
    let (world, mut socket) = World::new("back").await;
    let before = world.count();
    let mut events = world.client.events();
    for _ in 0..3 {
        let mut waits = Box::pin(world.client.call::<()>("wait", &()).into_future());
        assert!(poll!(waits.as_mut()).is_pending());
        socket.spawn(pending::<()>());
        // As if it had been lost: its client comes back.
        socket.inner.connection.close(DisconnectReason::PingTimeout);
        while timeout(LIMIT, events.next()).await.unwrap() != Some(ClientEvent::Reconnected) {}
        assert!(matches!(waits.await, Err(CallError::Disconnected { .. })));
        socket = world.server.of("/").newest().unwrap();
        listen(&socket);
        world.settles("coming back", &before).await;
    }
}
