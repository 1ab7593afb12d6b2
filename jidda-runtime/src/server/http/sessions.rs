//! The polling sessions of a resource, by their ids.

use std::collections::HashMap;
use std::sync::Arc;

use crate::id::SocketId;
use crate::objects::Connection;
use crate::polling::{PayloadFormat, Session};
use crate::sync::RwLock;

/// A session that a client may name.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: SocketId,
    pub(super) session: Arc<Session>,
    pub(super) connection: Arc<Connection>,
    pub(super) dialect: PayloadFormat,
    /// Whether the client polls by means of scripts and forms.
    pub(super) is_jsonp: bool,
}

#[derive(Debug, Default)]
pub(super) struct Sessions(RwLock<HashMap<SocketId, Arc<Entry>>>);

impl Sessions {
    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        self.0.write().insert(entry.id, Arc::clone(entry));
    }

    pub(super) fn remove(&self, id: &SocketId) {
        let mut entries = self.0.write();
        entries.remove(id);
        // What a rush has left is given back.
        if entries.capacity() > 1024 && entries.len() < entries.capacity() / 4 {
            let length = entries.len();
            entries.shrink_to(2 * length);
        }
    }

    /// A session that is not over.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Entry>> {
        let id = SocketId::parse(id)?;
        let entry = self.0.read().get(&id).cloned()?;
        entry.session.is_known().then_some(entry)
    }
}
