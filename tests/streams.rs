//! Streaming replies: typed, cancelled, never further ahead than was asked for.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use jidda::call::Deadline;
use jidda::middleware::{Call, Next};
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::stream::Stream;
use jidda::{Error, State};
use serde::{Deserialize, Serialize};

struct Streams;

const LIMIT: Duration = Duration::from_secs(60);

/// What a producer has done, for the test to see.
#[derive(Debug, Default)]
struct Seen {
    produced: AtomicU64,
    dropped: AtomicUsize,
    go: tokio::sync::Notify,
}

impl Seen {
    fn produced(&self) -> u64 {
        self.produced.load(Ordering::SeqCst)
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

/// Counts that a producer is gone.
struct Guard(Arc<Seen>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Odd {
    At(u32),
}

/// Borrows from the connection for as long as it goes on.
#[on(app = Streams)]
async fn ticks(socket: &Socket, n: u32) -> impl Stream<Item = String> {
    stream::iter(0..n).map(move |tick| format!("{} {tick}", socket.namespace()))
}

#[on(app = Streams)]
fn at_once(n: u32) -> impl Stream<Item = u32> {
    stream::iter(0..n)
}

#[on(app = Streams)]
async fn odd(start: u32, n: u32) -> Result<impl Stream<Item = Result<u32, Odd>>, Odd> {
    if start % 2 == 1 {
        return Err(Odd::At(start));
    }
    Ok(stream::iter(start..start + n).map(move |n| if n == start + 3 { Err(Odd::At(n)) } else { Ok(n) }))
}

#[on(app = Streams)]
async fn checked(n: u32) -> jidda::Result<BoxStream<'static, u32>> {
    if n == 0 {
        return Err(Error::new("nothing", "nothing to count"));
    }
    Ok(stream::iter(0..n).boxed())
}

type Ticks = stream::Iter<std::ops::Range<u32>>;

#[on("named", app = Streams, stream = u32)]
fn named(n: u32) -> Ticks {
    stream::iter(0..n)
}

#[on(app = Streams)]
async fn endless(seen: &State<Arc<Seen>>) -> impl Stream<Item = u64> {
    let guard = Guard(Arc::clone(seen));
    stream::unfold(guard, |guard| async move {
        let n = guard.0.produced.fetch_add(1, Ordering::SeqCst);
        Some((n, guard))
    })
}

/// Gives one item, then nothing for ever.
#[on(app = Streams)]
async fn stuck(seen: &State<Arc<Seen>>) -> impl Stream<Item = u8> {
    let guard = Guard(Arc::clone(seen));
    stream::once(async { 1 }).chain(stream::once(async move {
        let _guard = guard;
        std::future::pending().await
    }))
}

#[on(app = Streams)]
async fn panics() -> impl Stream<Item = u8> {
    stream::iter(0..3).map(|n| if n == 2 { panic!("boom") } else { n })
}

#[on(app = Streams)]
async fn double(n: i64) -> i64 {
    n * 2
}

async fn start() -> (Client, Server, Arc<Seen>) {
    let seen = Arc::<Seen>::default();
    let server = Server::builder()
        .app::<Streams>()
        .state(Arc::clone(&seen))
        .service(Room { lines: vec!["one two".into(), "three".into()] });
    let (client, server) = jidda::testing::pair_with(server, |client| client).await.unwrap();
    (client, server, seen)
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "it never came true that {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[on(app = Streams)]
fn nothing() {}

#[on(app = Streams)]
async fn large() -> impl Stream<Item = Vec<u64>> {
    stream::iter([vec![1], vec![u64::MAX; 200_000], vec![2]])
}

#[on(app = Streams, sequential)]
async fn in_turn(socket: &Socket, name: String, n: u32) -> impl Stream<Item = String> {
    // Waits in each: what comes after it would overtake it if it could.
    stream::iter(0..n).then(move |n| {
        let name = name.clone();
        async move {
            tokio::task::yield_now().await;
            socket.emit("began", &(&name, n)).await.ok();
            format!("{name} {n}")
        }
    })
}

#[on(app = Streams)]
async fn leave(socket: &Socket) {
    socket.disconnect();
}

struct Room {
    lines: Vec<String>,
}

#[namespace("/room", app = Streams)]
impl Room {
    /// Borrows from the service.
    #[on]
    async fn lines(&self, from: usize) -> Result<impl Stream<Item = String>, Odd> {
        let lines = self.lines.get(from..).ok_or(Odd::At(u32::try_from(from).unwrap()))?;
        Ok(stream::iter(lines.iter().cloned()))
    }

    #[on]
    fn words(&self) -> BoxStream<'_, String> {
        stream::iter(self.lines.iter().flat_map(|line| line.split(' ')).map(str::to_owned)).boxed()
    }

    #[on]
    async fn forever(&self, seen: &State<Arc<Seen>>) -> impl Stream<Item = u64> {
        stream::unfold(Guard(Arc::clone(seen)), async |guard| {
            Some((guard.0.produced.fetch_add(1, Ordering::SeqCst), guard))
        })
    }

    #[on]
    async fn close(&self, socket: &Socket) {
        socket.disconnect();
    }
}

/// What a client may be asked.
#[namespace("/", side = client, app = Streams)]
trait Sensor {
    #[on]
    async fn samples(&self, n: u32) -> impl Stream<Item = u32>;
    #[on]
    async fn checked_samples(&self, n: u32) -> Result<impl Stream<Item = Result<u32, Odd>> + Send, Odd>;
    #[on]
    fn boxed_samples(&self) -> BoxStream<'_, u32>;
}

struct Thermometer(Vec<u32>);

#[namespace]
impl Sensor for Thermometer {
    async fn samples(&self, n: u32) -> impl Stream<Item = u32> {
        stream::iter(self.0.iter().copied().cycle()).take(n as usize)
    }

    async fn checked_samples(&self, n: u32) -> Result<impl Stream<Item = Result<u32, Odd>> + Send, Odd> {
        if n > 2 { Err(Odd::At(n)) } else { Ok(stream::iter([Ok(n), Err(Odd::At(n))])) }
    }

    fn boxed_samples(&self) -> BoxStream<'_, u32> {
        stream::iter(self.0.iter().copied()).boxed()
    }
}

#[tokio::test]
async fn every_form_streams_its_items() {
    let (client, _server, _seen) = start().await;
    let items: Vec<_> = ticks::call(&client, 3).map(Result::unwrap).collect().await;
    assert_eq!(items, ["/ 0", "/ 1", "/ 2"]);
    let items: Vec<_> = at_once::call(&client, 100).map(Result::unwrap).collect().await;
    assert_eq!(items, (0..100).collect::<Vec<_>>());
    assert_eq!(at_once::call(&client, 0).count().await, 0);
    let items: Vec<_> = checked::call(&client, 2).map(Result::unwrap).collect().await;
    assert_eq!(items, [0, 1]);
    let items: Vec<_> = named::call(&client, 2).map(Result::unwrap).collect().await;
    assert_eq!(items, [0, 1]);
    let items: Vec<_> = client.stream::<u32>("at_once", &33).map(Result::unwrap).collect().await;
    assert_eq!(items.len(), 33);
}

#[tokio::test]
async fn errors_end_a_stream_wherever_they_occur() {
    let (client, _server, _seen) = start().await;
    // Instead of a stream.
    let mut items = odd::call(&client, 7, 9);
    assert_eq!(items.next().await, Some(Err(CallError::App(Odd::At(7)))));
    assert_eq!(items.next().await, None);
    // As an item of it, after which there are no more.
    let items: Vec<_> = odd::call(&client, 2, 9).collect().await;
    assert_eq!(items, [Ok(2), Ok(3), Ok(4), Err(CallError::App(Odd::At(5)))]);
    let mut items = checked::call(&client, 0);
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Some("nothing"));
    let items: Vec<_> = panics::call(&client).collect().await;
    assert_eq!(items[..2], [Ok(0), Ok(1)]);
    assert!(matches!(items[2], Err(CallError::Internal { .. })), "{items:?}");
    assert_eq!(items.len(), 3);
    // An item that is not what was expected.
    let items: Vec<_> = client.stream::<u8>("ticks", &5).collect().await;
    assert!(matches!(items[..], [Err(CallError::Decode(_))]), "{items:?}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (client, server, seen) = start().await;
    let refused = client.call::<Value>("at_once", &3).await.unwrap_err();
    assert_eq!(refused.code(), Some("streaming"));
    let mut items = client.stream::<i64>("double", &21);
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Some("not_streaming"));
    assert!(items.next().await.is_none());
    let mut items = client.stream::<i64>("nowhere", &());
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Some("not_found"));
    let mut items = client.stream::<i64>("at_once", &"three");
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), Some("bad_arguments"));
    let mut items = client.stream::<i64>("connect", &());
    assert!(matches!(items.next().await, Some(Err(CallError::Send(_)))));

    let (told, mut refusals) = tokio::sync::mpsc::unbounded_channel();
    client.root().on_refused(move |event, error| {
        told.send((event.to_owned(), error.code().to_owned())).unwrap();
    });
    client.emit("endless", &()).await.unwrap();
    assert_eq!(refusals.recv().await.unwrap(), ("endless".to_owned(), "streaming".to_owned()));
    assert_eq!(server.refused_events(), 1);
    assert_eq!(seen.produced(), 0, "nothing of it has run");
}

