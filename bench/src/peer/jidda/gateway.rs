//! A server that handles nothing itself, and the one behind it.

use std::net::SocketAddr;

use anyhow::Result;
use jidda::prelude::*;
use jidda::server::{Proxy, ServerBuilder};
use tokio::runtime::{self, Runtime};

use super::start;
use crate::peer::endpoint::Setting;

/// The handlers of the gateway: there are none.
struct Gateway;

/// Passes everything on to the server at `upstream`, over one connection.
pub(super) async fn builder(upstream: SocketAddr) -> Result<ServerBuilder> {
    let client = Client::connect(&format!("tcp://{upstream}")).await?;
    Ok(Server::builder().app::<Gateway>().proxy(Proxy::to(&client)))
}

/// A server in this process, on its core. It runs until it is dropped.
pub struct Upstream {
    _server: Server,
    _runtime: Runtime,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Upstream {
    /// Starts it, on a thread of its own.
    pub fn start() -> Result<Self> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (server, endpoint) = runtime.block_on(start(Setting::default()))?;
        Ok(Self { _server: server, _runtime: runtime, address: endpoint.address })
    }
}
