//! Streaming replies pass through a gateway: items, errors, credit and the end.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jidda::State;
use jidda::prelude::*;
use jidda::server::Proxy;
use jidda::stream::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

const LIMIT: Duration = Duration::from_secs(20);

struct Gateway;
struct Service;

#[derive(Default)]
struct Seen {
    produced: AtomicU64,
    dropped: Notify,
}

struct Guard(Arc<Seen>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Broken {
    At(u32),
}

#[on(app = Service)]
async fn count(n: u32) -> impl Stream<Item = u32> {
    stream::iter(0..n)
}

#[on(app = Service)]
async fn fragile(n: u32) -> Result<impl Stream<Item = Result<u32, Broken>>, Broken> {
    if n == 0 {
        return Err(Broken::At(0));
    }
    Ok(stream::iter(0..).map(move |at| if at == n { Err(Broken::At(at)) } else { Ok(at) }))
}

#[on(app = Service)]
async fn endless(seen: &State<Arc<Seen>>) -> impl Stream<Item = u64> {
    let guard = Guard(Arc::clone(seen));
    stream::unfold(guard, |guard| async move {
        let n = guard.0.produced.fetch_add(1, Ordering::SeqCst);
        Some((n, guard))
    })
}

#[on(app = Service)]
async fn double(n: i64) -> i64 {
    n * 2
}

struct Chain {
    client: Client,
    service: Server,
    seen: Arc<Seen>,
    _gateway: Server,
}

async fn chain() -> Chain {
    let seen = Arc::new(Seen::default());
    let service = Server::builder().app::<Service>().state(Arc::clone(&seen)).listen("127.0.0.1:0");
    let service = service.start().await.unwrap();
    let upstream = Client::connect(&service.addresses()[0].to_string()).await.unwrap();
    let gateway = Server::builder().app::<Gateway>().proxy(Proxy::to(&upstream)).listen("127.0.0.1:0");
    let gateway = gateway.start().await.unwrap();
    let client = Client::connect(&gateway.addresses()[0].to_string()).await.unwrap();
    Chain { client, service, seen, _gateway: gateway }
}

#[tokio::test]
async fn items_and_errors_arrive_as_they_are() {
    let Chain { client, .. } = chain().await;
    for n in [0, 1, 31, 32, 33, 1000] {
        let items: Vec<_> = count::call(&client, n).collect().await;
        assert_eq!(items, (0..n).map(Ok).collect::<Vec<_>>());
    }
    let items: Vec<_> = fragile::call(&client, 2).collect().await;
    assert_eq!(items, [Ok(0), Ok(1), Err(CallError::App(Broken::At(2)))]);
    let items: Vec<_> = fragile::call(&client, 0).collect().await;
    assert_eq!(items, [Err(CallError::App(Broken::At(0)))]);
    // A handler that has no stream says so, and one that has is not called like others.
    let error = client.root().stream::<i64>("double", &1).next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("not_streaming"));
    let error = client.call::<u32>("count", &1).await.unwrap_err();
    assert_eq!(error.code(), Some("streaming"));
    let error = client.root().stream::<i64>("nothing", &1).next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
}

#[tokio::test]
async fn a_slow_reader_slows_the_producer_behind_the_gateway() {
    let Chain { client, seen, .. } = chain().await;
    let mut items = endless::call(&client).window(8);
    for n in 0..100 {
        assert_eq!(items.next().await, Some(Ok(n)));
        // The window of the reader, the gateway's own, and what a gateway may have on its way.
        assert!(seen.produced.load(Ordering::SeqCst) <= n + 8 + 2 * 32, "it ran ahead");
    }
    drop(items);
    tokio::time::timeout(LIMIT, seen.dropped.notified()).await.expect("the producer is dropped");
}

#[tokio::test]
async fn a_service_that_shuts_down_in_the_middle_ends_the_stream_and_nothing_else() {
    let Chain { client, service, .. } = chain().await;
    let mut items = endless::call(&client);
    assert_eq!(items.next().await, Some(Ok(0)));
    let reading = tokio::spawn(async move {
        loop {
            match items.next().await {
                Some(Ok(_)) => {}
                end => break (end, items.next().await),
            }
        }
    });
    service.shutdown(Duration::ZERO).await;
    let (end, after) = tokio::time::timeout(LIMIT, reading).await.expect("it ends").unwrap();
    let error = end.expect("an error").unwrap_err();
    assert_eq!(error.code(), Some("closing"), "{error}");
    assert_eq!(after, None);
    let error = client.call::<i64>("double", &1).await.unwrap_err();
    assert_eq!(error.code(), Some("unavailable"), "{error}");
}

#[tokio::test]
async fn its_time_is_over_behind_the_gateway_too() {
    let Chain { client, seen, .. } = chain().await;
    let mut items = endless::call(&client).timeout(Duration::from_millis(100));
    loop {
        match items.next().await.expect("an end") {
            Ok(_) => {}
            Err(error) => break assert!(error.is_timeout(), "{error}"),
        }
    }
    tokio::time::timeout(LIMIT, seen.dropped.notified()).await.expect("the producer is dropped");
}
