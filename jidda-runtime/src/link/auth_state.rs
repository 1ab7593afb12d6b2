//! What a peer was found to be.

use std::time::SystemTime;

use crate::identity::Identity;
use crate::room::IdentityGuard;

/// What a peer was found to be; at a client, what the server says of it.
#[derive(Debug, Default)]
pub(crate) struct AuthState {
    /// `None` for an anonymous peer that is admitted.
    pub(crate) identity: Option<Identity>,
    /// The peer was notified that it is about to expire.
    pub(crate) is_told: bool,
    /// That the connection is this one, until nothing of it runs any more. Not to be dropped while anything is locked.
    pub(crate) claim: Option<IdentityGuard>,
}

impl AuthState {
    pub(super) fn expires(&self) -> Option<SystemTime> {
        self.identity.as_ref().and_then(Identity::expires)
    }
}
