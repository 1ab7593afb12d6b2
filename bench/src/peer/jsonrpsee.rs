//! jsonrpsee over WebSocket, its own client included.

use std::sync::Arc;

use anyhow::Result;
use jsonrpsee::{
    core::client::ClientT as _,
    rpc_params,
    server::{RpcModule, ServerBuilder, ServerConfig},
    types::ErrorObjectOwned,
    ws_client::{WsClient, WsClientBuilder},
};
use tokio::net::TcpListener;

use super::endpoint::Endpoint;
use crate::load::tasks::Caller;

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    let mut module = RpcModule::new(());
    module.register_async_method("echo", async |parameters, _, _| {
        let text: String = parameters.one()?;
        Ok::<_, ErrorObjectOwned>(text)
    })?;
    // The default limit is a hundred connections.
    let config = ServerConfig::builder().max_connections(10_000).ws_only().build();
    let server = ServerBuilder::with_config(config).build_from_tcp(listener.into_std()?)?;
    server.start(module).stopped().await;
    Ok(())
}

/// One connection.
#[derive(Clone)]
pub(super) struct Client(Arc<WsClient>);

impl Caller for Client {
    async fn connect(server: &Endpoint) -> Result<Self> {
        Ok(Self(Arc::new(WsClientBuilder::new().build(format!("ws://{}", server.address)).await?)))
    }

    async fn echo(&self, text: &str) -> Result<String> {
        Ok(self.0.request("echo", rpc_params![text]).await?)
    }
}
