//! Servers of the web, good and bad, over real TCP.

mod engine;
mod hostile;
mod network;
mod polling;
mod server;
mod tls;
mod websocket;

use std::time::Duration;

use super::*;
use crate::client::error::ConnectError;
use crate::peer::Transport;
use crate::transport::{Address, Stream, WebAddress};
use crate::wire::engine_io::Version;

fn address(text: &str) -> WebAddress {
    match text.parse() {
        Ok(Address::Web(address)) => *address,
        other => panic!("{text} is no address of the web: {other:?}"),
    }
}

/// The sentence of an error.
fn sentence(error: &ConnectError) -> String {
    match error {
        ConnectError::Web { source, .. } => source.to_string(),
        other => panic!("this is another error: {other:?}"),
    }
}
