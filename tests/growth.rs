//! What each kind of use leaves behind, which is nothing, and how often it asks for memory.
#![allow(missing_docs)]

#[path = "socket_io/client.rs"]
#[allow(dead_code)]
mod socket_io;

use std::alloc::System;
use std::cell::RefCell;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, poll, stream};
use jidda::client::{Backoff, ClientEvent, ClientEvents};
use jidda::prelude::*;
use jidda::{Client, Error};
use socket_io::{Peer, Poller, authority};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::{Instant, sleep, timeout};

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMIT: Duration = Duration::from_secs(30);
/// What the threads and the runtime may keep for the next use, in bytes.
const KEPT: usize = 64 * 1024;

struct Growing;

#[on(app = Growing)]
async fn echo(n: u32) -> u32 {
    n
}

#[on(app = Growing)]
async fn later(n: u32) -> u32 {
    tokio::task::yield_now().await;
    n
}

#[on(app = Growing)]
async fn wait() {
    pending::<()>().await;
}

/// Waits for the end of its socket, among other things.
#[on(app = Growing)]
async fn select(socket: &Socket) {
    tokio::select! {
        biased;
        _ = socket.closed() => {}
        _ = socket.recv::<u8>() => {}
        () = tokio::task::yield_now() => {}
    }
}

#[on(app = Growing)]
async fn count(to: u32) -> impl jidda::stream::Stream<Item = u32> {
    stream::iter(0..to)
}

#[on(app = Growing)]
async fn everyone(server: &Server, n: u32) -> jidda::Result<usize> {
    Ok(server.emit("news", &n).await?)
}

#[on(app = Growing)]
async fn ask_everyone(server: &Server) -> jidda::Result<usize> {
    Ok(server.call::<u32>("asked", &7).timeout(LIMIT).await?.len())
}

#[on(app = Growing)]
async fn ask_back(socket: &Socket) -> jidda::Result<u32> {
    Ok(socket.call::<u32>("asked", &7).await?)
}

#[on(app = Growing)]
async fn work(socket: &Socket) {
    socket.spawn(async {});
    let endless = socket.spawn(pending::<()>());
    let timer = socket.every(LIMIT, || async {});
    endless.abort();
    timer.abort();
}

#[on(app = Growing)]
async fn move_about(socket: &Socket) -> jidda::Result<()> {
    socket.join("a room").await?;
    socket.leave("a room").await;
    Ok(socket.identify("somebody")?)
}

#[on(app = Growing)]
async fn keep(socket: &Socket, n: u32) {
    drop(socket.insert(n));
    drop(socket.connection_values().insert(n));
    drop(socket.session().insert(n));
    socket.once("never", || async {});
    socket.off("never");
}

#[on("connect", app = Growing)]
async fn enter(socket: &Socket, word: Option<String>) -> jidda::Result<()> {
    if word.is_some() {
        return Err(Error::new("no", "no"));
    }
    socket.spawn(pending::<()>());
    Ok(socket.join("everyone").await?)
}

#[on(app = Growing, namespace = "/other")]
async fn there() {}

#[on("connect", app = Growing, namespace = "/closed")]
async fn refuse() -> jidda::Result<()> {
    Err(Error::new("no", "no"))
}

/// Passes bytes on between a client and a server, until it is told to cut them off.
struct Relay {
    address: String,
    passing: Rc<RefCell<Option<AbortHandle>>>,
}

impl Relay {
    async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (authority, passing) = (authority(server), Rc::<RefCell<Option<AbortHandle>>>::default());
        let last = Rc::clone(&passing);
        tokio::task::spawn_local(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut server = TcpStream::connect(&authority).await.unwrap();
                let pass = async move { drop(copy_bidirectional(&mut client, &mut server).await) };
                *last.borrow_mut() = Some(tokio::spawn(pass).abort_handle());
            }
        });
        Self { address, passing }
    }

    fn cut(&self) {
        self.passing.borrow().as_ref().unwrap().abort();
    }
}

struct World {
    server: Server,
    address: String,
    client: Client,
    relay: Relay,
    returning: Client,
}

/// One kind of use: its name, how often it is done, and how often it may ask for memory each time, on average.
struct Use {
    name: &'static str,
    times: usize,
    budget: usize,
    run: fn(&World) -> LocalBoxFuture<'_, ()>,
}

const fn kind(
    name: &'static str,
    times: usize,
    budget: usize,
    run: fn(&World) -> LocalBoxFuture<'_, ()>,
) -> Use {
    Use { name, times, budget, run }
}

