//! The locks and atomics of this crate, in one place: models put those of a checker there, which runs the threads of a
//! model in one order after another.
//!
//! What is `static` outlives a run of a model, and takes the real ones by their own names.

#[cfg(all(test, feature = "__models"))]
mod checked;
#[cfg(all(test, feature = "__models"))]
pub(crate) mod model;

#[cfg(not(all(test, feature = "__models")))]
pub(crate) use parking_lot::{Mutex, RwLock};
#[cfg(not(all(test, feature = "__models")))]
pub(crate) use std::sync::atomic;

#[cfg(all(test, feature = "__models"))]
pub(crate) use checked::{Mutex, RwLock};
#[cfg(all(test, feature = "__models"))]
pub(crate) use shuttle::sync::atomic;
