//! Rooms, as clients ask for them.

use jidda::prelude::*;

use crate::wire::TEXT;

/// Joins a room.
#[on]
async fn join(socket: &Socket, room: String) -> jidda::Result<&'static str> {
    socket.join(&room).await?;
    Ok(TEXT)
}

/// Sends the event of a broadcast to everybody in a room.
#[on]
async fn tell(server: &Server, room: String) -> jidda::Result<()> {
    server.to(&room).emit("news", TEXT).await?;
    Ok(())
}

/// Joins a room that is called like its argument, and leaves it.
#[on]
async fn visit(socket: &Socket, room: String) -> jidda::Result<String> {
    socket.join(&room).await?;
    socket.leave(&room).await;
    Ok(room)
}
