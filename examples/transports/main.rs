//! Shows what goes over the wire, by each transport and by both versions of Engine.IO.
//!
//! `npm install --prefix examples/browser` once; `cargo run --example transports` then serves a page at
//! <http://127.0.0.1:8006/> on which one picks a transport, sends messages and sees every packet.

#[path = "../browser/site.rs"]
mod site;

use axum::Router;
use jidda::peer::Handshake;
use jidda::prelude::*;
use serde::Serialize;
use tower_http::services::ServeFile;

const ADDRESS: &str = "127.0.0.1:8006";

/// What the server knows of a connection.
#[derive(Serialize)]
struct About {
    address: String,
    transport: jidda::peer::Transport,
    protocol: &'static str,
}

/// Tells a client what the server knows of its connection.
#[on]
async fn about(handshake: &Handshake) -> About {
    About {
        address: handshake.peer.to_string(),
        transport: handshake.transport,
        protocol: handshake.protocol,
    }
}

/// Gives back what it was given.
#[on]
async fn echo(text: String) -> String {
    text
}

fn main() -> Result<(), jidda::StartError> {
    // An axum app serves what is not jidda's: the page, and the older client that speaks Engine.IO 3.
    let mut app = Router::new().fallback_service(site::page("transports"));
    if let Some(file) = site::bundle("socket.io-client-2") {
        app = app.route_service("/socket.io-2.js", ServeFile::new(file));
    }
    Server::builder().listen(ADDRESS).http_fallback(app).socket_io(site::client).run()
}
