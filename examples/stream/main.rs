//! Shows a streaming reply with back-pressure: a producer that could go on for ever, and a reader that takes its time.
//!
//! `cargo run --example stream` runs both and ends. `cargo run --example stream server` runs only the server, until
//! Ctrl-C; `cargo run --example stream client` then reads from it, or `stream client ADDRESS` from one elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::stream;
use jidda::Error;
use jidda::prelude::*;
use jidda::stream::Stream;

const ADDRESS: &str = "127.0.0.1:8007";
/// How many ticks may be under way.
const WINDOW: u32 = 8;
/// How many are read before the reader has enough.
const ENOUGH: u64 = 20;

// ---- the server ----

/// How many ticks a peer's producer has made: kept with its socket.
#[derive(Clone, Default, FromConnection)]
struct Meter(Arc<AtomicU64>);

/// Says that the producer is gone, however that came about.
struct Producer(Meter);

impl Drop for Producer {
    fn drop(&mut self) {
        println!("server: the producer was stopped after {} ticks", self.0.0.load(Relaxed));
    }
}

#[on("connect")]
async fn enter(socket: &Socket) {
    socket.insert(Meter::default());
}

/// Ticks as fast as they are taken. It never waits: it is just not asked for more than the reader granted.
#[on]
async fn ticks(meter: &Meter) -> impl Stream<Item = u64> {
    let producer = Producer(meter.clone());
    stream::unfold(producer, async |producer| {
        let tick = producer.0.0.fetch_add(1, Relaxed);
        Some((tick, producer))
    })
}

/// How many ticks were made for this peer.
#[on]
fn produced(meter: &Meter) -> u64 {
    meter.0.load(Relaxed)
}

// ---- the client ----

async fn read(address: &str) -> jidda::Result<()> {
    let client = Client::connect(address).await?;
    let mut most_ahead = 0;
    let mut items = ticks::call(&client).window(WINDOW);
    for taken in 1..=ENOUGH {
        let Some(tick) = items.next().await else { break };
        tokio::time::sleep(Duration::from_millis(10)).await;
        // An ordinary call, over the same connection: the stream is not in its way.
        let ahead = produced::call(&client).await? - taken;
        println!("client: tick {}, the producer is {ahead} ahead", tick?);
        most_ahead = most_ahead.max(ahead);
    }
    println!("client: {ENOUGH} ticks are enough; the producer was never more than {most_ahead} ahead");
    // Dropped, it is cancelled at the server; a call that is answered shows that it has heard of it.
    drop(items);
    produced::call(&client).await?;
    client.disconnect().await;
    Ok(())
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => both(),
        ["server"] => Ok(jidda::run!(ADDRESS)?),
        ["client"] => client(ADDRESS),
        ["client", address] => client(address),
        _ => Err(Error::new("usage", "write nothing, `server`, `client` or `client ADDRESS`")),
    }
}

#[tokio::main]
async fn both() -> jidda::Result<()> {
    // Port 0: the system chooses a free one.
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    read(&server.addresses()[0].to_string()).await?;
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::main]
async fn client(address: &str) -> jidda::Result<()> {
    read(address).await
}
