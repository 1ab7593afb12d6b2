//! A server of socketioxide with a hundred handlers of two arguments each.

#![forbid(unsafe_code)]

use std::io;

use axum::Router;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpListener;

include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

#[tokio::main]
async fn main() -> io::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| register(&socket));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, Router::new().layer(layer)).await
}
