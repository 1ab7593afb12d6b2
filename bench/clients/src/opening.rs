//! How long it takes to connect.

use std::time::{Duration, Instant};

use anyhow::Result;
use jidda::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ROUNDS: usize = 300;

/// The median of each, in microseconds.
#[derive(Debug)]
pub(crate) struct Opening {
    /// A client of the native wire.
    pub(crate) native: u128,
    /// A client of Socket.IO.
    pub(crate) web: u128,
    /// A request of HTTP, its connection included.
    pub(crate) request: u128,
}

/// By turns, so that whatever else the machine does falls on all alike.
pub(crate) async fn measure(address: &str) -> Result<Opening> {
    let (mut native, mut web, mut request) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native.push(connect(&format!("tcp://{address}")).await?);
        web.push(connect(&format!("ws://{address}/socket.io/")).await?);
        request.push(ask(address).await?);
    }
    Ok(Opening { native: median(native), web: median(web), request: median(request) })
}

async fn connect(url: &str) -> Result<Duration> {
    let start = Instant::now();
    let client = Client::connect(url).await?;
    let time = start.elapsed();
    client.disconnect().await;
    Ok(time)
}

async fn ask(address: &str) -> Result<Duration> {
    let start = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    let text = format!("GET /nothing HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> u128 {
    times.sort_unstable();
    times[times.len() / 2].as_micros()
}
