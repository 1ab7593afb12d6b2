//! A server of jidda with a hundred handlers of two arguments each.

#![forbid(unsafe_code)]

use std::future;

use jidda::prelude::*;

include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

#[tokio::main]
async fn main() -> jidda::Result<()> {
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    println!("{}", server.addresses()[0]);
    future::pending().await
}
