//! Authentication: once per connection, before its first socket joins.
//!
//! There is one file for each kind of credentials. All authenticators get the [`Handshake`], which is the same on every
//! wire.

#[cfg(feature = "jwt")]
mod jwt;
mod password;
mod presented;
mod trusted_keys;
mod trusted_peer;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

#[cfg(feature = "jwt")]
pub use jwt::{Jwt, JwtKeyError};
pub use password::Password;
pub use trusted_keys::TrustedKeys;
pub use trusted_peer::TrustedPeer;

use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::identity::Identity;
use crate::peer::Handshake;
use crate::wall_clock::{self, WallClock};

/// Authenticates a peer, by its credentials and by the keys that its transport proved.
///
/// A server calls its authenticator once for each connection, before any handler of it runs, and again if the peer
/// sends new credentials. Messages that the peer sends in the meantime wait.
///
/// The handshake holds the data of each wire: `credentials` and `claimed_identity` of the native hello; the auth value
/// of a Socket.IO client's first CONNECT, as `credentials` and as `auth`; `headers` and `query` of the request; and
/// what TLS or Noise proved, as `security`.
///
/// `Ok(None)` means that there are no credentials which this authenticator can check: the next one of [`or`](Self::or)
/// is called. If all return that, the peer is refused as `unauthenticated`, or accepted without an identity if the
/// server [allows that](crate::ServerBuilder::allow_anonymous).
///
/// # Errors
///
/// A refusal, with code and message for the peer. An error made by `?` is internal: the peer gets its id only.
///
/// # Cancel safety
///
/// The future is dropped if the peer disconnects or the handshake times out.
///
/// ```
/// use jidda::auth::{Authenticator, Identity};
/// use jidda::peer::Handshake;
/// use jidda::{Error, Result};
///
/// /// Accepts peers that send the shared key.
/// struct Key(String);
///
/// impl Authenticator for Key {
///     async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
///         match handshake.credentials.as_str() {
///             None => Ok(None),
///             Some(key) if key == self.0 => Ok(Some(Identity::new("guest"))),
///             Some(_) => Err(Error::new("unauthenticated", "this is not the key")),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot authenticate peers",
    label = "`{Self}` does not implement `Authenticator`",
    note = "jidda has `Password`, `TrustedPeer`, `TrustedKeys` and, with the feature `jwt`, `Jwt`"
)]
pub trait Authenticator: Send + Sync + 'static {
    /// Returns the peer's identity, `None` if it sent no credentials that this authenticator can check, or the reason
    /// why the peer is refused.
    fn authenticate(&self, handshake: &Handshake) -> impl Future<Output = Result<Option<Identity>>> + Send;

    /// Tries `other` if this authenticator returns `None`.
    fn or<A: Authenticator>(self, other: A) -> OrElse<Self, A>
    where
        Self: Sized,
    {
        OrElse { first: self, second: other }
    }
}

/// Two authenticators, one after the other: see [`Authenticator::or`].
#[derive(Debug)]
pub struct OrElse<A, B> {
    first: A,
    second: B,
}

impl<A: Authenticator, B: Authenticator> Authenticator for OrElse<A, B> {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        match self.first.authenticate(handshake).await? {
            Some(identity) => Ok(Some(identity)),
            None => self.second.authenticate(handshake).await,
        }
    }
}

/// The refusal of a peer whose credentials do not prove what they should.
pub(crate) fn unauthenticated(message: &'static str) -> Error {
    Error::new("unauthenticated", message)
}

/// The result of a check: an identity, none, or a refusal.
pub(crate) type Found = std::result::Result<Option<Identity>, Box<Failure>>;

trait Erased: Send + Sync {
    fn check(self: Arc<Self>, handshake: Handshake) -> BoxFuture<'static, Result<Option<Identity>>>;
}

impl<A: Authenticator> Erased for A {
    fn check(self: Arc<Self>, handshake: Handshake) -> BoxFuture<'static, Result<Option<Identity>>> {
        Box::pin(async move { self.authenticate(&handshake).await })
    }
}

/// The authenticator of a gate, behind another one.
#[cfg(feature = "server")]
struct Rest(Arc<dyn Erased>);

#[cfg(feature = "server")]
impl Authenticator for Rest {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        Arc::clone(&self.0).check(handshake.clone()).await
    }
}

/// A server's authenticator, and which peers it admits.
#[derive(Clone)]
pub(crate) struct Gate {
    authenticator: Arc<dyn Erased>,
    allows_anonymous: bool,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("allows_anonymous", &self.allows_anonymous).finish_non_exhaustive()
    }
}

