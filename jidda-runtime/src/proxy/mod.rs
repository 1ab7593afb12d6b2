//! Events handed to another server.

pub(crate) mod client_backend;
pub(crate) mod forward;
pub(crate) mod share;

pub use client_backend::Proxy;
