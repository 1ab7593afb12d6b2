//! What a test chose for its clients: `testing` fills it, and the server of the test reads it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::identity::Identity;
use crate::peer::{PeerAddress, Request};

/// What a test chose for one client.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// Its headers and query.
    pub(crate) request: Request,
    /// `None` leaves it to the server's own authenticator.
    pub(crate) identity: Option<Identity>,
}

/// The clients of a test for which it chose something, by the in-memory names that they connect from.
#[derive(Debug, Default)]
pub(crate) struct TestClients(Mutex<HashMap<Box<str>, Arc<Chosen>>>);

impl TestClients {
    #[cfg(feature = "server")]
    pub(crate) fn add(&self, name: &str, chosen: Chosen) {
        self.0.lock().insert(name.into(), Arc::new(chosen));
    }

    pub(crate) fn find(&self, peer: &PeerAddress) -> Option<Arc<Chosen>> {
        match peer {
            PeerAddress::Memory(name) => self.0.lock().get(name).cloned(),
            _ => None,
        }
    }
}
