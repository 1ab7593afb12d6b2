//! Peers: where they are, what their handshake said, and what protects the connection.
//!
//! ```
//! use jidda::prelude::*;
//! use jidda::peer::Handshake;
//!
//! #[on("connect")]
//! async fn enter(handshake: &Handshake, socket: &Socket) {
//!     println!("{} is here over {}", socket.peer(), handshake.transport);
//! }
//! # fn main() {}
//! ```

pub use jidda_runtime::transport::{Address, AddressError, WebAddress, WebProtocol};
pub use jidda_runtime::{Handshake, PeerAddress, Security, Transport};
