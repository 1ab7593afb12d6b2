//! Long polling: a session's requests on one side, the stream of frames that its connection reads and writes on
//! the other.
//!
//! The packets of a POST become frames that the driver reads, as a client would have masked them; the frames that
//! it writes become the answer of the next GET. When a WebSocket takes a session over, the stream turns into that
//! WebSocket in place, and the driver does not notice.

mod frames;
mod machine;
mod requests;
mod session;
#[cfg(test)]
mod tests;
mod upgrade;

pub use frames::{Body, Dialect};
pub use machine::{After, Answer, Ending, Machine, Refusal};
pub use session::SessionStream;
pub(crate) use session::{Attempt, Get, Session};
pub(crate) use upgrade::{close, probe};
