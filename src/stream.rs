//! Streams: replies of many items, at the pace of their reader.
//!
//! A handler returns any [`Stream`]; its caller gets a [`Streaming`], which is a stream, too. [`Stream`] is the trait of the
//! crate `futures-core`, which all libraries of the ecosystem share.
//!
//! ```
//! use jidda::prelude::*;
//! use jidda::stream::Stream;
//!
//! #[on]
//! async fn count(to: u32) -> impl Stream<Item = u32> + use<> {
//!     futures_util::stream::iter(1..=to)
//! }
//! # fn main() {}
//! ```

pub use jidda_runtime::Stream;
#[cfg(feature = "client")]
pub use jidda_runtime::Streaming;
