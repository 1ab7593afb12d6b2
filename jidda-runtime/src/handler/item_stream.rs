//! A reply that is a stream, between the handler that begins it and the connection that sends its items.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;

use crate::failure::Failure;
use crate::guard::discard;
use crate::payload::Payload;
use crate::sync::Mutex;

/// The items of a streaming reply, written for the connection of the call; a failure is the last one.
pub(crate) type Items = Pin<Box<dyn Stream<Item = Result<Payload, Box<Failure>>> + Send>>;

/// A streaming reply on its way to the connection. Clones of a reply share it: it is a stream only once.
#[derive(Clone)]
pub(crate) struct ItemStream {
    items: Arc<Untaken>,
}

struct Untaken(Mutex<Option<Items>>);

/// Items that were not taken are dropped with their reply, wherever that is: their destructor must not unwind there.
impl Drop for Untaken {
    fn drop(&mut self) {
        discard("the destructor of a stream", self.0.get_mut().take());
    }
}

impl ItemStream {
    pub(super) fn new(items: Option<Items>) -> Self {
        Self { items: Arc::new(Untaken(Mutex::new(items))) }
    }

    /// The items; nothing if a clone of the reply was sent already.
    pub(crate) fn take(&self) -> Option<Items> {
        self.items.0.lock().take()
    }
}

impl fmt::Debug for ItemStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}
