//! What callers see: it finds out who they are, answers what is its own business, and passes on the rest.

use std::time::Duration;

use jidda::auth::{Authenticator, Identity};
use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::server::{Proxy, ServerBuilder};

pub(crate) struct Gateway;

/// Takes names as they are, and knows who is a manager.
struct People;

impl Authenticator for People {
    async fn authenticate(&self, handshake: &Handshake) -> jidda::Result<Option<Identity>> {
        let identity = handshake.claimed_identity.as_deref().map(Identity::from);
        Ok(identity.map(|who| if who.name() == "bob" { who.with_permission("manager") } else { who }))
    }
}

/// What the gateway has a handler for is not passed on.
#[on(app = Gateway)]
pub(crate) async fn health() -> String {
    "all is well".to_owned()
}

pub(crate) async fn server(address: &str, catalog: &str, orders: &str) -> jidda::Result<ServerBuilder> {
    let catalog = Client::connect(catalog).await?;
    let orders = Client::builder(orders).identity("gateway").connect().await?;
    Ok(Server::builder()
        .app::<Gateway>()
        .authenticator(People)
        .proxy(Proxy::to(&catalog))
        .proxy(Proxy::to(&orders).namespace("/orders").pass_identity())
        .listen(address))
}

pub(crate) async fn run(address: &str, catalog: &str, orders: &str) -> jidda::Result<()> {
    let server = server(address, catalog, orders).await?.start().await?;
    println!("the gateway listens on {}", server.addresses()[0]);
    tokio::signal::ctrl_c().await?;
    server.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
