//! I/O without packets: one file a medium.

mod address;
mod adopted;
mod ahead;
mod eyeballs;
mod incoming;
mod keep_alive;
mod listener;
mod memory;
#[cfg(feature = "noise")]
pub mod noise;
pub(crate) mod pipe;
pub mod polling;
mod secrets;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod verdict;

pub use address::{Address, AddressError};
pub use adopted::{Adopted, Encryption};
pub use incoming::{Handshaking, Incoming};
pub use keep_alive::KeepAlive;
pub use listener::Listener;
pub use pipe::MemoryStream;
pub use secrets::{ClientSecrets, ServerSecrets};
pub use stream::{Foreign, Stream};

#[cfg(feature = "tls")]
pub use tls::{TlsClient, TlsError, TlsServer, TlsStream};
pub(crate) use verdict::Verdict;
