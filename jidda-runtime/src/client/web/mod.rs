//! How a client reaches a server by HTTP: WebSockets, long polling, proxies, redirects and cookies.
//!
//! [`open`] gives a stream that carries the frames of a WebSocket, whatever is below it, so that what is above knows one
//! form only: unmasked frames to read, masked ones to write.

mod compression;
mod cookies;
mod dial;
mod error;
mod exchange;
mod first_frame;
mod handshake;
mod native;
mod opened;
mod opening;
mod options;
mod polling;
mod route;
mod settings;
#[cfg(all(test, feature = "server"))]
mod tests;
mod websocket;

pub use error::WebError;
pub(crate) use native::open_native;
pub(crate) use opened::Opened;
pub(crate) use opening::open;
pub(crate) use options::WebOptions;
pub use options::WebTransport;
