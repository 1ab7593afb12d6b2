//! Signed tokens: JSON Web Tokens, RFC 7519.

mod claims;
mod failed;
mod token;

use std::fmt;
use std::time::Duration;

use super::presented::{authorization, field};
use super::{Authenticator, unauthenticated};
use crate::error::Result;
use crate::identity::Identity;
use crate::payload::Value;
use crate::peer::Handshake;
use crate::wall_clock;
use claims::Rules;
use failed::Failed;
use jsonwebtoken::{Algorithm, DecodingKey};
use token::Key;

/// The shortest secret in bytes: as long as the hash, RFC 7518 3.2.
const SHORTEST_SECRET: usize = 32;
/// The longest leeway: more would make the expiry meaningless.
const LONGEST_LEEWAY: Duration = Duration::from_secs(3600);

/// Why a key cannot check tokens.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JwtKeyError(String);

/// Authenticates peers by a signed token: `{"token": ..}`, or the bare token, in a native hello's credentials or a
/// Socket.IO client's auth value, or HTTP's `Authorization: Bearer`.
///
/// The key determines the algorithm, never the token. A token needs `exp` and `sub`; `exp` and `nbf` are checked
/// against the clock, `aud` and `iss` against the settings. A token for an audience is refused if none is set. A token
/// whose header has `crit` is always refused, since no extensions are supported. `sub`, or [another
/// claim](Self::identity_claim), is the identity's name, all claims are its claims, and it holds until `exp` and the
/// leeway have passed.
///
/// A peer whose token fails learns `unauthenticated` and whether the token has expired, no more. The log says at the
/// level `debug` which part or claim is wrong and why, and never what the token was.
///
/// The cryptography is that of the `RustCrypto` project, whatever other backend of `jsonwebtoken` the program links or
/// installs.
///
/// ```
/// use jidda::auth::{Authenticator, Jwt};
///
/// # fn main() -> jidda::Result<()> {
/// let tokens = Jwt::hs256(b"a secret of thirty-two bytes or more")?
///     .issuer("https://login.example.com")
///     .audience("chat")
///     .permissions_from("roles");
/// # Ok(())
/// # }
/// ```
pub struct Jwt {
    key: Key,
    rules: Rules,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.key.algorithm)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl Jwt {
    /// Accepts tokens signed with HMAC and SHA-256 and this secret, which the issuer has as well.
    ///
    /// # Errors
    ///
    /// If the secret is shorter than 32 bytes.
    pub fn hs256(secret: &[u8]) -> Result<Self, JwtKeyError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(JwtKeyError(format!("the secret of HS256 has at least {SHORTEST_SECRET} bytes")));
        }
        Self::new(Algorithm::HS256, "HS256", Ok(DecodingKey::from_secret(secret)))
    }

    /// Accepts tokens signed with RSA (PKCS #1 v1.5) and SHA-256; the public key is PEM.
    ///
    /// # Errors
    ///
    /// If the text is not such a key.
    pub fn rs256(public_key: &[u8]) -> Result<Self, JwtKeyError> {
        Self::new(Algorithm::RS256, "RS256", DecodingKey::from_rsa_pem(public_key))
    }

    /// Accepts tokens signed with ECDSA on P-256 and SHA-256; the public key is PEM.
    ///
    /// # Errors
    ///
    /// If the text is not such a key.
    pub fn es256(public_key: &[u8]) -> Result<Self, JwtKeyError> {
        Self::new(Algorithm::ES256, "ES256", DecodingKey::from_ec_pem(public_key))
    }

    /// Accepts tokens signed with Ed25519; the public key is PEM.
    ///
    /// # Errors
    ///
    /// If the text is not such a key.
    pub fn eddsa(public_key: &[u8]) -> Result<Self, JwtKeyError> {
        Self::new(Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_pem(public_key))
    }

    fn new(
        algorithm: Algorithm,
        name: &'static str,
        key: jsonwebtoken::errors::Result<DecodingKey>,
    ) -> Result<Self, JwtKeyError> {
        let key = key.and_then(|key| Key::new(algorithm, name, key));
        let key = key.map_err(|error| {
            JwtKeyError(format!("the public key of {name} cannot be read, give it as PEM: {error}"))
        })?;
        Ok(Self { key, rules: Rules::default() })
    }

    /// Accepts only tokens for this audience; can be called several times.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.insert(audience.into());
        self
    }

    /// Accepts only tokens of this issuer; can be called several times.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.issuers.insert(issuer.into());
        self
    }

    /// Sets how far the issuer's clock may differ from this machine's, at most one hour. Default: 30 s.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway.min(LONGEST_LEEWAY);
        self
    }

    /// Sets the claim whose value is the identity's name. Default: `sub`.
    ///
    /// The issuer must never give the same value to two users, not even one after the other.
    ///
    /// ```
    /// # fn main() -> jidda::Result<()> {
    /// // {"user_id": 7, "exp": ..} is the identity `7`.
    /// let tokens = jidda::auth::Jwt::hs256(b"a secret of thirty-two bytes or more")?
    ///     .identity_claim("user_id")
    ///     .numeric_identity(true);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn identity_claim(mut self, claim: impl Into<String>) -> Self {
        self.rules.identity = claim.into();
        self
    }

    /// Sets whether the claim of the identity may be an integer of at most 64 bits, whose digits are then the name:
    /// `7` and `"7"` are one identity. Default: no, and such a token is refused, since `sub` is a text (RFC 7519,
    /// section 4.1.2).
    #[must_use]
    pub fn numeric_identity(mut self, takes_numbers: bool) -> Self {
        self.rules.takes_numbers = takes_numbers;
        self
    }

    /// Sets the claim that lists the permissions: words in one string, as in `scope`, or a list of strings, as in
    /// `roles` and `permissions`. Without this a token gives no permissions.
    #[must_use]
    pub fn permissions_from(mut self, claim: impl Into<String>) -> Self {
        self.rules.permissions = Some(claim.into());
        self
    }

    fn check(&self, token: &str) -> Result<Identity, Failed> {
        self.rules.identity(&self.key.open(token)?, wall_clock::now())
    }
}

