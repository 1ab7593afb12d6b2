//! Numbers for whoever watches a fleet: through the `metrics` facade with the feature `metrics`, else nothing at all.
//!
//! Every label has a bounded set of values: none of them is what a peer said. `docs/observability.md` has them all.

#[cfg(not(feature = "metrics"))]
mod absent;
#[cfg(feature = "metrics")]
mod recorded;

#[cfg(not(feature = "metrics"))]
pub(crate) use absent::Metrics;
#[cfg(feature = "metrics")]
pub(crate) use recorded::Metrics;
