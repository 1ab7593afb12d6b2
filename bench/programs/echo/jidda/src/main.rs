//! An echo server of jidda. It says where it listens.

#![forbid(unsafe_code)]

use std::future;

use jidda::prelude::*;

#[on]
async fn echo(text: String) -> String {
    text
}

#[tokio::main]
async fn main() -> jidda::Result<()> {
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    println!("{}", server.addresses()[0]);
    future::pending().await
}
