//! jidda over TCP, with handlers as its users write them.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow};
use jidda::prelude::*;

use crate::wire;

/// Returns its argument.
#[on]
async fn echo(text: String) -> String {
    text
}

/// Sends its argument to everybody.
#[on]
async fn announce(server: &Server, text: String) -> jidda::Result<()> {
    server.emit("news", &text).await?;
    Ok(())
}

/// The size of the reply to a call: `[1, id, nil, TEXT]`.
pub(super) fn reply_length() -> usize {
    // The request has an array of arguments and a name of four bytes, and a marker for each; the reply has a nil.
    wire::request(wire::FIRST_ID).len() - 5
}

/// Starts a server, which runs until it is dropped.
pub(super) async fn start() -> Result<(Server, SocketAddr)> {
    let server = Server::builder().listen("127.0.0.1:0").start().await;
    let server = server.map_err(|error| anyhow!("{error}"))?;
    let address = server.addresses().first().context("it listens nowhere")?.to_string();
    let address = address.strip_prefix("tcp://").unwrap_or(&address).parse()?;
    Ok((server, address))
}
