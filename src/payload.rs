//! Values that are not of a type known at compile time.
//!
//! [`Value`] is that of the crate `rmpv`: whatever MessagePack can hold, and JSON with it. jidda re-exports it instead of
//! wrapping it, so that it works with everything that is written for `rmpv`; a new major version of that crate is a new
//! version of jidda.
//!
//! ```
//! use jidda::payload::Value;
//! use jidda::prelude::*;
//!
//! #[on("*")]
//! async fn unknown(event: &jidda::handler::EventName, value: Option<Value>) {
//!     println!("{event}: {value:?}");
//! }
//! # fn main() {}
//! ```

pub use jidda_runtime::{CodecError, Encoding, Payload, Value};
