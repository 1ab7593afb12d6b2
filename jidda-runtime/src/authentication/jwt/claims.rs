//! The checks of a token's claims: RFC 7519, section 4.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;

use super::failed::{EXPIRED, Failed};
use super::token::Claims;
use crate::identity::Identity;

/// The requirements for the claims.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) audiences: BTreeSet<String>,
    pub(super) issuers: BTreeSet<String>,
    pub(super) leeway: Duration,
    /// The claim whose value is the identity's name.
    pub(super) identity: String,
    /// Whether that may be a whole number.
    pub(super) takes_numbers: bool,
    /// The claim that lists the permissions.
    pub(super) permissions: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            audiences: BTreeSet::new(),
            issuers: BTreeSet::new(),
            leeway: Duration::from_secs(30),
            identity: "sub".to_owned(),
            takes_numbers: false,
            permissions: None,
        }
    }
}

impl Rules {
    /// The identity of the claims, checked at a given time.
    ///
    /// # Errors
    ///
    /// If a claim is missing, has another type, or has a wrong value.
    pub(super) fn identity(&self, claims: &Claims, now: SystemTime) -> Result<Identity, Failed> {
        let expires = self.expiry(claims, now)?;
        self.audience(claims)?;
        self.issuer(claims)?;
        let identity = Identity::new(self.name(claims)?).with_expiry(expires).with_claims(claims);
        Ok(identity.with_permissions(self.permissions(claims)?))
    }

    /// The time at which the claims expire.
    fn expiry(&self, claims: &Claims, now: SystemTime) -> Result<SystemTime, Failed> {
        let leeway = self.leeway.as_secs_f64();
        // Before 1970 only where the clock is wrong, and then nothing has expired.
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        if time(claims, "nbf")?.is_some_and(|begin| begin > now + leeway) {
            return Err(Failed::new("`nbf`", "is in the future"));
        }
        let end = time(claims, "exp")?.ok_or_else(|| Failed::new("`exp`", "is missing"))? + leeway;
        if end <= now {
            return Err(Failed::new("`exp`", EXPIRED));
        }
        let end = Duration::try_from_secs_f64(end).ok();
        end.and_then(|end| SystemTime::UNIX_EPOCH.checked_add(end))
            .ok_or_else(|| Failed::new("`exp`", "is further in the future than the clock can tell"))
    }

    fn audience(&self, claims: &Claims) -> Result<(), Failed> {
        let audience = present(claims, "aud");
        if self.audiences.is_empty() {
            // It is for an audience, and none is set here.
            return match audience {
                None => Ok(()),
                Some(_) => Err(Failed::new("`aud`", "is given, and `.audience(..)` is not set")),
            };
        }
        match texts(audience.ok_or_else(|| Failed::new("`aud`", "is missing"))?) {
            None => Err(Failed::new("`aud`", "is neither a text nor a list of texts")),
            Some(named) if named.iter().any(|name| self.audiences.contains(*name)) => Ok(()),
            Some(_) => Err(Failed::new("`aud`", "names other audiences")),
        }
    }

    fn issuer(&self, claims: &Claims) -> Result<(), Failed> {
        if self.issuers.is_empty() {
            return Ok(());
        }
        match present(claims, "iss") {
            None => Err(Failed::new("`iss`", "is missing")),
            Some(Json::String(name)) if self.issuers.contains(name) => Ok(()),
            Some(Json::String(_)) => Err(Failed::new("`iss`", "is another issuer")),
            Some(_) => Err(Failed::new("`iss`", "is not a text")),
        }
    }

    fn name(&self, claims: &Claims) -> Result<String, Failed> {
        let failed = |problem| Failed::new(format!("`{}`", self.identity), problem);
        match present(claims, &self.identity) {
            None => Err(failed("is missing")),
            Some(Json::String(name)) if name.is_empty() => Err(failed("is empty")),
            Some(Json::String(name)) => Ok(name.clone()),
            Some(Json::Number(number)) if self.takes_numbers => {
                // Past 64 bits a number is rounded, and two users would be one.
                let text = number.as_u64().map(|number| number.to_string());
                let text = text.or_else(|| number.as_i64().map(|number| number.to_string()));
                text.ok_or_else(|| failed("is not a whole number of 64 bits"))
            }
            Some(_) if self.takes_numbers => Err(failed("is neither a text nor a number")),
            Some(Json::Number(_)) => {
                Err(failed("is a number and not a text: `.numeric_identity(true)` takes it"))
            }
            Some(_) => Err(failed("is not a text")),
        }
    }