/// What was asked for before is done when this has been answered.
async fn settle(world: &World) {
    assert_eq!(world.client.call::<u32>("echo", &1).await, Ok(1));
}

async fn back(events: &mut ClientEvents) {
    while timeout(LIMIT, events.next()).await.unwrap() != Some(ClientEvent::Reconnected) {}
}

const USES: &[Use] = &[
    kind("a call", 1000, 8, |world| settle(world).boxed_local()),
    kind("a call whose handler waits", 1000, 18, |world| {
        async { assert_eq!(world.client.call::<u32>("later", &1).await, Ok(1)) }.boxed_local()
    }),
    kind("a call that is given up", 1000, 14, |world| {
        async {
            let mut call = pin!(world.client.call::<()>("wait", &()).into_future());
            assert!(poll!(call.as_mut()).is_pending());
            settle(world).await;
        }
        .boxed_local()
    }),
    kind("a call that fails", 1000, 29, |world| {
        async { assert!(world.client.call::<()>("echo", "text").await.is_err()) }.boxed_local()
    }),
    kind("a handler that waits for the end", 1000, 18, |world| {
        async { world.client.call::<()>("select", &()).await.unwrap() }.boxed_local()
    }),
    kind("a message that is waited for", 1000, 3, |world| {
        async { assert!(world.client.recv::<u8>().now_or_never().is_none()) }.boxed_local()
    }),
    kind("the end that is waited for", 1000, 3, |world| {
        async { assert!(world.client.closed().now_or_never().is_none()) }.boxed_local()
    }),
    kind("an event", 1000, 8, |world| {
        async {
            world.client.emit("echo", &1).await.unwrap();
            settle(world).await;
        }
        .boxed_local()
    }),
    kind("an event that is refused", 1000, 30, |world| {
        async {
            world.client.emit("nothing", &1).await.unwrap();
            settle(world).await;
        }
        .boxed_local()
    }),
    kind("a stream", 300, 50, |world| {
        async { assert_eq!(world.client.stream::<u32>("count", &5).count().await, 5) }.boxed_local()
    }),
    kind("a stream that is given up", 300, 132, |world| {
        async {
            let mut items = world.client.stream::<u32>("count", &1000);
            assert_eq!(items.next().await, Some(Ok(0)));
            drop(items);
            settle(world).await;
        }
        .boxed_local()
    }),
    kind("a broadcast", 300, 32, |world| {
        async { assert_eq!(world.client.call::<usize>("everyone", &1).await, Ok(2)) }.boxed_local()
    }),
    kind("a call of everyone", 300, 57, |world| {
        async { assert_eq!(world.client.call::<usize>("ask_everyone", &()).await, Ok(2)) }.boxed_local()
    }),
    kind("a call back", 300, 26, |world| {
        async { assert_eq!(world.client.call::<u32>("ask_back", &()).await, Ok(7)) }.boxed_local()
    }),
    kind("jobs", 300, 15, |world| {
        async { world.client.call::<()>("work", &()).await.unwrap() }.boxed_local()
    }),
    kind("rooms and identities", 300, 20, |world| {
        async { world.client.call::<()>("move_about", &()).await.unwrap() }.boxed_local()
    }),
    kind("values and closures", 300, 17, |world| {
        async { world.client.call::<()>("keep", &1).await.unwrap() }.boxed_local()
    }),
    kind("somebody who does not come", 300, 29, |world| {
        async {
            let _ = world.server.user("nobody").wait_online(Duration::ZERO).await.unwrap_err();
            assert!(world.server.user("no one").wait_online(LIMIT).now_or_never().is_none());
        }
        .boxed_local()
    }),
    kind("a namespace", 100, 66, |world| {
        async {
            let socket = world.client.join("/other", &()).await.unwrap();
            socket.disconnect();
            socket.closed().await;
        }
        .boxed_local()
    }),
    kind("a namespace that refuses", 100, 36, |world| {
        async { assert!(world.client.join("/closed", &()).await.is_err()) }.boxed_local()
    }),
    kind("a connection", 25, 152, |world| {
        async {
            let client = Client::connect(&world.address).await.unwrap();
            client.call::<u32>("echo", &1).await.unwrap();
            client.disconnect().await;
        }
        .boxed_local()
    }),
    kind("a connection that is dropped", 25, 159, |world| {
        async {
            let client = Client::connect(&world.address).await.unwrap();
            let mut call = pin!(client.call::<()>("wait", &()).into_future());
            assert!(poll!(call.as_mut()).is_pending());
        }
        .boxed_local()
    }),
    kind("a connection that is refused", 25, 150, |world| {
        async { assert!(Client::builder(&*world.address).auth(&"word").connect().await.is_err()) }
            .boxed_local()
    }),
    kind("a client that comes back", 10, 92, |world| {
        async {
            let mut events = world.returning.events();
            world.returning.call::<u32>("echo", &1).await.unwrap();
            world.relay.cut();
            back(&mut events).await;
        }
        .boxed_local()
    }),
    kind("a WebSocket", 25, 89, |world| {
        async {
            let (mut peer, _) = Peer::join(&world.server).await;
            assert_eq!(peer.ask(r#"["echo",1]"#).await, "[1]");
            peer.close().await;
        }
        .boxed_local()
    }),
    kind("a session that polls", 25, 357, |world| {
        async {
            let (poller, _) = Poller::open(&world.server, "EIO=4").await;
            poller.say("40").await;
            poller.poll().await;
            let (_, ()) = tokio::join!(poller.poll(), poller.say("1"));
        }
        .boxed_local()
    }),
    kind("a session of version 3", 25, 237, |world| {
        async {
            let (poller, _) = Poller::open(&world.server, "EIO=3").await;
            let (_, ()) = tokio::join!(poller.poll(), poller.say("1:1"));
        }
        .boxed_local()
    }),
    kind("an upgrade", 25, 296, |world| {
        async {
            let (poller, _) = Poller::open(&world.server, "EIO=4").await;
            poller.say("40").await;
            poller.poll().await;
            let target = format!("/socket.io/?EIO=4&transport=websocket&sid={}", poller.session);
            let mut peer = Peer::upgrade(&world.server, &target).await;
            peer.say("2probe").await;
            assert_eq!(peer.text().await, "3probe");
            peer.say("5").await;
            assert_eq!(peer.ask(r#"["echo",1]"#).await, "[1]");
            peer.close().await;
        }
        .boxed_local()
    }),
];

/// The bytes that are in use.
fn live() -> usize {
    let stats = MEMORY.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

impl Use {
    async fn repeat(&self, world: &World, times: usize) {
        for _ in 0..times {
            let once = (self.run)(world);
            timeout(LIMIT, once).await.unwrap_or_else(|_| panic!("{} takes for ever", self.name));
        }
    }

    /// Waits until there is no more in use than this.
    async fn gives_back(&self, most: usize) {
        let end = Instant::now() + LIMIT;
        while live() > most {
            let name = self.name;
            assert!(Instant::now() < end, "{name} leaves {} bytes behind", live() - most + KEPT);
            // What looks after those that are gone has a clock of its own.
            sleep(Duration::from_millis(1)).await;
        }
    }

    async fn measure(&self, world: &World) {
        let most = live() + KEPT;
        self.repeat(world, self.times).await;
        self.gives_back(most).await;
        let before = MEMORY.stats();
        self.repeat(world, 4 * self.times).await;
        let after = MEMORY.stats();
        self.gives_back(most).await;
        let each = (after.allocations - before.allocations).div_ceil(4 * self.times);
        assert!(each <= self.budget, "{} asks for memory {each} times, not {}", self.name, self.budget);
    }
}

#[test]
fn no_use_leaves_anything_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, uses());
}

async fn uses() {
    let builder = Server::builder().app::<Growing>().listen("127.0.0.1:0").listen("mem:growth");
    let quick = Duration::from_millis(100);
    let builder = builder.session_linger(Duration::from_millis(50)).heartbeat(quick).heartbeat_timeout(LIMIT);
    let server = builder.start().await.unwrap();
    let address = server.addresses()[0].to_string();
    let client = Client::connect("mem:growth").await.unwrap();
    client.on("asked", |n: u32| async move { n });
    client.on("news", |_: u32| async {});
    let relay = Relay::to(&server).await;
    let soon = Duration::from_millis(1);
    let backoff = Backoff::default().first(soon).limit(soon);
    let returning = Client::builder(&*relay.address).reconnect(backoff).connect().await.unwrap();
    returning.on("asked", |n: u32| async move { n });
    returning.on("news", |_: u32| async {});
    let world = World { server, address, client, relay, returning };
    for each in USES {
        each.measure(&world).await;
    }
}
