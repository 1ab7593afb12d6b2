//! An echo server of jsonrpsee. It says where it listens.

#![forbid(unsafe_code)]

use std::error::Error;

use jsonrpsee::{
    server::{RpcModule, Server},
    types::ErrorObjectOwned,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut module = RpcModule::new(());
    module.register_async_method("echo", async |parameters, _, _| {
        let text: String = parameters.one()?;
        Ok::<_, ErrorObjectOwned>(text)
    })?;
    let server = Server::builder().build("127.0.0.1:0").await?;
    println!("{}", server.local_addr()?);
    server.start(module).stopped().await;
    Ok(())
}
