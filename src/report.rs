//! Reports: what failed in the program's own code, and the trace that an event belongs to.
//!
//! ```
//! use jidda::Server;
//! use jidda::report::FailureKind;
//!
//! let builder = Server::builder().on_error(|report| {
//!     if report.kind() == FailureKind::Panic {
//!         eprintln!("{report}");
//!     }
//! });
//! # let _ = builder;
//! ```

pub use jidda_runtime::{ErrorReport, FailureKind, FailureOrigin, TraceContext, TraceError};
