//! Signed tokens: JSON Web Tokens, RFC 7519.

use std::fmt;
use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value as Json};

use super::presented::{authorization, field};
use super::{Authenticator, unauthenticated};
use crate::error::{Error, Result};
use crate::identity::Identity;
use crate::payload::Value;
use crate::peer::Handshake;

/// The shortest secret in bytes: as long as the hash, RFC 7518 3.2.
const SHORTEST_SECRET: usize = 32;
/// The longest leeway: more would make expiry a word without meaning.
const LONGEST_LEEWAY: Duration = Duration::from_secs(3600);

type Claims = Map<String, Json>;

/// Why a key cannot check tokens.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JwtKeyError(String);

/// Peers known by a signed token: `{"token": ..}`, or the bare token, in a native hello's credentials or a Socket.IO
/// client's auth value, or HTTP's `Authorization: Bearer`.
///
/// The algorithm is the key's and never the token's choice. A token needs `exp` and `sub`; `exp` and `nbf` are held to the
/// clock, `aud` and `iss` to what was set. A token for an audience is refused while none is set. `sub` is the
/// identity's name, all claims are its claims, and it holds until `exp` and the leeway have passed.
///
/// A peer with a token that fails is told `unauthenticated` and whether it expired, no more; the log says at the level `debug`
/// which check failed, and never what the token was.
///
/// ```
/// use jidda_runtime::{Authenticator, Jwt};
///
/// # fn main() -> jidda_runtime::Result<()> {
/// let tokens = Jwt::hs256(b"a secret of thirty-two bytes or more")?
///     .issuer("https://login.example.com")
///     .audience("chat")
///     .permissions_from("roles");
/// # Ok(())
/// # }
/// ```
pub struct Jwt {
    key: DecodingKey,
    validation: Validation,
    permissions: Option<String>,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("algorithms", &self.validation.algorithms).finish_non_exhaustive()
    }
}

