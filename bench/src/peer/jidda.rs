//! jidda, with handlers as its users write them. They are the same for its native wire and for Socket.IO.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow};
use jidda::prelude::*;

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

/// Sends its argument back.
#[on]
async fn mirror(socket: &Socket, text: String) -> jidda::Result<()> {
    socket.emit("mirror", &text).await?;
    Ok(())
}

/// Has everyone who comes join a room.
#[on("connect", namespace = "/lobby")]
async fn enter(socket: &Socket) {
    socket.join("lobby").await;
}

/// Returns its argument.
#[on("echo", namespace = "/lobby")]
async fn echo_in_lobby(text: String) -> String {
    text
}

/// Starts a server, which runs until it is dropped.
pub(super) async fn start() -> Result<(Server, SocketAddr)> {
    let server = Server::builder().listen("127.0.0.1:0").start().await;
    let server = server.map_err(|error| anyhow!("{error}"))?;
    let address = server.addresses().first().context("it listens nowhere")?.to_string();
    let address = address.strip_prefix("tcp://").unwrap_or(&address).parse()?;
    Ok((server, address))
}
