//! Encrypted streams between peers that know each other by their public keys.
//!
//! The handshake is `Noise_IK_25519_AESGCM_SHA256`: the client knows the server's key beforehand, as an SSH client
//! does, and shows its own. There are no certificates and no authority. `docs/wire.md` has the format.

mod config;
mod handshake;
mod keys;
pub mod record;
mod stream;
#[cfg(test)]
mod tests;
mod wrong_protocol;

pub use config::{NoiseClient, NoiseServer};
pub use handshake::{accept, connect};
pub use keys::{KeyError, KeyPair, PublicKey, SecretKey};
pub use stream::NoiseStream;
