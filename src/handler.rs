//! Handlers: what they may borrow, and what a program can find out about them.
//!
//! What a handler borrows comes from the connection, through [`FromConnection`](trait@FromConnection): [`State`],
//! [`Path`], [`EventName`], [`Identity`](crate::auth::Identity), [`Server`](crate::Server) and types of your own. What it owns
//! comes from the message; [`RawArguments`] takes all of it undecoded. [`Table`] is the dispatch table, to print or to test.
//!
//! ```
//! use jidda::prelude::*;
//! use jidda::{Path, State};
//!
//! struct Prices(u32);
//!
//! #[namespace("/orders/{id}")]
//! mod orders {
//!     use super::*;
//!
//!     #[on]
//!     async fn total(id: &Path<u32>, prices: &State<Prices>, count: u32) -> u32 {
//!         println!("order {}", id.0);
//!         prices.0 * count
//!     }
//! }
//! # fn main() {}
//! ```

#[cfg(feature = "client")]
pub use jidda_runtime::handler::{
    Argument, Context, EventName, FromConnection, HandlerEntry, Path, RawArguments, ReplyError, ReplyValue,
    State, Table,
};
pub use jidda_runtime::handler::{
    ArgumentFor, CallTarget, CallerError, JoinTarget, NamespaceError, Namespaces, StreamTarget,
};
