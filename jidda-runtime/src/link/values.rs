//! Values kept by their types, one of each.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// What a program keeps with a socket, a connection or a session.
#[derive(Default)]
pub(crate) struct Values(HashMap<TypeId, Value, foldhash::fast::RandomState>);

impl Values {
    /// Keeps a value and gives back the one of the same type that was there. Whoever drops that one does so outside of
    /// locks: its destructor is the program's.
    #[must_use]
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: Arc<T>) -> Option<Value> {
        self.0.insert(TypeId::of::<T>(), value)
    }

    pub(crate) fn get(&self, key: TypeId) -> Option<Value> {
        self.0.get(&key).cloned()
    }

    #[must_use]
    pub(crate) fn remove(&mut self, key: TypeId) -> Option<Value> {
        self.0.remove(&key)
    }

    /// All of them, to be dropped each by itself: their destructors are the program's.
    pub(crate) fn into_values(self) -> impl Iterator<Item = Value> {
        self.0.into_values()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A value as its own type again.
pub(crate) fn typed<T: Send + Sync + 'static>(value: Option<Value>) -> Option<Arc<T>> {
    value.and_then(|value| value.downcast().ok())
}
