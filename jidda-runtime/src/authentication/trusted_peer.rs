//! Authentication by the name that a peer claims, for closed networks where all peers are trusted.

use super::presented::{field, header};
use super::{Authenticator, unauthenticated};
use crate::error::Result;
use crate::identity::Identity;
use crate::peer::Handshake;

/// The longest name in bytes.
const LONGEST: usize = 256;

/// Accepts any name that a peer claims: in a native hello's `identity`, or as `{"identity": ..}` in its
/// credentials or in a Socket.IO client's auth value.
///
/// Nothing is verified. Use it only in closed networks, where all peers are your own programs.
#[derive(Clone, Debug, Default)]
pub struct TrustedPeer {
    header: Option<String>,
}

impl TrustedPeer {
    /// Accepts names as they are.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also accepts the name from a request header that a proxy in front of the server sets. The proxy must remove that
    /// header from the requests of clients.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }
}

impl Authenticator for TrustedPeer {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        let by_header = self.header.as_ref().and_then(|name| header(handshake, name));
        let name = match (by_header, &handshake.claimed_identity, field(&handshake.credentials, "identity")) {
            (Some(name), _, _) => name,
            (None, Some(name), _) => name,
            (None, None, Some(value)) => {
                value.as_str().ok_or_else(|| unauthenticated("an identity is a text"))?
            }
            (None, None, None) => return Ok(None),
        };
        if name.is_empty() || name.len() > LONGEST {
            return Err(unauthenticated("an identity has 1 to 256 bytes"));
        }
        Ok(Some(Identity::new(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::presented::tests::{handshake, map, with_credentials, with_header};
    use super::*;
    use crate::payload::Value;

    async fn check(handshake: Handshake) -> Result<Option<Identity>, String> {
        let trusting = TrustedPeer::new().header("x-user");
        trusting.authenticate(&handshake).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_is_taken_as_it_is() {
        let ada = Ok(Some(Identity::new("ada")));
        let named = |value: Value| with_credentials(map(&[("identity", value)]));
        assert_eq!(check(Handshake { claimed_identity: Some("ada".into()), ..handshake() }).await, ada);
        assert_eq!(check(named("ada".into())).await, ada);
        assert_eq!(check(with_header("X-User", "ada")).await, ada);
        assert_eq!(check(handshake()).await, Ok(None));
        assert!(check(named(7.into())).await.is_err());
        assert!(check(named("".into())).await.is_err());
        assert!(check(named("x".repeat(257).into())).await.is_err());
    }
}
