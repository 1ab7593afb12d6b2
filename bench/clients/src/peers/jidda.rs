//! jidda's client.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use jidda::Client;

use super::{CONNECTIONS, Meter, TEXT};

pub(super) async fn call(address: &str, in_flight: usize, span: Duration) -> Result<u64> {
    let url = format!("ws://{address}/socket.io/");
    let clients = try_join_all((0..CONNECTIONS).map(|_| Client::connect(&url))).await?;
    let meter = RefCell::new(Meter::new(span));
    let calls = clients.iter().flat_map(|client| (0..in_flight).map(|_| lane(client, &meter)));
    try_join_all(calls).await?;
    meter.borrow().cost()
}

async fn lane(client: &Client, meter: &RefCell<Meter>) -> Result<()> {
    loop {
        let answer: String = client.call("echo", TEXT).await?;
        anyhow::ensure!(answer == TEXT, "another text came back");
        if !meter.borrow_mut().count()? {
            return Ok(());
        }
    }
}
