//! I/O without packets: one file a medium.

mod address;
mod adopted;
mod eyeballs;
mod incoming;
mod keep_alive;
mod listener;
mod memory;
#[cfg(feature = "noise")]
pub mod noise;
mod peer_alert;
pub(crate) mod pipe;
mod rewind;
mod secrets;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod web_address;

pub use address::{Address, AddressError};
pub use adopted::{Adopted, Encryption};
pub use incoming::{Handshaking, Incoming};
pub use keep_alive::KeepAlive;
pub use listener::Listener;
pub use pipe::MemoryStream;
pub use rewind::Rewind;
pub use secrets::{ClientSecrets, ServerSecrets};
pub use stream::{Foreign, Replaced, RequestStream, Stream};

pub use web_address::{WebAddress, WebProtocol};

pub(crate) use peer_alert::PeerAlert;
#[cfg(feature = "tls")]
pub use tls::{TlsClient, TlsError, TlsServer, TlsStream};
#[cfg(feature = "web-client")]
pub(crate) use web_address::authority;
