//! Tests of handlers: servers and clients in memory, with the identities, permissions and handshakes that a test chooses, and a
//! record of what was sent.
//!
//! Connections in memory run the code of real ones, without ports. With tokio's paused clock (`#[tokio::test(start_paused =
//! true)]`, tokio's feature `test-util`) time-outs, timers, heartbeats, reconnection waits and the expiry of credentials pass
//! at once, as soon as the program has nothing else to do.
//!
//! | for | there is |
//! |---|---|
//! | one client of one service | [`pair`], [`pair_with`] |
//! | several clients, identities, only the handlers that are named | [`TestServer`] |
//! | headers, query parameters, credentials of one client | [`TestServer::client`] |
//! | a socket to call a handler with | [`socket`], [`TestServer::socket`] |
//! | a Socket.IO client, for what JavaScript sees | [`TestServer::socket_io`] |
//! | what was sent to a socket, a room or a selection | [`Recorder`] |
//!
//! ```standalone_crate
//! use jidda::prelude::*;
//! use jidda::testing::{Recorder, TestServer};
//!
//! struct Chat;
//!
//! #[namespace("/")]
//! impl Chat {
//!     #[on(allow = "member")]
//!     async fn post(&self, socket: &Socket, text: String) -> jidda::Result<()> {
//!         socket.everyone().emit("posted", &text).await?;
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> jidda::Result<()> {
//! let server = TestServer::start(Chat).await?;
//! let ada = server.client_as("ada", ["member"]).await?;
//! let guest = server.connect().await?;
//! let recorder = Recorder::of(&server.socket(&guest));
//!
//! ChatClient::new(&ada).post("hello").await?;
//! recorder.assert_emitted("posted", &"hello");
//!
//! let refused = ChatClient::new(&guest).post("hello").await.unwrap_err();
//! assert_eq!(refused.code(), Some("denied"));
//! # Ok(())
//! # }
//! ```

mod client;
mod identities;
mod pair;
mod recorder;
mod server;
mod socket;
mod socket_io_client;
mod socket_io_packet;

pub use client::TestClientBuilder;
pub use pair::{pair, pair_with};
pub use recorder::{RecordedEvent, Recorder};
pub use server::{TestServer, TestServerBuilder};
pub use socket::{TestSocket, socket, socket_as};
pub use socket_io_client::{SocketIoBuilder, SocketIoClient, SocketIoError};
