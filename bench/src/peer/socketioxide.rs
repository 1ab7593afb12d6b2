//! socketioxide on axum, as its documentation shows it.

use anyhow::Result;
use axum::{Router, serve::ListenerExt as _};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpListener;

async fn echo(Data(text): Data<String>, acknowledge: AckSender) {
    acknowledge.send(&text).ok();
}

async fn mirror(socket: SocketRef, Data(text): Data<String>) {
    socket.emit("mirror", &text).ok();
}

async fn announce(io: SocketIo, Data(text): Data<String>) {
    io.emit("news", &text).await.ok();
}

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("echo", echo);
        socket.on("mirror", mirror);
        socket.on("announce", announce);
    });
    io.ns("/lobby", async |socket: SocketRef| {
        socket.join("lobby");
        socket.on("echo", echo);
    });
    let listener = listener.tap_io(|stream| {
        // A connection that has gone already ends by itself.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, Router::new().layer(layer)).await?;
    Ok(())
}
