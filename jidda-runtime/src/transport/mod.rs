//! I/O without packets: one file a medium.

mod address;
mod memory;
mod stream;
mod tcp;
#[cfg(unix)]
mod unix;

pub use address::{Address, AddressError};
pub use stream::{Listener, Stream};