impl Jwt {
    /// Tokens signed with HMAC and SHA-256, by whoever has the same secret.
    ///
    /// # Errors
    ///
    /// When the secret is shorter than 32 bytes.
    pub fn hs256(secret: &[u8]) -> Result<Self, JwtKeyError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(JwtKeyError(format!("the secret of HS256 has at least {SHORTEST_SECRET} bytes")));
        }
        Ok(Self::new(Algorithm::HS256, DecodingKey::from_secret(secret)))
    }

    /// Tokens signed with RSA (PKCS #1 v1.5) and SHA-256; the public key as PEM.
    ///
    /// # Errors
    ///
    /// When this is no such key.
    pub fn rs256(public_key: &[u8]) -> Result<Self, JwtKeyError> {
        Ok(Self::new(Algorithm::RS256, readable(DecodingKey::from_rsa_pem(public_key))?))
    }

    /// Tokens signed with ECDSA on P-256 and SHA-256; the public key as PEM.
    ///
    /// # Errors
    ///
    /// When this is no such key.
    pub fn es256(public_key: &[u8]) -> Result<Self, JwtKeyError> {
        Ok(Self::new(Algorithm::ES256, readable(DecodingKey::from_ec_pem(public_key))?))
    }

    /// Tokens signed with Ed25519; the public key as PEM.
    ///
    /// # Errors
    ///
    /// When this is no such key.
    pub fn eddsa(public_key: &[u8]) -> Result<Self, JwtKeyError> {
        Ok(Self::new(Algorithm::EdDSA, readable(DecodingKey::from_ed_pem(public_key))?))
    }

    fn new(algorithm: Algorithm, key: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.insert("sub".to_owned());
        validation.validate_nbf = true;
        Self { key, validation, permissions: None }.leeway(Duration::from_secs(30))
    }

    fn require(&mut self, claim: &str) {
        self.validation.required_spec_claims.insert(claim.to_owned());
    }

    /// Takes only tokens that are meant for this audience; may be given several times.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.require("aud");
        self.validation.aud.get_or_insert_default().insert(audience.into());
        self
    }

    /// Takes only tokens of this issuer; may be given several times.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.require("iss");
        self.validation.iss.get_or_insert_default().insert(issuer.into());
        self
    }

    /// How far the issuer's clock may be from this one's, in whole seconds, an hour at most. Default: 30 s.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.validation.leeway = leeway.min(LONGEST_LEEWAY).as_secs();
        self
    }

    /// The claim that lists the permissions: words in one text, as `scope` has them, or a list of texts, as `roles` and
    /// `permissions` are. Without this a token gives none.
    #[must_use]
    pub fn permissions_from(mut self, claim: impl Into<String>) -> Self {
        self.permissions = Some(claim.into());
        self
    }

    fn check(&self, token: &str) -> Result<Identity, Failed> {
        let claims: Claims = jsonwebtoken::decode(token, &self.key, &self.validation)?.claims;
        if self.validation.aud.is_none() && claims.get("aud").is_some_and(|audience| !audience.is_null()) {
            return Err(Failed("aud"));
        }
        let name = claims.get("sub").and_then(Json::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or(Failed("sub"))?;
        let expiry = claims.get("exp").and_then(Json::as_f64).ok_or(Failed("exp"))?;
        let lasting = Duration::try_from_secs_f64(expiry.round()).map_err(|_| Failed("exp"))?;
        let lasting = lasting + Duration::from_secs(self.validation.leeway);
        let expiry = SystemTime::UNIX_EPOCH.checked_add(lasting).ok_or(Failed("exp"))?;
        let identity = Identity::new(name).with_expiry(expiry).with_claims(&claims);
        Ok(identity.with_permissions(self.permissions(&claims)?))
    }

    fn permissions<'a>(&self, claims: &'a Claims) -> Result<Vec<&'a str>, Failed> {
        match self.permissions.as_ref().and_then(|claim| claims.get(claim)) {
            None | Some(Json::Null) => Ok(Vec::new()),
            Some(Json::String(words)) => Ok(words.split_whitespace().collect()),
            Some(Json::Array(list)) => {
                list.iter().map(|permission| permission.as_str().ok_or(Failed("permissions"))).collect()
            }
            Some(_) => Err(Failed("permissions")),
        }
    }
}

fn readable(key: jsonwebtoken::errors::Result<DecodingKey>) -> Result<DecodingKey, JwtKeyError> {
    key.map_err(|error| JwtKeyError(format!("the public key cannot be read: {error}")))
}

/// Which check of a token failed; holds nothing of the token.
#[derive(Debug)]
struct Failed(&'static str);

impl From<jsonwebtoken::errors::Error> for Failed {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        Self(match error.kind() {
            ErrorKind::InvalidSignature => "signature",
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "algorithm",
            ErrorKind::ExpiredSignature => EXPIRED,
            ErrorKind::ImmatureSignature => "nbf",
            ErrorKind::InvalidIssuer => "iss",
            ErrorKind::InvalidAudience => "aud",
            ErrorKind::MissingRequiredClaim(_) => "missing claim",
            ErrorKind::InvalidClaimFormat(_) => "claim of another type",
            _ => "form",
        })
    }
}

const EXPIRED: &str = "exp is over";

impl From<Failed> for Error {
    fn from(Failed(check): Failed) -> Self {
        tracing::debug!(check, "a token was refused");
        unauthenticated(if check == EXPIRED { "the token has expired" } else { "the token is not valid" })
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
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::super::presented::tests::{handshake, map, with_credentials, with_header};
    use super::*;

    const SECRET: &[u8] = b"the secret of these tests, long enough";
    const PRIVATE: &[u8] = include_bytes!("test_keys/ed25519.pem");
    const PUBLIC: &[u8] = include_bytes!("test_keys/ed25519.pub.pem");

    fn seconds() -> u64 {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }

    fn claims(changes: Json) -> Json {
        let mut claims = json!({ "sub": "ada", "exp": seconds() + 600 });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn signed(changes: Json) -> String {
        encode(&Header::default(), &claims(changes), &EncodingKey::from_secret(SECRET)).unwrap()
    }

    fn parts(header: &Json, claims: &Json) -> String {
        let encoded = |part: &Json| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encoded(header), encoded(claims))
    }

    fn tokens() -> Jwt {
        Jwt::hs256(SECRET).unwrap()
    }

    fn failed(tokens: &Jwt, token: &str) -> &'static str {
        tokens.check(token).expect_err("it is refused").0
    }

