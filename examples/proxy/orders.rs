//! A service that knows for whom it works: the gateway says who asks, and is believed.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use jidda::State;
use jidda::auth::{Identity, TrustedPeer};
use jidda::prelude::*;
use jidda::server::ServerBuilder;

pub(crate) struct Orders;

#[derive(Default)]
pub(crate) struct Placed(AtomicU32);

/// Orders some fruit for whoever asks.
#[on(namespace = "/orders", app = Orders)]
pub(crate) async fn place(identity: &Identity, placed: &State<Placed>, fruit: String, count: u32) -> String {
    let number = placed.0.fetch_add(1, Relaxed) + 1;
    format!("order {number}: {count} × {fruit} for {identity}")
}

/// Cancels every order; for those who may, whichever way they come.
#[on(namespace = "/orders", app = Orders, allow = "manager")]
pub(crate) async fn cancel_all(placed: &State<Placed>) -> u32 {
    placed.0.swap(0, Relaxed)
}

/// In this closed network a name is enough. A real one would ask the gateway for a certificate, a key or a token.
pub(crate) fn server(address: &str) -> ServerBuilder {
    Server::builder()
        .app::<Orders>()
        .state(Placed::default())
        .authenticator(TrustedPeer::new())
        .trust_identities_from(|peer| peer.name() == "gateway")
        .listen(address)
}
