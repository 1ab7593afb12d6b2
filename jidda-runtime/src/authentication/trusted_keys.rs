//! Authentication by the keys that a transport proved.

use std::collections::HashMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::Authenticator;
use crate::error::Result;
use crate::identity::Identity;
use crate::peer::{Handshake, Security};

/// Authenticates peers by their keys: the static key of a Noise handshake, or the certificate of a TLS client.
///
/// For a peer whose key is not in the list, or whose transport proves none, it returns `None`, so that the next
/// authenticator is tried.
///
/// ```
/// use jidda::auth::{Identity, TrustedKeys};
///
/// let key = [7; 32];
/// let fingerprint = [9; 32];
/// let keys = TrustedKeys::new()
///     .noise(key, "press-1")
///     .certificate(fingerprint, Identity::new("press-2").with_permission("calibrate"));
/// # let _ = keys;
/// ```
#[derive(Clone, Default)]
pub struct TrustedKeys {
    noise: HashMap<[u8; 32], Identity>,
    certificates: HashMap<[u8; 32], Identity>,
}

impl fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrustedKeys { noise, certificates } = self;
        f.debug_struct("TrustedKeys")
            .field("noise", &noise.values())
            .field("certificates", &certificates.values())
            .finish()
    }
}

impl TrustedKeys {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the peer with this static public key of a Noise handshake: a `PublicKey`, or its bytes.
    #[must_use]
    pub fn noise(mut self, key: impl Into<[u8; 32]>, identity: impl Into<Identity>) -> Self {
        self.noise.insert(key.into(), identity.into());
        self
    }

    /// Adds the peer with the TLS certificate of this fingerprint: the SHA-256 of its DER, which
    /// `openssl x509 -fingerprint -sha256` prints.
    #[must_use]
    pub fn certificate(mut self, fingerprint: [u8; 32], identity: impl Into<Identity>) -> Self {
        self.certificates.insert(fingerprint, identity.into());
        self
    }
}

impl Authenticator for TrustedKeys {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        let known = match &handshake.security {
            Some(Security::Noise { key }) => self.noise.get(key),
            // The first one is the peer's own; the others vouch for it.
            Some(Security::Tls { certificates }) => certificates.first().and_then(|certificate| {
                let fingerprint: [u8; 32] = Sha256::digest(certificate).into();
                self.certificates.get(&fingerprint)
            }),
            None => None,
        };
        Ok(known.cloned())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::presented::tests::handshake;
    use super::*;

    #[tokio::test]
    async fn a_peer_with_a_listed_key_is_authenticated() {
        let fingerprint = Sha256::digest(b"certificate").into();
        let keys = TrustedKeys::new().noise([1; 32], "ada").certificate(fingerprint, "bob");
        let check = async |security| {
            let identity = keys.authenticate(&Handshake { security, ..handshake() }).await.unwrap();
            identity.map(|identity| identity.to_string())
        };
        let tls = |chain: &[&'static [u8]]| Security::Tls {
            certificates: chain.iter().map(|der| Bytes::from_static(der)).collect(),
        };
        assert_eq!(check(Some(Security::Noise { key: [1; 32] })).await.as_deref(), Some("ada"));
        assert_eq!(check(Some(Security::Noise { key: [2; 32] })).await, None);
        assert_eq!(check(Some(tls(&[b"certificate", b"authority"]))).await.as_deref(), Some("bob"));
        // Only its own one counts: anyone may have a certificate that another of the list vouches for.
        assert_eq!(check(Some(tls(&[b"other", b"certificate"]))).await, None);
        assert_eq!(check(Some(tls(&[]))).await, None);
        assert_eq!(check(None).await, None);
    }
}