    #[test]
    fn a_good_token_says_who_and_until_when_and_what_is_allowed() {
        let exp = seconds() + 60;
        let token = signed(json!({ "exp": exp, "scope": "read write", "roles": ["admin"], "team": 7 }));
        let identity = tokens().permissions_from("scope").check(&token).unwrap();
        assert_eq!(identity.name(), "ada");
        assert_eq!(identity.permissions().collect::<Vec<_>>(), ["read", "write"]);
        assert_eq!(identity.expires(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(exp + 30)));
        assert_eq!(field(identity.claims(), "team"), Some(&7.into()));
        let identity = tokens().permissions_from("roles").check(&token).unwrap();
        assert_eq!(identity.permissions().collect::<Vec<_>>(), ["admin"]);
        assert_eq!(tokens().check(&token).unwrap().permissions().count(), 0);
        assert_eq!(tokens().permissions_from("none").check(&token).unwrap().permissions().count(), 0);
    }

    #[test]
    fn time_is_held_to_the_clock_with_some_leeway() {
        let now = seconds();
        assert!(tokens().check(&signed(json!({ "exp": now - 10, "nbf": now + 10 }))).is_ok());
        assert_eq!(failed(&tokens(), &signed(json!({ "exp": now - 100 }))), EXPIRED);
        assert_eq!(failed(&tokens(), &signed(json!({ "nbf": now + 100 }))), "nbf");
        let strict = tokens().leeway(Duration::ZERO);
        assert_eq!(failed(&strict, &signed(json!({ "exp": now - 10 }))), EXPIRED);
        let generous = tokens().leeway(Duration::MAX);
        assert!(generous.check(&signed(json!({ "exp": now - 3000 }))).is_ok());
        assert_eq!(failed(&generous, &signed(json!({ "exp": now - 4000 }))), EXPIRED);
    }

    #[test]
    fn audience_and_issuer_are_those_that_were_set() {
        let chat = || tokens().audience("chat").audience("news");
        assert!(chat().check(&signed(json!({ "aud": "chat" }))).is_ok());
        assert!(chat().check(&signed(json!({ "aud": ["shop", "news"] }))).is_ok());
        assert_eq!(failed(&chat(), &signed(json!({ "aud": "shop" }))), "aud");
        assert_eq!(failed(&chat(), &signed(json!({ "aud": [] }))), "aud");
        assert_eq!(failed(&chat(), &signed(json!({ "aud": 7 }))), "missing claim");
        assert_eq!(failed(&chat(), &signed(json!({}))), "missing claim");
        // It is meant for somebody else.
        assert_eq!(failed(&tokens(), &signed(json!({ "aud": "shop" }))), "aud");
        assert_eq!(failed(&tokens(), &signed(json!({ "aud": 7 }))), "aud");
        let example = || tokens().issuer("example");
        assert!(example().check(&signed(json!({ "iss": "example" }))).is_ok());
        assert_eq!(failed(&example(), &signed(json!({ "iss": "other" }))), "iss");
        assert_eq!(failed(&example(), &signed(json!({}))), "missing claim");
    }

