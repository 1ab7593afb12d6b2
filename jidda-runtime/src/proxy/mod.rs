//! Events handed to another server.

pub(crate) mod forward;
pub(crate) mod share;

pub(crate) use forward::{Delegate, Upstream};
