//! Sockets: one peer in one namespace, selections of them, and what lives as long as they do.
//!
//! A handler borrows the [`Socket`] of its peer; [`Client::of`](crate::Client::of) gives that of a client. A [`Selection`]
//! is any number of sockets: those of a room, a namespace or an identity. A [`Job`] ends with its socket; a [`Session`]
//! holds values for a peer that reconnects.
//!
//! ```
//! use jidda::prelude::*;
//!
//! #[on]
//! async fn enter(socket: &Socket, room: String) -> Result<usize> {
//!     socket.join(&room).await?;
//!     socket.to(&room).emit("entered", &socket.id().to_string()).await?;
//!     Ok(socket.everyone().to(&room).count())
//! }
//! # fn main() {}
//! ```

pub use jidda_runtime::{
    ConnectionId, ConnectionValues, DisconnectReason, Emit, IdError, Job, JobOutput, Listener, ObserverId,
    Selection, Session, SessionId, Socket, SocketId, Volatile,
};
