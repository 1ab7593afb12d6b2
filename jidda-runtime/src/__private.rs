//! What generated code names. Not for programs: it may change with any release.

pub use futures_util::future::BoxFuture;
pub use inventory;
pub use socket2::SockRef;

pub use crate::server::run;
