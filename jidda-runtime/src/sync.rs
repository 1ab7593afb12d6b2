//! The locks and atomics of this crate, in one place: models put those of a checker there, which runs the threads of a
//! model in one order after another.
//!
//! What is `static` outlives a run of a model, and takes the real ones by their own names.

#[cfg(not(all(test, feature = "__models")))]
pub(crate) use parking_lot::{Mutex, RwLock};
#[cfg(not(all(test, feature = "__models")))]
pub(crate) use std::sync::atomic;

#[cfg(all(test, feature = "__models"))]
pub(crate) use checked::{Mutex, RwLock};
#[cfg(all(test, feature = "__models"))]
pub(crate) use shuttle::sync::atomic;

/// Locks of the checker, with the methods of the real ones. A thread of a model that panics ends the model, so that
/// nobody meets a poisoned lock.
#[cfg(all(test, feature = "__models"))]
mod checked {
    use shuttle::sync as checker;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T: ?Sized>(checker::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(checker::Mutex::new(value))
        }
    }

    impl<T: ?Sized> Mutex<T> {
        pub(crate) fn lock(&self) -> checker::MutexGuard<'_, T> {
            self.0.lock().expect("no thread of the model panicked")
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().expect("no thread of the model panicked")
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T: ?Sized>(checker::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(checker::RwLock::new(value))
        }
    }

    impl<T: ?Sized> RwLock<T> {
        pub(crate) fn read(&self) -> checker::RwLockReadGuard<'_, T> {
            self.0.read().expect("no thread of the model panicked")
        }

        pub(crate) fn write(&self) -> checker::RwLockWriteGuard<'_, T> {
            self.0.write().expect("no thread of the model panicked")
        }
    }
}
