//! The errors of jidda: what handlers raise, and what the calls of a program return.
//!
//! [`Error`] is for handlers alone. Everything a program calls to start, to connect, to send or to ask returns an enum of
//! its own, which implements [`std::error::Error`]: `?` works in functions that return `anyhow::Result`, `eyre::Result` or
//! `Result<_, Box<dyn std::error::Error>>`. The text of each is one level; a cause is its
//! [`source`](std::error::Error::source), and is not repeated in the text.

mod call;
mod raised;
mod socket;
mod start;

pub(crate) use call::INSIDE_RUNTIME;
pub use call::{CallError, RecvError, SendError};
pub(crate) use raised::describe;
pub use raised::{Error, Result, StdError};
pub use socket::{IdentifyError, RoomError, WaitError};
pub(crate) use start::similar;
pub use start::{StartError, StartProblem};
