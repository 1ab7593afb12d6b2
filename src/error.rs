//! Errors: what handlers raise, and what the calls of a program return.
//!
//! [`Error`] is for handlers: `?` takes every other error into it. All others are enums that implement
//! [`std::error::Error`], so that `?` works in functions that return `anyhow::Result`, `eyre::Result` or
//! `Result<_, Box<dyn Error>>`. Each text is one level: a cause is the error's
//! [`source`](std::error::Error::source).
//!
//! ```
//! use jidda::Client;
//! use jidda::error::ConnectError;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! match Client::connect("tcp://127.0.0.1:1").await {
//!     Err(ConnectError::Io { address, source, .. }) => println!("{address}: {source}"),
//!     other => drop(other?),
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "client")]
pub use jidda_runtime::ConnectError;
#[cfg(feature = "client")]
pub use jidda_runtime::transport::AddressError;
pub use jidda_runtime::{
    CallError, CodecError, Error, IdentifyError, RecvError, Result, RoomError, SendError, StartProblem,
    StdError, WaitError,
};
#[cfg(feature = "server")]
pub use jidda_runtime::{DialError, RequestBodyError, StartError};
