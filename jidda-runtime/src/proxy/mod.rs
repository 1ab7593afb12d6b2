//! Events handed to another server.

pub(crate) mod forward;

pub(crate) use forward::{Delegate, Upstream};