impl Gate {
    pub(crate) fn new(authenticator: impl Authenticator) -> Self {
        Self { authenticator: Arc::new(authenticator), allows_anonymous: false }
    }

    /// Sets whether peers without credentials are admitted.
    pub(crate) fn with_anonymous(self, allows_anonymous: bool) -> Self {
        Self { allows_anonymous, ..self }
    }

    /// Tries `first`, and then this gate's own authenticator if `first` returns `None`.
    #[cfg(feature = "server")]
    pub(crate) fn preceded_by(self, first: impl Authenticator) -> Self {
        Self { authenticator: Arc::new(first.or(Rest(self.authenticator))), ..self }
    }

    /// Checks the credentials of a peer. A panic is a failure like any other; one that happens when the future is
    /// dropped is passed to `report`.
    pub(crate) fn check(
        &self,
        handshake: Handshake,
        clock: WallClock,
        report: impl FnMut(Box<Failure>) + Send + 'static,
    ) -> BoxFuture<'static, Found> {
        let authenticator = Arc::clone(&self.authenticator);
        let check = wall_clock::scope(clock, async move { authenticator.check(handshake).await });
        let flat = |found: std::result::Result<Result<_>, _>| found?.map_err(|error| Box::new(error.into()));
        Guarded::new(check, report).map(flat).boxed()
    }

    /// Whether a peer with this identity, or without one, is admitted; and why not. `claimed` is the identity that it
    /// claims.
    pub(crate) fn admit(
        &self,
        found: Option<Identity>,
        claimed: Option<&str>,
        now: SystemTime,
    ) -> Result<Option<Identity>> {
        match found {
            Some(identity) if claimed.is_some_and(|claimed| claimed != identity.name()) => {
                Err(unauthenticated("the credentials are not those of the claimed identity"))
            }
            Some(identity) if identity.expires().is_some_and(|at| at <= now) => {
                Err(unauthenticated("the credentials have expired"))
            }
            None if !self.allows_anonymous => Err(unauthenticated("credentials are needed")),
            found => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::presented::tests::handshake;
    use super::*;

    struct Fixed(Result<Option<Identity>, &'static str>);

    impl Authenticator for Fixed {
        async fn authenticate(&self, _: &Handshake) -> Result<Option<Identity>> {
            self.0.clone().map_err(unauthenticated)
        }
    }

    struct Broken;

    impl Authenticator for Broken {
        async fn authenticate(&self, _: &Handshake) -> Result<Option<Identity>> {
            panic!("broken")
        }
    }

    #[tokio::test]
    async fn the_next_one_is_asked_only_when_the_first_knows_nothing() {
        let ada = || Fixed(Ok(Some("ada".into())));
        let bob = || Fixed(Ok(Some("bob".into())));
        let anonymous = || Fixed(Ok(None));
        let refused = || Fixed(Err("no"));
        let handshake = handshake();
        let check = |gate: Gate| {
            let found = gate.check(handshake.clone(), WallClock::System, |failure| panic!("{failure:?}"));
            found.now_or_never().expect("nothing is waited for")
        };
        assert_eq!(check(Gate::new(ada().or(bob()))), Ok(Some("ada".into())));
        assert_eq!(check(Gate::new(anonymous().or(bob()))), Ok(Some("bob".into())));
        assert_eq!(check(Gate::new(anonymous().or(anonymous()))), Ok(None));
        assert_eq!(check(Gate::new(refused().or(bob()))).unwrap_err().message, "no");
        let broken = check(Gate::new(Broken)).unwrap_err();
        assert!(broken.is_internal() && broken.message == "panic: broken");
    }

    #[test]
    fn an_anonymous_or_differently_named_peer_is_not_admitted() {
        let now = SystemTime::now();
        let gate = Gate::new(Fixed(Ok(None)));
        let ada = || Some(Identity::new("ada"));
        assert_eq!(gate.admit(ada(), None, now), Ok(ada()));
        assert_eq!(gate.admit(ada(), Some("ada"), now), Ok(ada()));
        assert_eq!(gate.admit(ada(), Some("bob"), now).unwrap_err().code(), "unauthenticated");
        assert_eq!(gate.admit(None, None, now).unwrap_err().code(), "unauthenticated");
        let expired = ada().map(|ada| ada.with_expiry(now));
        assert_eq!(gate.admit(expired, None, now).unwrap_err().code(), "unauthenticated");
        let gate = gate.with_anonymous(true);
        assert_eq!(gate.admit(None, Some("bob"), now), Ok(None));
    }
}
