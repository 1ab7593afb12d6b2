//! Long polling (Engine.IO, "HTTP long-polling"): the requests of a session on one side, the stream that its driver reads and
//! writes on the other.
//!
//! The driver's stream consists of WebSocket frames for every transport of Engine.IO, so that a broadcast is framed once: the
//! packets of a POST become frames, and the frames that the driver writes become the response of the next GET. When the client
//! upgrades, the stream is replaced by the WebSocket in place.

mod frames;
mod machine;
mod requests;
mod session;
#[cfg(test)]
mod tests;
mod upgrade;

pub use frames::{Body, PayloadFormat};
pub use machine::{Answer, Machine, PostOutcome, Refusal, SessionEnd};
pub use session::SessionStream;
pub(crate) use session::{Attempt, Get, Session};
pub(crate) use upgrade::{close, probe};
