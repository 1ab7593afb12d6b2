//! The crate `rust_socketio`, asynchronous, over a WebSocket.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, TransportType};
use tokio::sync::mpsc::unbounded_channel;

use super::{CONNECTIONS, Meter, TEXT};

/// Far longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn call(address: &str, in_flight: usize, span: Duration) -> Result<u64> {
    let clients = try_join_all((0..CONNECTIONS).map(|_| connect(address))).await?;
    let meter = RefCell::new(Meter::new(span));
    let calls = clients.iter().flat_map(|client| (0..in_flight).map(|_| lane(client, &meter)));
    try_join_all(calls).await?;
    meter.borrow().cost()
}

/// It returns before the namespace is joined, which an event tells of.
async fn connect(address: &str) -> Result<Client> {
    let (joined, mut is_joined) = unbounded_channel();
    let client = ClientBuilder::new(format!("http://{address}"))
        .transport_type(TransportType::Websocket)
        .on(Event::Connect, move |_, _| {
            joined.send(()).ok();
            async {}.boxed()
        })
        .connect()
        .await?;
    is_joined.recv().await.context("it did not join")?;
    Ok(client)
}

async fn lane(client: &Client, meter: &RefCell<Meter>) -> Result<()> {
    let (answer, mut answers) = unbounded_channel();
    loop {
        let answer = answer.clone();
        let acknowledged = move |_, _| {
            answer.send(()).ok();
            async {}.boxed()
        };
        client.emit_with_ack("echo", TEXT, PATIENCE, acknowledged).await?;
        answers.recv().await.context("no answer")?;
        if !meter.borrow_mut().count()? {
            return Ok(());
        }
    }
}
