//! I/O without packets: one file a medium.

mod address;
mod ahead;
mod fresh;
mod listener;
mod memory;
#[cfg(feature = "noise")]
pub mod noise;
pub mod polling;
mod stream;
mod tcp;
#[cfg(unix)]
mod unix;

pub use address::{Address, AddressError};
pub use listener::Listener;
pub use stream::{Foreign, Stream};
