//! The authenticated identity of a peer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;

use crate::payload::{Encoding, Payload, Value};

/// The authenticated identity of a peer, with its permissions and its expiry: the result of an
/// [`Authenticator`](crate::Authenticator).
///
/// A handler borrows it as `identity: &Identity`; calls of peers without one are refused as `denied`. The peer itself
/// cannot change it. It is cheap to clone.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use jidda::auth::Identity;
///
/// let ada = Identity::new("ada")
///     .with_permission("admin")
///     .with_claims(&("a tuple", 7))
///     .with_expiry(SystemTime::now() + Duration::from_secs(3600));
/// assert_eq!(ada.name(), "ada");
/// assert!(ada.allows("admin") && !ada.allows("root"));
/// ```
#[derive(Clone, PartialEq)]
pub struct Identity(Arc<Inner>);

#[derive(Clone, PartialEq)]
struct Inner {
    name: Arc<str>,
    permissions: BTreeSet<Box<str>>,
    claims: Value,
    expires: Option<SystemTime>,
}

impl Identity {
    /// Creates an identity without permissions and claims, which expires with its connection.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let permissions = BTreeSet::new();
        Self(Arc::new(Inner { name: name.into(), permissions, claims: Value::Nil, expires: None }))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Adds a permission, which handlers marked `allow = ".."` need.
    #[must_use]
    pub fn with_permission(self, permission: impl Into<Box<str>>) -> Self {
        self.change(|inner| {
            inner.permissions.insert(permission.into());
        })
    }

    /// Adds several permissions.
    #[must_use]
    pub fn with_permissions<P: Into<Box<str>>>(self, permissions: impl IntoIterator<Item = P>) -> Self {
        self.change(|inner| inner.permissions.extend(permissions.into_iter().map(Into::into)))
    }

    /// Sets the claims: further data about the peer.
    ///
    /// # Panics
    ///
    /// Panics if `claims` cannot be serialized (a `Serialize` implementation that fails).
    #[must_use]
    pub fn with_claims(self, claims: &(impl Serialize + ?Sized)) -> Self {
        let claims = Payload::encode(claims, Encoding::MessagePack).and_then(|claims| claims.to_value());
        let claims = claims.expect("claims are serializable");
        self.change(|inner| inner.claims = claims)
    }

    /// Sets when the identity expires: the peer is notified before, and its connection is closed then.
    #[must_use]
    pub fn with_expiry(self, at: SystemTime) -> Self {
        self.change(|inner| inner.expires = Some(at))
    }

    /// The name: `server.user(name)` selects all sockets with it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.0.name)
    }

    /// The permissions that its sockets have when they connect.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.0.permissions.iter().map(|permission| &**permission)
    }

    /// Whether the identity has a permission.
    pub fn allows(&self, permission: &str) -> bool {
        self.0.permissions.contains(permission)
    }

    /// The claims; `Nil` if there are none.
    pub fn claims(&self) -> &Value {
        &self.0.claims
    }

    /// The time at which it expires; `None` if only the end of its connection ends it.
    pub fn expires(&self) -> Option<SystemTime> {
        self.0.expires
    }
}

/// The identity on whose behalf a server calls another one; `None` inside for an anonymous peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asker(pub(crate) Option<Identity>);

impl Asker {
    /// Whether that one has a permission.
    pub(crate) fn allows(&self, permission: &str) -> bool {
        self.0.as_ref().is_some_and(|identity| identity.allows(permission))
    }

    /// Reads what another server passed on.
    pub(crate) fn passed_on(bytes: &[u8]) -> Option<Self> {
        let value = &rmpv::decode::read_value(&mut &bytes[..]).ok()?;
        if *value == Value::Boolean(false) {
            Some(Self(None))
        } else {
            Identity::read(value).map(Some).map(Self)
        }
    }
}

impl Asker {
    /// Writes it as it is passed on between servers.
    pub(crate) fn to_bytes(&self) -> Box<[u8]> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &Value::from(self)).expect("writing to memory does not fail");
        bytes.into()
    }
}

/// As it is passed on between servers: without an expiry, since it is for one event; `false` for an anonymous peer.
impl From<&Asker> for Value {
    fn from(asker: &Asker) -> Self {
        let Some(identity) = &asker.0 else { return Self::Boolean(false) };
        let permissions = identity.permissions().map(Value::from).collect();
        let mut entries =
            vec![("name".into(), identity.name().into()), ("permissions".into(), Value::Array(permissions))];
        if !identity.claims().is_nil() {
            entries.push(("claims".into(), identity.claims().clone()));
        }
        Value::Map(entries)
    }
}

impl Identity {
    fn read(value: &Value) -> Option<Self> {
        let entry = |key: &str| {
            let (_, value) = value.as_map()?.iter().find(|(name, _)| name.as_str() == Some(key))?;
            Some(value)
        };
        let permissions = entry("permissions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let identity = Self::new(entry("name")?.as_str()?)
            .with_permissions(permissions.iter().filter_map(Value::as_str));
        let claims = entry("claims").cloned().unwrap_or(Value::Nil);
        Some(identity.change(|inner| inner.claims = claims))
    }
}

/// The name only: claims may be private.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0.name).finish()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

impl From<&str> for Identity {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<&String> for Identity {
    fn from(name: &String) -> Self {
        Self::new(name.as_str())
    }
}

impl From<String> for Identity {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_the_name_and_nothing_private() {
        let identity = Identity::from("ada").with_claims("secret").with_permission("admin");
        assert_eq!(format!("{identity} {identity:?}"), r#"ada Identity("ada")"#);
    }

    #[test]
    fn it_survives_being_passed_on() {
        let ada = Identity::new("ada").with_permissions(["a", "b"]).with_claims(&("x", 1));
        for asker in [Asker(Some(ada)), Asker(Some(Identity::from("bob"))), Asker(None)] {
            assert_eq!(Asker::passed_on(&asker.to_bytes()), Some(asker));
        }
        let nameless = Value::Map(vec![("permissions".into(), Value::Array(vec!["root".into()]))]);
        for strange in [nameless, "ada".into()] {
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &strange).unwrap();
            assert_eq!(Asker::passed_on(&bytes), None);
        }
        assert_eq!(Asker::passed_on(&[0x82]), None);
    }

    #[test]
    fn a_clone_is_not_changed_by_what_is_made_of_the_other() {
        let ada = Identity::new("ada").with_permissions(["a", "b"]);
        let more = ada.clone().with_permission("c");
        assert_eq!(ada.permissions().collect::<Vec<_>>(), ["a", "b"]);
        assert!(more.allows("c") && !ada.allows("c"));
    }
}
