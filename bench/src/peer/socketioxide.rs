//! socketioxide on axum, as its documentation shows it.

use std::{hint::black_box, sync::Arc};

use anyhow::Result;
use axum::{Router, serve::ListenerExt as _};
use socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
};
use tokio::net::TcpListener;

use super::work::compute;
use crate::wire::{TEXT, called::registered};

async fn echo(Data(text): Data<String>, acknowledge: AckSender) {
    acknowledge.send(&text).ok();
}

async fn mirror(socket: SocketRef, Data(text): Data<String>) {
    socket.emit("mirror", &text).ok();
}

async fn note(Data(text): Data<String>) {
    black_box(text);
}

async fn work(Data(text): Data<String>, acknowledge: AckSender) {
    black_box(compute(&text));
    acknowledge.send(&text).ok();
}

async fn join(socket: SocketRef, Data(room): Data<String>, acknowledge: AckSender) {
    socket.join(room);
    acknowledge.send(TEXT).ok();
}

async fn visit(socket: SocketRef, Data(room): Data<String>, acknowledge: AckSender) {
    socket.join(room.clone());
    socket.leave(room.clone());
    acknowledge.send(&room).ok();
}

async fn tell(io: SocketIo, Data(room): Data<String>) {
    io.to(room).emit("news", TEXT).await.ok();
}

async fn announce(io: SocketIo, Data(text): Data<String>) {
    io.emit("news", &text).await.ok();
}

/// Serves until the process ends, with so many more events than the ones that measures need.
pub(super) async fn serve(listener: TcpListener, more: usize) -> Result<()> {
    let (layer, io) = SocketIo::new_layer();
    let names: Arc<[String]> = (0..more).map(registered).collect();
    io.ns("/", move |socket: SocketRef| {
        let names = Arc::clone(&names);
        async move {
            socket.on("echo", echo);
            socket.on("mirror", mirror);
            socket.on("note", note);
            socket.on("work", work);
            socket.on("join", join);
            socket.on("visit", visit);
            socket.on("tell", tell);
            socket.on("announce", announce);
            for name in &*names {
                socket.on(name.clone(), echo);
            }
        }
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
