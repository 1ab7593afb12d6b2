//! The form of a token and its signature: JSON Web Signature, RFC 7515.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::failed::Failed;

/// The claims of a token.
pub(super) type Claims = Map<String, Json>;

/// A key, and the only algorithm that it is used with.
pub(super) struct Key {
    pub(super) algorithm: Algorithm,
    name: &'static str,
    decoding: DecodingKey,
}

impl Key {
    /// # Errors
    ///
    /// If the key is not for this algorithm.
    pub(super) fn new(
        algorithm: Algorithm,
        name: &'static str,
        key: DecodingKey,
    ) -> jsonwebtoken::errors::Result<Self> {
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key)?;
        Ok(Self { algorithm, name, decoding: key })
    }

    /// Returns the claims of a token after checking its header and its signature.
    ///
    /// # Errors
    ///
    /// If one of them is wrong.
    pub(super) fn open(&self, token: &str) -> Result<Claims, Failed> {
        let form = || Failed::new("the token", "is not three parts of JSON in base64");
        let (message, signature) = token.rsplit_once('.').ok_or_else(form)?;
        let (header, claims) =
            message.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or_else(form)?;
        let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let object = |part: &str| serde_json::from_slice(&decoded(part)?).ok();
        let Members(header) = object(header).ok_or_else(form)?;
        match header.get("alg") {
            Some(Json::String(name)) if name == self.name => {}
            _ => return Err(Failed::new("`alg` of the header", "is not the algorithm of the key")),
        }
        // What is named there has to be understood (RFC 7515, 4.1.11), and no extension is.
        if header.contains_key("crit") {
            return Err(Failed::new("`crit` of the header", "asks for an extension that is not supported"));
        }
        let signature = decoded(signature).ok_or_else(form)?;
        if !self.verifies(message.as_bytes(), &signature) {
            return Err(Failed::new("the signature", "was not made with the key"));
        }
        let Members(claims) = object(claims).ok_or_else(form)?;
        Ok(claims)
    }

    /// The cryptography is named here: `jsonwebtoken::decode` takes that of the process, which is another one, or none
    /// at all, once the program or a dependency of it switches the other backend of that crate on.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.decoding);
        verifier.is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

/// An object without duplicate members: of two members, one parser takes the first and another one the last, so that
/// they would see different tokens.
struct Members(Map<String, Json>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = entries.next_entry::<String, Json>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member that is there twice"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Unique)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::*;
    use super::*;

    #[test]
    fn a_forged_token_is_refused() {
        let token = signed(json!({}));
        let (unsigned, signature) = token.rsplit_once('.').unwrap();
        let other = signed(json!({ "sub": "bob" }));
        let (_, others_signature) = other.rsplit_once('.').unwrap();
        let is_refused = |token: &str| failed(&tokens(), token) == "the signature was not made with the key";
        assert!(is_refused(&format!("{unsigned}.{others_signature}")));
        assert!(is_refused(&format!("{unsigned}.")));
        let (header, _) = unsigned.split_once('.').unwrap();
        let root = BASE64_URL_SAFE_NO_PAD.encode(claims(json!({ "sub": "root" })).to_string());
        assert!(is_refused(&format!("{header}.{root}.{signature}")));
        let stranger = jsonwebtoken::EncodingKey::from_secret(b"another secret that is long enough, too");
        let token =
            jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(json!({})), &stranger).unwrap();
        assert!(is_refused(&token));
    }

    #[test]
    fn the_algorithm_is_not_the_tokens_choice() {
        use jsonwebtoken::{EncodingKey, Header, encode};

        let algorithm = "`alg` of the header is not the algorithm of the key";
        for none in [json!("none"), json!("None"), json!("NONE"), json!(""), json!(null), json!(["HS256"])] {
            let unsigned = parts(&json!({ "alg": none, "typ": "JWT" }), &claims(json!({})));
            for token in [format!("{unsigned}."), format!("{unsigned}.AAAA")] {
                assert_eq!(failed(&tokens(), &token), algorithm, "{token}");
            }
            assert!(failed(&tokens(), &unsigned).contains("three parts"));
        }
        // The same secret, another hash.
        let header = Header::new(Algorithm::HS512);
        let token = encode(&header, &claims(json!({})), &EncodingKey::from_secret(SECRET)).unwrap();
        assert_eq!(failed(&tokens(), &token), algorithm);
        // Signed with what everyone knows: the public key taken for a secret.
        let public = Jwt::eddsa(PUBLIC).unwrap();
        let token =
            encode(&Header::default(), &claims(json!({})), &EncodingKey::from_secret(PUBLIC)).unwrap();
        assert_eq!(failed(&public, &token), algorithm);
        let key = EncodingKey::from_ed_pem(PRIVATE).unwrap();
        let token = encode(&Header::new(Algorithm::EdDSA), &claims(json!({})), &key).unwrap();
        assert_eq!(public.check(&token).unwrap().name(), "ada");
        assert_eq!(failed(&tokens(), &token), algorithm);
    }

    #[test]
    fn a_header_with_critical_extensions_is_refused() {
        let with = |crit: Json| {
            with_header_and_claims(
                &json!({ "alg": "HS256", "crit": crit, "exp": 1 }),
                &claims(json!({})).to_string(),
            )
        };
        for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("exp"), json!([7])] {
            let text = failed(&tokens(), &with(crit.clone()));
            assert_eq!(text, "`crit` of the header asks for an extension that is not supported", "{crit}");
        }
        let ignored = json!({ "alg": "HS256", "typ": 7, "kid": "a", "jku": "https://evil.example", "x": {} });
        assert!(tokens().check(&with_header_and_claims(&ignored, &claims(json!({})).to_string())).is_ok());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = "a".repeat(100_000);
        let form = "the token is not three parts of JSON in base64";
        for token in ["", ".", "..", "...", "a.b.c", "💥.💥.💥", "{}", "a.b.c.d", long.as_str()] {
            assert_eq!(failed(&tokens(), token), form, "{token}");
        }
        let twice = r#"{"sub":"ada","sub":"bob","exp":99999999999}"#;
        for claims in ["", "7", "[]", "null", twice, r#"{"sub":"ada","exp":1e999}"#] {
            assert_eq!(
                failed(&tokens(), &with_header_and_claims(&json!({ "alg": "HS256" }), claims)),
                form,
                "{claims}"
            );
        }
    }
}