impl Authenticator for Jwt {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        let token = match (&handshake.credentials, field(&handshake.credentials, "token")) {
            (bare @ Value::String(_), _) => Some(bare),
            (_, token) => token,
        };
        let token = match token {
            Some(token) => token.as_str().ok_or_else(|| unauthenticated("a token is a text"))?,
            None => match authorization(handshake, "Bearer") {
                Some(token) => token,
                None => return Ok(None),
            },
        };
        Ok(Some(self.check(token)?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value as Json, json};

    use super::super::presented::tests::{handshake, map, with_credentials, with_header};
    pub(super) use super::Jwt;
    use super::*;

    pub(super) const SECRET: &[u8] = b"the secret of these tests, long enough";
    pub(super) const PRIVATE: &[u8] = include_bytes!("test_keys/ed25519.pem");
    pub(super) const PUBLIC: &[u8] = include_bytes!("test_keys/ed25519.pub.pem");

    pub(super) fn seconds() -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    pub(super) fn claims(changes: Json) -> Json {
        let mut claims = json!({ "sub": "ada", "exp": seconds() + 600 });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    pub(super) fn signed(changes: Json) -> String {
        encode(&Header::default(), &claims(changes), &EncodingKey::from_secret(SECRET)).unwrap()
    }

    pub(super) fn parts(header: &Json, claims: &Json) -> String {
        let encoded = |part: &Json| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encoded(header), encoded(claims))
    }

    /// Well signed, whatever they are.
    pub(super) fn with_header_and_claims(header: &Json, claims: &str) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        let message = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let key = EncodingKey::from_secret(SECRET);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }

    pub(super) fn tokens() -> Jwt {
        Jwt::hs256(SECRET).unwrap()
    }

    pub(super) fn failed(tokens: &Jwt, token: &str) -> String {
        tokens.check(token).expect_err("it is refused").to_string()
    }

    #[tokio::test]
    async fn a_token_is_found_wherever_a_wire_puts_it() {
        let token = signed(json!({}));
        let tokens = tokens();
        for handshake in [
            with_credentials(token.as_str().into()),
            with_credentials(map(&[("token", token.as_str().into())])),
            with_header("authorization", &format!("Bearer {token}")),
        ] {
            let identity = tokens.authenticate(&handshake).await.unwrap();
            assert_eq!(identity, Some(Identity::new("ada")).map(|_| identity.clone().unwrap()));
            assert_eq!(identity.unwrap().name(), "ada");
        }
        assert_eq!(tokens.authenticate(&handshake()).await, Ok(None));
        let seven = with_credentials(map(&[("token", 7.into())]));
        assert_eq!(tokens.authenticate(&seven).await.unwrap_err().code(), "unauthenticated");
        let expired = with_credentials(signed(json!({ "exp": 1 })).into());
        assert_eq!(tokens.authenticate(&expired).await.unwrap_err().message(), "the token has expired");
        let forged = with_credentials("a.b.c".into());
        assert_eq!(tokens.authenticate(&forged).await.unwrap_err().message(), "the token is not valid");
    }

    #[test]
    fn keys_that_protect_nothing_are_no_keys() {
        assert!(Jwt::hs256(b"short").unwrap_err().to_string().contains("32 bytes"));
        for key in [Jwt::rs256, Jwt::es256, Jwt::eddsa] {
            assert!(key(b"no PEM").unwrap_err().to_string().contains("cannot be read"));
        }
        assert!(!format!("{:?}", tokens()).contains("secret"));
    }
}