    fn permissions<'a>(&self, claims: &'a Claims) -> Result<Vec<&'a str>, Failed> {
        let Some(name) = &self.permissions else { return Ok(Vec::new()) };
        match present(claims, name) {
            None => Ok(Vec::new()),
            Some(Json::String(words)) => Ok(words.split_whitespace().collect()),
            Some(list) => {
                let failed = || Failed::new(format!("`{name}`"), "is neither a text nor a list of texts");
                texts(list).ok_or_else(failed)
            }
        }
    }
}

fn present<'a>(claims: &'a Claims, name: &str) -> Option<&'a Json> {
    claims.get(name).filter(|value| !value.is_null())
}

/// The seconds since 1970 that a claim says, if it is there. They may have a fraction and lie before 1970.
fn time(claims: &Claims, name: &str) -> Result<Option<f64>, Failed> {
    let Some(value) = present(claims, name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite());
    seconds.map(Some).ok_or_else(|| Failed::new(format!("`{name}`"), "is not a number of seconds since 1970"))
}

/// A text, or those of a list that has no other values.
fn texts(value: &Json) -> Option<Vec<&str>> {
    match value {
        Json::String(text) => Some(vec![text]),
        Json::Array(list) => list.iter().map(Json::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::super::super::presented::field;
    use super::super::tests::*;
    use super::*;

    #[test]
    fn a_valid_token_gives_identity_expiry_and_permissions() {
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
        let (over, early) = ("`exp` is over", "`nbf` is in the future");
        assert!(tokens().check(&signed(json!({ "exp": now - 10, "nbf": now + 10 }))).is_ok());
        assert_eq!(failed(&tokens(), &signed(json!({ "exp": now - 100 }))), over);
        assert_eq!(failed(&tokens(), &signed(json!({ "nbf": now + 100 }))), early);
        let strict = tokens().leeway(Duration::ZERO);
        assert_eq!(failed(&strict, &signed(json!({ "exp": now - 10 }))), over);
        let generous = tokens().leeway(Duration::MAX);
        assert!(generous.check(&signed(json!({ "exp": now - 3000 }))).is_ok());
        assert_eq!(failed(&generous, &signed(json!({ "exp": now - 4000 }))), over);
    }

    #[test]
    fn times_at_the_borders_are_right_or_refused() {
        let (over, far) = ("`exp` is over", "`exp` is further in the future than the clock can tell");
        let longest = |token: &str| tokens().leeway(Duration::MAX).check(token);
        for (exp, outcome) in [
            (json!(32_503_680_000.5), None),
            (json!(4_102_444_800_000_u64), None),
            (json!(9_007_199_254_740_993_u64), None),
            (json!(i64::MAX), Some(far)),
            (json!(u64::MAX), Some(far)),
            // In seconds and leeway the largest that fits 64 bits, and the first that does not.
            (json!(18_446_744_073_709_550_000_u64), Some(far)),
            (json!(1.0e19), Some(far)),
            (json!(1.0e300), Some(far)),
            (json!(f64::MAX), Some(far)),
            (json!(0), Some(over)),
            (json!(-1), Some(over)),
            (json!(-0.5), Some(over)),
            (json!(5.0e-324), Some(over)),
            (json!(i64::MIN), Some(over)),
            (json!(-f64::MAX), Some(over)),
        ] {
            let token = signed(json!({ "exp": exp, "iat": exp, "nbf": -1 }));
            for found in [tokens().check(&token), longest(&token)] {
                assert_eq!(found.err().map(|failed| failed.to_string()).as_deref(), outcome, "{exp}");
            }
        }
        let early = Some("`nbf` is in the future");
        for (nbf, outcome) in [
            (json!(-1), None),
            (json!(0.25), None),
            (json!(i64::MIN), None),
            (json!(-f64::MAX), None),
            (json!(null), None),
            (json!(i64::MAX), early),
            (json!(u64::MAX), early),
            (json!(f64::MAX), early),
        ] {
            let found = tokens().check(&signed(json!({ "nbf": nbf })));
            assert_eq!(found.err().map(|failed| failed.to_string()).as_deref(), outcome, "{nbf}");
        }
        // A clock that was never set.
        let rules = Rules::default();
        let claims = json!({ "sub": "ada", "exp": 5 });
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert!(rules.identity(claims.as_object().unwrap(), before).is_ok());
    }

    #[test]
    fn audience_and_issuer_are_those_that_were_set() {
        let chat = || tokens().audience("chat").audience("news");
        assert!(chat().check(&signed(json!({ "aud": "chat" }))).is_ok());
        assert!(chat().check(&signed(json!({ "aud": ["shop", "news"] }))).is_ok());
        assert_eq!(failed(&chat(), &signed(json!({ "aud": "shop" }))), "`aud` names other audiences");
        assert_eq!(failed(&chat(), &signed(json!({ "aud": [] }))), "`aud` names other audiences");
        for aud in [json!(7), json!(["chat", 7]), json!({ "chat": 1 })] {
            let text = "`aud` is neither a text nor a list of texts";
            assert_eq!(failed(&chat(), &signed(json!({ "aud": aud }))), text);
        }
        for missing in [json!({}), json!({ "aud": null })] {
            assert_eq!(failed(&chat(), &signed(missing)), "`aud` is missing");
        }
        for aud in [json!("shop"), json!(7), json!([])] {
            let text = "`aud` is given, and `.audience(..)` is not set";
            assert_eq!(failed(&tokens(), &signed(json!({ "aud": aud }))), text);
        }
        let example = || tokens().issuer("example");
        assert!(example().check(&signed(json!({ "iss": "example" }))).is_ok());
        assert_eq!(failed(&example(), &signed(json!({ "iss": "other" }))), "`iss` is another issuer");
        assert_eq!(failed(&example(), &signed(json!({ "iss": ["example"] }))), "`iss` is not a text");
        assert_eq!(failed(&example(), &signed(json!({}))), "`iss` is missing");
    }

    #[test]
    fn the_wrong_claim_is_named() {
        let without = |name: &str| {
            let mut claims = claims(json!({}));
            claims.as_object_mut().unwrap().remove(name);
            encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
        };
        assert_eq!(failed(&tokens(), &without("exp")), "`exp` is missing");
        assert_eq!(failed(&tokens(), &without("sub")), "`sub` is missing");
        assert_eq!(failed(&tokens(), &signed(json!({ "exp": null }))), "`exp` is missing");
        let exp = seconds() + 600;
        for exp in [json!(exp.to_string()), json!(true), json!([exp]), json!({})] {
            let text = "`exp` is not a number of seconds since 1970";
            assert_eq!(failed(&tokens(), &signed(json!({ "exp": exp }))), text, "{exp}");
        }
        for nbf in [json!("0"), json!(false)] {
            let text = "`nbf` is not a number of seconds since 1970";
            assert_eq!(failed(&tokens(), &signed(json!({ "nbf": nbf }))), text, "{nbf}");
        }
        for roles in [json!(7), json!({ "admin": true }), json!(["admin", 7])] {
            let tokens = tokens().permissions_from("roles");
            let text = "`roles` is neither a text nor a list of texts";
            assert_eq!(failed(&tokens, &signed(json!({ "roles": roles }))), text, "{roles}");
        }
    }

    #[test]
    fn the_identity_is_a_claim_of_choice_and_a_number_only_if_asked() {
        let by = |claim: &str, value: Json| signed(json!({ claim: value }));
        let users = || tokens().identity_claim("user_id");
        assert_eq!(users().check(&by("user_id", json!("ada-7"))).unwrap().name(), "ada-7");
        assert_eq!(failed(&users(), &signed(json!({}))), "`user_id` is missing");
        for (value, text) in [
            (json!(""), "`sub` is empty"),
            (json!(true), "`sub` is not a text"),
            (json!(["ada"]), "`sub` is not a text"),
            (json!(7), "`sub` is a number and not a text: `.numeric_identity(true)` takes it"),
        ] {
            assert_eq!(failed(&tokens(), &by("sub", value)), text);
        }
        let numeric = || tokens().numeric_identity(true);
        for (value, name) in [
            (json!("ada"), "ada"),
            (json!(7), "7"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(-3), "-3"),
        ] {
            assert_eq!(numeric().check(&by("sub", value)).unwrap().name(), name);
        }
        for value in [json!(7.5), json!(7.0), json!(1.0e30)] {
            assert_eq!(failed(&numeric(), &by("sub", value)), "`sub` is not a whole number of 64 bits");
        }
        assert_eq!(failed(&numeric(), &by("sub", json!([7]))), "`sub` is neither a text nor a number");
        assert_eq!(failed(&numeric(), &by("sub", json!(null))), "`sub` is missing");
    }
}
