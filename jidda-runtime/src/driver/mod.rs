//! The task of a connection: it reads, dispatches, runs handlers and writes.

pub(crate) mod answers;
pub(crate) mod closing;
pub(crate) mod credential_check;
pub(crate) mod dispatch;
pub(crate) mod early;
pub(crate) mod ending;
pub(crate) mod fast_path;
pub(crate) mod handshake;
pub(crate) mod in_flight;
pub(crate) mod incoming;
pub(crate) mod invocation;
pub(crate) mod joining;
mod lifecycle;
pub(crate) mod on_behalf_of;
pub(crate) mod partial;
pub(crate) mod producing;
pub(crate) mod recently_left;
pub(crate) mod refusal;
pub(crate) mod renewal;
pub(crate) mod run_handler;
pub(crate) mod task;
#[cfg(test)]
mod tests;
pub(crate) mod turn;

pub(crate) use task::Driver;
