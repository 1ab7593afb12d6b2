//! jidda, with handlers as its users write them. They are the same for its native wire and for Socket.IO.

mod client;
mod gateway;
mod many;
mod rooms;

use std::hint::black_box;

use anyhow::{Result, anyhow, bail};
use futures_util::stream;
use jidda::noise::{KeyPair, NoiseServer};
use jidda::peer::Address;
use jidda::prelude::*;
use jidda::stream::Stream;
use jidda::tls::TlsServer;

pub(super) use self::client::Connection;
pub use self::gateway::Upstream;
use super::{
    endpoint::{Endpoint, Setting, Transport},
    tls::Identity,
    work::compute,
};
use crate::wire::TEXT;

/// Returns its argument.
#[on]
async fn echo(text: String) -> String {
    text
}

/// Does nothing with its argument.
#[on]
async fn note(text: String) {
    black_box(text);
}

/// Computes, and returns its argument.
#[on]
async fn work(text: String) -> String {
    black_box(compute(&text));
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
async fn enter(socket: &Socket) -> jidda::Result<()> {
    Ok(socket.join("lobby").await?)
}

/// Returns its argument.
#[on("echo", namespace = "/lobby")]
async fn echo_in_lobby(text: String) -> String {
    text
}

/// Gives texts for as long as they are read.
#[on]
fn items() -> impl Stream<Item = String> {
    stream::repeat_with(|| TEXT.to_owned())
}

/// Starts a server, which runs until it is dropped.
pub(super) async fn start(setting: Setting) -> Result<(Server, Endpoint)> {
    let builder = match setting.upstream {
        None => Server::builder().handlers(many::handlers(setting.events)),
        Some(upstream) => gateway::builder(upstream).await?,
    };
    let (builder, proof) = match setting.transport {
        Transport::Tcp => (builder.listen("127.0.0.1:0"), String::new()),
        Transport::Tls => {
            let Identity { certificate, key } = Identity::generate()?;
            let tls = TlsServer::from_pem(&certificate, &key)?;
            (builder.listen("tls://127.0.0.1:0").tls(tls), certificate)
        }
        Transport::Noise => {
            let noise = NoiseServer::new(KeyPair::generate());
            let proof = noise.public().to_string();
            (builder.listen("noise://127.0.0.1:0").noise(noise), proof)
        }
    };
    let server = builder.start().await.map_err(|error| anyhow!("{error}"))?;
    let address = match server.addresses().first() {
        Some(Address::Tcp(address) | Address::Tls(address) | Address::Noise(address)) => address.parse()?,
        other => bail!("it listens at {other:?}"),
    };
    Ok((server, Endpoint { address, transport: setting.transport, proof }))
}
