//! Long polling, as a client does it: a GET that waits for packets, POSTs for those of the client, until a WebSocket takes
//! the place of both.
//!
//! The connection's stream consists of WebSocket frames here, too. What the connection writes is taken by one task,
//! the [`Courier`](courier::Courier), which makes the requests; there is one for a session, and none for a message.

mod courier;
mod opening;
mod payload;
mod session;
mod state;

pub(super) use opening::open;
