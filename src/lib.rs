//! jidda
pub use jidda_runtime::*;
