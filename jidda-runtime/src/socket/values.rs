//! Values that the program keeps with a socket.

use std::any::TypeId;
use std::sync::Arc;

use crate::link::values::typed;
use crate::objects::Socket;

impl Socket {
    /// Keeps a value with the socket, one of each type; a value of the same type is replaced and returned.
    ///
    /// A socket that is over, its `disconnect` handler included, keeps nothing.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) -> Option<Arc<T>> {
        let value = Arc::new(value);
        // Dropped outside of the lock, if it is not kept: its destructor may use the socket.
        let (old, _unkept) = self.inner.extra(|extra| {
            if extra.is_released {
                return (None, Some(value));
            }
            (extra.values.insert(value), None)
        });
        typed(old)
    }

    /// The value of type `T` kept with the socket.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        typed(self.inner.state.lock().extra.as_ref()?.values.get(TypeId::of::<T>()))
    }

    /// Takes the value of type `T` away from the socket.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let old = self.inner.state.lock().extra.as_mut()?.values.remove(TypeId::of::<T>());
        typed(old)
    }
}