#[tokio::test]
async fn a_producer_is_never_further_ahead_than_the_window() {
    let (client, _server, seen) = start().await;
    let mut items = endless::call(&client).window(8);
    assert_eq!(seen.produced(), 0, "it is sent when an item is asked for");
    for n in 0..100 {
        assert_eq!(items.next().await, Some(Ok(n)));
        // More is granted with every fourth item. Whatever it produces has been produced when this is answered.
        let granted = 8 + (n + 1) / 4 * 4;
        eventually("all that was granted is produced", || seen.produced() == granted).await;
        assert_eq!(double::call(&client, 2).await, Ok(4));
        assert_eq!(seen.produced(), granted);
    }
    let mut narrow = endless::call(&client).window(0);
    let before = seen.produced();
    assert_eq!(narrow.next().await, Some(Ok(before)));
    assert_eq!(narrow.next().await, Some(Ok(before + 1)));
}

#[tokio::test]
async fn dropping_a_stream_stops_its_producer() {
    let (client, server, seen) = start().await;
    drop(endless::call(&client));
    let mut items = endless::call(&client);
    assert_eq!(items.next().await, Some(Ok(0)));
    drop(items);
    eventually("the producer is gone", || seen.dropped() == 1).await;
    // One that waits for something of its own, too.
    let mut items = stuck::call(&client);
    assert_eq!(items.next().await, Some(Ok(1)));
    drop(items);
    eventually("the producer is gone", || seen.dropped() == 2).await;
    // Items that were on their way are no offence.
    assert_eq!(double::call(&client, 1).await, Ok(2));
    assert_eq!(server.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_time() {
    let (client, _server, seen) = start().await;
    let mut items = stuck::call(&client).timeout(Duration::from_secs(5));
    assert_eq!(items.next().await, Some(Ok(1)));
    assert_eq!(items.next().await, Some(Err(CallError::Timeout)));
    assert_eq!(items.next().await, None);
    eventually("the producer is gone", || seen.dropped() == 1).await;
    // Also while there is always one more.
    let mut items = endless::call(&client).timeout(Duration::from_secs(5));
    for n in 0..100 {
        assert_eq!(items.next().await, Some(Ok(n)));
    }
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(items.next().await, Some(Err(CallError::Timeout)));
    eventually("the producer is gone", || seen.dropped() == 2).await;
}

#[tokio::test]
async fn a_slow_reader_slows_only_its_own_producer() {
    let (client, _server, seen) = start().await;
    let mut slow = endless::call(&client);
    assert_eq!(slow.next().await, Some(Ok(0)));
    // On the same connection, thousands of items pass it by.
    assert_eq!(at_once::call(&client, 10_000).count().await, 10_000);
    for n in 0..100 {
        assert_eq!(double::call(&client, n).await, Ok(n * 2));
    }
    assert_eq!(seen.produced(), 32);
    assert_eq!(slow.next().await, Some(Ok(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_not_held_up_by_one_slow_reader() {
    let seen = Arc::<Seen>::default();
    let server = Server::builder()
        .app::<Streams>()
        .state(Arc::clone(&seen))
        .service(Room { lines: Vec::new() })
        .listen("127.0.0.1:0");
    let server = server.start().await.unwrap();
    let address = server.addresses()[0].to_string();
    let client = Client::builder(address).connections(4).connect().await.unwrap();
    let mut slow: Vec<_> = (0..4).map(|_| endless::call(&client)).collect();
    for slow in &mut slow {
        assert!(slow.next().await.unwrap().is_ok());
    }
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let items = at_once::call(&client, 200);
            tokio::spawn(async move { items.fold(0, |sum, item| async move { sum + item.unwrap() }).await })
        })
        .collect();
    for reader in readers {
        let sum = tokio::time::timeout(LIMIT, reader).await.expect("none is held up").unwrap();
        assert_eq!(sum, (0..200).sum::<u32>());
    }
    assert_eq!(seen.produced(), 4 * 32);
    drop(slow);
    eventually("the producers are gone", || seen.dropped() == 4).await;
}

#[tokio::test]
async fn a_lost_connection_ends_its_streams_on_both_sides() {
    let (client, server, seen) = start().await;
    let mut items = endless::call(&client);
    assert_eq!(items.next().await, Some(Ok(0)));
    eventually("the window is full", || seen.produced() == 32).await;
    assert_eq!(double::call(&client, 1).await, Ok(2));
    let socket = server.sockets().pop().unwrap();
    socket.close();
    eventually("the producer is dropped", || seen.dropped() == 1).await;
    // What has come is still there to be read.
    let rest: Vec<_> = items.collect().await;
    assert_eq!(rest.len(), 32);
    assert!(rest[..31].iter().all(Result::is_ok));
    assert_eq!(rest[31], Err(CallError::Disconnected { maybe_executed: true }));

    let (client, _server, seen) = start().await;
    let mut items = endless::call(&client);
    assert_eq!(items.next().await, Some(Ok(0)));
    client.disconnect().await;
    eventually("the producer is gone", || seen.dropped() == 1).await;
    let rest: Vec<_> = items.collect().await;
    assert_eq!(rest.last(), Some(&Err(CallError::Disconnected { maybe_executed: true })));
    assert!(matches!(endless::call(&client).next().await, Some(Err(error)) if error.is_disconnected()));
}

/// Streams only when it is allowed to.
#[on(app = Streams)]
async fn late(seen: &State<Arc<Seen>>) -> impl Stream<Item = u8> {
    seen.produced.fetch_add(1, Ordering::SeqCst);
    seen.go.notified().await;
    stream::repeat(1)
}

/// Whether a stream ends because its server does.
async fn ends_as_closing<T>(items: jidda::stream::Streaming<T>) -> bool
where
    T: serde::de::DeserializeOwned + std::fmt::Debug,
{
    matches!(items.collect::<Vec<_>>().await.pop(), Some(Err(error)) if error.code() == Some("closing"))
}

#[tokio::test]
async fn a_server_that_ends_waits_for_no_stream() {
    let (client, server, seen) = start().await;
    let mut busy = client.stream::<u64>("endless", &());
    let mut quiet = client.stream::<u8>("stuck", &());
    assert!(busy.next().await.unwrap().is_ok() && quiet.next().await.unwrap().is_ok());
    // One that takes no more, so that its producer waits for credit.
    let mut unread = client.stream::<u64>("endless", &()).window(1);
    assert!(unread.next().await.unwrap().is_ok());
    let before = seen.produced();
    let late = tokio::spawn(ends_as_closing(client.stream::<u8>("late", &())));
    eventually("it runs", || seen.produced() > before && server.count() == 1).await;
    let ending = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(LIMIT).await }
    });
    assert!(ends_as_closing(quiet).await);
    assert!(ends_as_closing(busy).await);
    assert!(ends_as_closing(unread).await);
    eventually("their producers are dropped", || seen.dropped() == 3).await;
    // A handler that still runs is waited for; the stream that it gives then is ended as well.
    assert!(!ending.is_finished());
    seen.go.notify_one();
    assert!(late.await.unwrap());
    assert!(ending.await.unwrap());
}

/// Whether a middleware saw a stream.
#[middleware(app = Streams)]
async fn watches(call: Call, next: Next) -> Reply {
    let expected = call.event() == "named";
    let reply = next.run(call).await;
    assert!(!expected || (reply.is_ok() && reply.is_stream() && reply.payload().is_none()));
    reply
}

#[tokio::test]
async fn the_table_tells_which_replies_are_streams() {
    let (_client, server, _seen) = start().await;
    let entry = odd::handler();
    assert!(entry.is_streaming());
    assert_eq!((entry.reply(), entry.error()), ("u32", Some("Odd")));
    assert!(!double::handler().is_streaming());
    assert!(server.handlers().to_string().contains("stream of u32"), "{}", server.handlers());
}

#[tokio::test]
async fn methods_stream_what_their_service_owns() {
    let (client, _server, seen) = start().await;
    let room = RoomClient::connect(&client).await.unwrap();
    let lines: Vec<_> = room.lines(0).map(Result::unwrap).collect().await;
    assert_eq!(lines, ["one two", "three"]);
    assert_eq!(room.lines(7).next().await, Some(Err(CallError::App(Odd::At(7)))));
    let words: Vec<_> = room.words().map(Result::unwrap).collect().await;
    assert_eq!(words, ["one", "two", "three"]);
    // A stream ends with its namespace, also while it waits to be asked for more.
    let mut items = room.forever().window(4);
    assert_eq!(items.next().await, Some(Ok(0)));
    eventually("the window is full", || seen.produced() == 4).await;
    room.close().await.ok();
    eventually("the producer is gone", || seen.dropped() == 1).await;
    let rest: Vec<_> = items.collect().await;
    assert_eq!(rest.len(), 4);
    assert_eq!(rest[3].as_ref().unwrap_err().code(), Some("not_connected"));
    assert_eq!(double::call(&client, 1).await, Ok(2));
}

#[tokio::test]
async fn a_server_streams_from_a_client() {
    let server = Server::builder().app::<Streams>().state(Arc::<Seen>::default());
    let server = server.service(Room { lines: Vec::new() });
    let (_client, server) = jidda::testing::pair_with(server, |client| {
        client.app::<Streams>().service(Thermometer(vec![20, 21]))
    })
    .await
    .unwrap();
    let socket = server.sockets().pop().unwrap();
    let sensor = SensorClient::new(&socket);
    let samples: Vec<_> = sensor.samples(5).map(Result::unwrap).collect().await;
    assert_eq!(samples, [20, 21, 20, 21, 20]);
    let samples: Vec<_> = sensor.checked_samples(2).collect().await;
    assert_eq!(samples, [Ok(2), Err(CallError::App(Odd::At(2)))]);
    assert_eq!(sensor.checked_samples(3).next().await, Some(Err(CallError::App(Odd::At(3)))));
    assert_eq!(sensor.boxed_samples().count().await, 2);
}

#[tokio::test]
async fn a_blocking_client_iterates() {
    let seen = Arc::<Seen>::default();
    let server = Server::builder().app::<Streams>().state(Arc::clone(&seen));
    let server =
        server.service(Room { lines: vec!["a".into()] }).listen("127.0.0.1:0").start().await.unwrap();
    let address = server.addresses()[0].to_string();
    let task = tokio::task::spawn_blocking(move || {
        let client = jidda::blocking::Client::connect(&address).unwrap();
        let ticks: Result<Vec<String>, _> = ticks::call(&client, 2).window(1).timeout(LIMIT).collect();
        assert_eq!(ticks.unwrap(), ["/ 0", "/ 1"]);
        assert_eq!(client.stream::<u64>("endless", &()).take(50).flatten().count(), 50);
        let room = RoomClient::new(client.join("/room", &()).unwrap());
        assert_eq!(room.lines(0).map(Result::unwrap).collect::<Vec<_>>(), ["a"]);
    });
    task.await.unwrap();
    eventually("the producer is gone", || seen.dropped() == 1).await;
}

#[tokio::test]
async fn sequential_streams_have_their_turns() {
    let (client, _server, _seen) = start().await;
    let (told, mut began) = tokio::sync::mpsc::unbounded_channel();
    client.on("began", move |name: String, _n: u32| {
        told.send(name).unwrap();
        async {}
    });
    let mut first = in_turn::call(&client, "first", 40).window(40);
    assert_eq!(first.next().await, Some(Ok("first 0".into())));
    let second = in_turn::call(&client, "second", 2).collect::<Vec<_>>();
    let (first, second) = tokio::join!(first.collect::<Vec<_>>(), second);
    assert_eq!((first.len(), second.len()), (39, 2));
    let mut order = Vec::new();
    while order.len() < 42 {
        order.push(began.recv().await.unwrap());
    }
    assert!(order[..40].iter().all(|name| name == "first"), "{order:?}");
    // One that is given up makes room for the next.
    let mut first = in_turn::call(&client, "first", 40).window(1);
    assert_eq!(first.next().await, Some(Ok("first 0".into())));
    drop(first);
    assert_eq!(in_turn::call(&client, "second", 2).count().await, 2);
}

#[tokio::test]
async fn an_item_that_is_too_large_ends_the_stream() {
    let (client, _server, _seen) = start().await;
    let items: Vec<_> = large::call(&client).collect().await;
    assert_eq!(items[0], Ok(vec![1]));
    assert_eq!(items[1].as_ref().unwrap_err().code(), Some("too_large"));
    assert_eq!(items.len(), 2);
    assert_eq!(client.stream::<u8>("nothing", &()).count().await, 0, "there is nothing in it either way");
}

#[tokio::test]
async fn a_streams_calls_are_made_within_its_time() {
    let (client, _server, _seen) = start().await;
    let mut items = limited::call(&client).timeout(LIMIT);
    assert_eq!(items.next().await, Some(Ok(true)), "inside the handler");
    assert_eq!(items.next().await, Some(Ok(true)), "inside the stream");
}

#[on(app = Streams)]
async fn limited(deadline: &Deadline) -> impl Stream<Item = bool> {
    let first = deadline.left().is_some_and(|left| left <= LIMIT);
    stream::once(async move { first }).chain(stream::once(async { deadline.left().is_some() }))
}

#[on(app = Opening)]
async fn watch(well: bool) -> Result<impl Stream<Item = u32>, Odd> {
    // Not at its first poll, so that it has to be waited for.
    tokio::task::yield_now().await;
    if well { Ok(stream::pending()) } else { Err(Odd::At(0)) }
}

#[on(app = Opening)]
fn no_items_at_all() -> impl Stream<Item = u32> {
    stream::empty()
}

struct Opening;

#[tokio::test]
async fn a_stream_can_be_opened_before_its_items_are_asked_for() {
    let builder = Server::builder().app::<Opening>();
    let (client, _server) = jidda::testing::pair_with(builder, |client| client).await.unwrap();
    let mut opened = watch::call(&client, true).open().await.unwrap();
    assert!(futures_util::poll!(std::pin::pin!(opened.next())).is_pending(), "no item, but no end");
    let refused = watch::call(&client, false).open().await.err().and_then(CallError::into_app);
    assert_eq!(refused, Some(Odd::At(0)), "instead of a stream");
    assert_eq!(no_items_at_all::call(&client).open().await.unwrap().next().await, None);
    let missing = client.stream::<u32>("missing", &()).open().await.unwrap_err();
    assert_eq!(missing.code(), Some("not_found"));
}
