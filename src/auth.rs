//! Authentication: the identity of a peer, and what it may do.
//!
//! A server asks its [`Authenticator`] once a connection. jidda has one for passwords, for JSON web tokens (feature `jwt`), for
//! the keys and certificates of Noise and TLS, and for trusted networks; [`Authenticator::or`] combines them. What they find is
//! an [`Identity`] with its permissions.
//!
//! ```
//! use jidda::Server;
//! use jidda::auth::{Identity, Password};
//!
//! let builder = Server::builder().authenticator(Password::new(async |user, password| {
//!     // A real program compares hashes, in constant time.
//!     Ok((user == "ada" && password == "engine").then(|| Identity::new(user).with_permissions(["admin"])))
//! }));
//! # let _ = builder;
//! ```

pub use jidda_runtime::{
    Authenticator, DuplicateIdentity, Identity, OrElse, Password, TrustedKeys, TrustedPeer,
};
#[cfg(feature = "jwt")]
pub use jidda_runtime::{Jwt, JwtKeyError};
