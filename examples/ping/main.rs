//! Shows how long a call takes: as a histogram in a terminal, or in a browser for as long as one looks.
//!
//! `cargo run --release --example ping` measures a server of its own; `ping ADDRESS` one that runs elsewhere
//! (`ping server` is such a one), and `ping ADDRESS COUNT` says how many calls to make. `ping server` also serves a page
//! at <http://127.0.0.1:8003/> that measures from there, after `npm install --prefix examples/browser`.

#[path = "../browser/site.rs"]
mod site;

use std::time::{Duration, Instant};

use jidda::Error;
use jidda::prelude::*;

const ADDRESS: &str = "127.0.0.1:8003";

/// Gives back what it was given.
#[on]
async fn ping(payload: String) -> String {
    payload
}

/// Tells a client the address it has for the server.
#[on]
async fn whoami(socket: &Socket) -> String {
    socket.peer().to_string()
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => own(),
        ["server"] => {
            let server = Server::builder().listen(ADDRESS);
            Ok(server.http_fallback(site::page("ping")).socket_io(site::client).run()?)
        }
        [address] => other(address, 10_000),
        [address, count] => other(address, count.parse()?),
        _ => Err(Error::new("usage", "write nothing, `server`, an address, or an address and a count")),
    }
}

#[tokio::main]
async fn own() -> jidda::Result<()> {
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    measure(&server.addresses()[0].to_string(), 10_000).await
}

#[tokio::main]
async fn other(address: &str, count: usize) -> jidda::Result<()> {
    measure(address, count).await
}

async fn measure(address: &str, count: usize) -> jidda::Result<()> {
    let client = Client::connect(address).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        ping::call(&client, "sixteen letters.").await?;
        times.push(start.elapsed());
    }
    print(&mut times, address);
    Ok(())
}

fn print(times: &mut [Duration], address: &str) {
    times.sort_unstable();
    let Some(slowest) = times.last() else { return println!("no calls were made") };
    println!("{} calls of {address}, one after the other", times.len());
    // Each row is twice as wide as the one before: the few slow calls stay in sight beside the many fast ones.
    let mut limit = Duration::from_micros(1);
    let mut rest = &*times;
    while !rest.is_empty() {
        let (row, later) = rest.split_at(rest.partition_point(|time| *time < limit));
        if !row.is_empty() {
            let bar = "#".repeat((row.len() * 60).div_ceil(times.len()));
            println!("{:>10} {:>7}  {bar}", format!("< {limit:?}"), row.len());
        }
        limit *= 2;
        rest = later;
    }
    let share = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("half below {:?}, 99 of 100 below {:?}, the slowest {slowest:?}", share(50), share(99));
}
