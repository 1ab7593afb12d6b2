//! Noise: `noise://` addresses, for peers that know each other's public keys. The program `jidda-keys` makes key files.
//!
//! ```
//! use jidda::Server;
//! use jidda::noise::{KeyPair, NoiseServer};
//!
//! let keys = KeyPair::generate();
//! println!("clients need {}", keys.public());
//! let builder = Server::builder().listen("noise://0.0.0.0:9000").noise(NoiseServer::new(keys));
//! # let _ = builder;
//! ```

pub use jidda_runtime::{KeyError, KeyPair, NoiseClient, NoiseServer, PublicKey, SecretKey};
