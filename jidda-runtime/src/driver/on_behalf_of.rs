//! Events that a gateway sends on behalf of its own callers.

use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::identity::{Asker, Identity};
use crate::observe::report::{FailureOrigin, Place};
use crate::wire::Meta;

impl Driver {
    /// The identity that an event is sent for, if its sender acts for another one.
    ///
    /// # Errors
    ///
    /// The refusal for a sender that may not.
    #[inline]
    pub(crate) fn asker(&self, meta: Option<&Meta>) -> Result<Option<Asker>, Failure> {
        match meta.and_then(|meta| meta.identity.as_ref()) {
            None => Ok(None),
            Some(identity) => self.trusted_asker(identity).map(Some),
        }
    }

    #[cold]
    fn trusted_asker(&self, identity: &[u8]) -> Result<Asker, Failure> {
        let connection = &self.connection;
        let trust = connection.hub.trust.as_ref();
        let peer = connection.identity();
        let is_trusted = |peer: &Identity| {
            let place = Place::apart(FailureOrigin::Hook, "trust_identities_from");
            trust.is_some_and(|trust| connection.hub.run(place, || trust(peer)).unwrap_or_default())
        };
        if !peer.as_ref().is_some_and(is_trusted) {
            tracing::debug!(connection = %connection.id, peer = %connection.peer, "refused a peer that asks for another");
            return Err(Failure::new("denied", "denied"));
        }
        Asker::passed_on(identity)
            .ok_or_else(|| Failure::new("bad_arguments", "an identity that is passed on has a name"))
    }
}
