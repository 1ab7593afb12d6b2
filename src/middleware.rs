//! Middleware: code around every handler.
//!
//! A function with [`#[middleware]`](macro@crate::middleware) sees each [`Call`], `connect` included, runs the [`Next`] layer
//! and may replace its [`Reply`].
//!
//! ```
//! use jidda::prelude::*;
//! use jidda::middleware::{Call, Next, Reply};
//!
//! #[middleware]
//! async fn log(call: Call, next: Next) -> Reply {
//!     let event = call.event().to_owned();
//!     let reply = next.run(call).await;
//!     println!("{event}: {}", reply.code().unwrap_or("ok"));
//!     reply
//! }
//! # fn main() {}
//! ```

pub use jidda_runtime::Time;
pub use jidda_runtime::handler::{Call, Next, Reply};
