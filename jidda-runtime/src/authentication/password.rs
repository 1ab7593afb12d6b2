//! A user's name and password.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::presented::{authorization, field};
use super::{Authenticator, unauthenticated};
use crate::error::Result;
use crate::identity::Identity;
use crate::payload::Value;
use crate::peer::Handshake;

/// Users with passwords, checked by the program: `{"user": .., "password": ..}` in a native hello's credentials or a
/// Socket.IO client's auth value, or HTTP's `Authorization: Basic`.
///
/// The password is sent over the connection: protect it with TLS or Noise. Store only slow hashes of passwords, such as
/// argon2, and compare in constant time.
///
/// ```standalone_crate
/// use jidda::auth::{Identity, Password};
/// use jidda::{Client, Server};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let users = Password::new(|user: String, password: String| async move {
///     Ok((user == "ada" && password == "engine").then(|| Identity::new(user).with_permission("admin")))
/// });
/// let server = Server::builder().listen("mem:password").authenticator(users).start().await?;
///
/// let ada = Client::builder("mem:password").credentials(&json!({ "user": "ada", "password": "engine" }));
/// ada.connect().await?;
/// let guess = Client::builder("mem:password").credentials(&json!({ "user": "ada", "password": "12345" }));
/// assert!(guess.connect().await.is_err());
/// # drop(server);
/// # Ok(())
/// # }
/// ```
pub struct Password<F> {
    check: F,
}

impl<F> fmt::Debug for Password<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").finish_non_exhaustive()
    }
}

impl<F, O> Password<F>
where
    F: Fn(String, String) -> O + Send + Sync + 'static,
    O: Future<Output = Result<Option<Identity>>> + Send + 'static,
{
    /// Checks user and password with a closure, `async |user, password| ..`. `Ok(None)` means that they do not match;
    /// the peer does not learn which of them is wrong.
    pub fn new(check: F) -> Self {
        Self { check }
    }
}

impl<F, O> Authenticator for Password<F>
where
    F: Fn(String, String) -> O + Send + Sync + 'static,
    O: Future<Output = Result<Option<Identity>>> + Send + 'static,
{
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        let Some((user, password)) = presented(handshake)? else { return Ok(None) };
        match (self.check)(user, password).await? {
            Some(identity) => Ok(Some(identity)),
            None => Err(unauthenticated("user or password is wrong")),
        }
    }
}

fn presented(handshake: &Handshake) -> Result<Option<(String, String)>> {
    let (user, password) = (field(&handshake.credentials, "user"), field(&handshake.credentials, "password"));
    if password.is_some() {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(ToOwned::to_owned);
        return match (text(user), text(password)) {
            (Some(user), Some(password)) => Ok(Some((user, password))),
            _ => Err(unauthenticated("user and password are texts")),
        };
    }
    let Some(basic) = authorization(handshake, "Basic") else { return Ok(None) };
    let decoded = BASE64_STANDARD.decode(basic).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.as_deref().and_then(|text| text.split_once(':')) {
        Some((user, password)) => Ok(Some((user.to_owned(), password.to_owned()))),
        None => Err(unauthenticated("the header `authorization` cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::presented::tests::{handshake, map, with_credentials, with_header};
    use super::*;

    async fn check(handshake: Handshake) -> Result<Option<Identity>, String> {
        let users = Password::new(async |user: String, password: String| {
            Ok((user == "ada" && password == "a:b").then(|| Identity::new(user)))
        });
        users.authenticate(&handshake).await.map_err(|error| format!("{}: {error}", error.code()))
    }

    #[tokio::test]
    async fn a_user_is_known_by_credentials_and_by_header() {
        let ada = Ok(Some(Identity::new("ada")));
        let credentials = |user, password| with_credentials(map(&[("user", user), ("password", password)]));
        assert_eq!(check(credentials("ada".into(), "a:b".into())).await, ada);
        assert_eq!(check(with_header("Authorization", "Basic YWRhOmE6Yg==")).await, ada);
        assert_eq!(check(handshake()).await, Ok(None));
        assert_eq!(check(with_header("authorization", "Bearer YWRhOmE6Yg==")).await, Ok(None));
        let wrong = Err("unauthenticated: user or password is wrong".to_owned());
        assert_eq!(check(credentials("ada".into(), "b".into())).await, wrong);
        assert_eq!(check(credentials("".into(), "".into())).await, wrong);
    }

    #[tokio::test]
    async fn what_is_no_password_is_refused() {
        for credentials in [
            map(&[("user", 7.into()), ("password", "a:b".into())]),
            map(&[("user", "ada".into()), ("password", true.into())]),
            map(&[("password", "a:b".into())]),
        ] {
            let refusal = check(with_credentials(credentials)).await;
            assert_eq!(refusal, Err("unauthenticated: user and password are texts".to_owned()));
        }
        for header in ["Basic !", "Basic YWRh", "Basic /////w=="] {
            assert!(check(with_header("authorization", header)).await.is_err(), "{header}");
        }
    }
}
