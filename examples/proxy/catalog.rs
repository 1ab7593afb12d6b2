//! A service: what there is, and what it costs.

use futures_util::stream;
use jidda::prelude::*;
use jidda::server::ServerBuilder;
use jidda::stream::Stream;
use serde::{Deserialize, Serialize};

/// Its handlers are its own, though the example links all three servers into one program.
pub(crate) struct Catalog;

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum Unknown {
    #[error("there is no {0}")]
    Fruit(String),
}

const FRUITS: [(&str, u32); 3] = [("apple", 30), ("melon", 250), ("plum", 10)];

/// The price of a fruit.
#[on(app = Catalog)]
pub(crate) async fn price(fruit: String) -> Result<u32, Unknown> {
    let found = FRUITS.iter().find(|(name, _)| *name == fruit);
    found.map(|(_, price)| *price).ok_or(Unknown::Fruit(fruit))
}

/// All fruits, one after another.
#[on(app = Catalog)]
pub(crate) async fn fruits() -> impl Stream<Item = String> {
    stream::iter(FRUITS.iter().map(|(name, _)| (*name).to_owned()))
}

pub(crate) fn server(address: &str) -> ServerBuilder {
    Server::builder().app::<Catalog>().listen(address)
}
