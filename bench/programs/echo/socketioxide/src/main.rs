//! An echo server of socketioxide on axum. It says where it listens.

#![forbid(unsafe_code)]

use std::io;

use axum::Router;
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpListener;

async fn echo(Data(text): Data<String>, acknowledge: AckSender) {
    acknowledge.send(&text).ok();
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| socket.on("echo", echo));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, Router::new().layer(layer)).await
}
