//! The identities that a test chose for its clients.

use std::sync::Arc;

use crate::authentication::Authenticator;
use crate::error::Result;
use crate::identity::Identity;
use crate::peer::Handshake;
use crate::test_clients::TestClients;

/// Finds the identity of a client by the in-memory name that it connected from.
pub(super) struct ChosenIdentities(pub(super) Arc<TestClients>);

impl Authenticator for ChosenIdentities {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        Ok(self.0.find(&handshake.peer).and_then(|chosen| chosen.identity.clone()))
    }
}