    #[test]
    fn wrongly_typed_and_missing_claims_are_refused() {
        let missing = |name: &str| {
            let mut claims = claims(json!({}));
            claims.as_object_mut().unwrap().remove(name);
            encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
        };
        assert_eq!(failed(&tokens(), &missing("exp")), "missing claim");
        assert_eq!(failed(&tokens(), &missing("sub")), "missing claim");
        let exp = seconds() + 600;
        for exp in [json!(exp.to_string()), json!(true), json!(-1), json!(null), json!([exp]), json!({})] {
            let failed = failed(&tokens(), &signed(json!({ "exp": exp })));
            assert!(["missing claim", "form"].contains(&failed), "{exp}: {failed}");
        }
        assert_eq!(failed(&tokens(), &signed(json!({ "exp": 1.0e19 }))), "exp");
        assert!(tokens().check(&signed(json!({ "exp": 32_503_680_000.5 }))).is_ok());
        for nbf in [json!("0"), json!(false), json!(-1)] {
            assert_eq!(failed(&tokens(), &signed(json!({ "nbf": nbf }))), "claim of another type", "{nbf}");
        }
        assert_eq!(failed(&tokens(), &signed(json!({ "sub": "" }))), "sub");
        assert_eq!(failed(&tokens(), &signed(json!({ "sub": 7 }))), "missing claim");
        for roles in [json!(7), json!({ "admin": true }), json!(["admin", 7])] {
            let tokens = tokens().permissions_from("roles");
            assert_eq!(failed(&tokens, &signed(json!({ "roles": roles }))), "permissions", "{roles}");
        }
    }

    #[test]
    fn a_forged_token_is_refused() {
        let token = signed(json!({}));
        let (unsigned, signature) = token.rsplit_once('.').unwrap();
        let other = signed(json!({ "sub": "bob" }));
        let (_, others_signature) = other.rsplit_once('.').unwrap();
        assert_eq!(failed(&tokens(), &format!("{unsigned}.{others_signature}")), "signature");
        assert_eq!(failed(&tokens(), &format!("{unsigned}.")), "signature");
        let (header, _) = unsigned.split_once('.').unwrap();
        let root = BASE64_URL_SAFE_NO_PAD.encode(claims(json!({ "sub": "root" })).to_string());
        assert_eq!(failed(&tokens(), &format!("{header}.{root}.{signature}")), "signature");
        let stranger = EncodingKey::from_secret(b"another secret that is long enough, too");
        let token = encode(&Header::default(), &claims(json!({})), &stranger).unwrap();
        assert_eq!(failed(&tokens(), &token), "signature");
    }

    #[test]
    fn the_algorithm_is_not_the_tokens_choice() {
        for none in ["none", "None", "NONE", ""] {
            let unsigned = parts(&json!({ "alg": none, "typ": "JWT" }), &claims(json!({})));
            for token in [format!("{unsigned}."), unsigned.clone(), format!("{unsigned}.AAAA")] {
                assert!(tokens().check(&token).is_err(), "{token}");
            }
        }
        // The same secret, another hash.
        let header = Header::new(Algorithm::HS512);
        let token = encode(&header, &claims(json!({})), &EncodingKey::from_secret(SECRET)).unwrap();
        assert_eq!(failed(&tokens(), &token), "algorithm");
        // Signed with what everyone knows: the public key taken for a secret.
        let public = Jwt::eddsa(PUBLIC).unwrap();
        let token =
            encode(&Header::default(), &claims(json!({})), &EncodingKey::from_secret(PUBLIC)).unwrap();
        assert_eq!(failed(&public, &token), "algorithm");
        let key = EncodingKey::from_ed_pem(PRIVATE).unwrap();
        let token = encode(&Header::new(Algorithm::EdDSA), &claims(json!({})), &key).unwrap();
        assert_eq!(public.check(&token).unwrap().name(), "ada");
        assert_eq!(failed(&tokens(), &token), "algorithm");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = "a".repeat(100_000);
        for token in ["", ".", "..", "...", "a.b.c", "💥.💥.💥", "{}", long.as_str()] {
            assert_eq!(failed(&tokens(), token), "form", "{token}");
        }
        let body = |claims: &str| {
            let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
            let message = format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
            let key = EncodingKey::from_secret(SECRET);
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
            format!("{message}.{signature}")
        };
        for claims in ["", "7", "[]", "null", r#"{"sub":"ada","sub":"bob","exp":99999999999}"#] {
            assert_eq!(failed(&tokens(), &body(claims)), "form", "{claims}");
        }
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
