//! What a program sees of its server: reports of failures, and metrics.

pub(crate) mod handled_by;
pub(crate) mod metrics;
pub(crate) mod report;
pub(crate) mod started;
pub(crate) mod watchdog;

pub(crate) use report::{ErrorHook, Place};
pub use report::{ErrorReport, FailureKind, FailureOrigin};
