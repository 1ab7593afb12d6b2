//! The memory of clients that do nothing.

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use jidda::Client;

use crate::processor;

/// How many connect at once.
const AT_ONCE: usize = 100;

pub(crate) async fn bytes_each(address: &str, count: usize) -> Result<u64> {
    let url = format!("ws://{address}/socket.io/");
    // What the first ones need is needed once.
    let mut clients = connect(&url, AT_ONCE).await?;
    let before = processor::memory()?;
    while clients.len() < count + AT_ONCE {
        clients.extend(connect(&url, AT_ONCE).await?);
    }
    let added = processor::memory()?.saturating_sub(before);
    for client in &clients {
        ensure!(client.root().is_connected(), "an idle client has lost its connection");
    }
    Ok(added / count as u64)
}

async fn connect(url: &str, count: usize) -> Result<Vec<Client>> {
    Ok(try_join_all((0..count).map(|_| Client::connect(url))).await?)
}
