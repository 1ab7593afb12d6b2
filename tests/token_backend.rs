//! Tokens are verified whatever the program does with the cryptography of `jsonwebtoken`. A program of its own: that
//! choice is the process's.
#![allow(missing_docs)]

use jidda::auth::{Identity, Jwt};
use jidda::prelude::*;
use jidda::{Client, Server};
use jsonwebtoken::crypto::{CryptoProvider, KeyUtils};

/// What `jsonwebtoken` has where both of its backends are linked and the program chose none.
static NONE: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| panic!("no backend was chosen"),
    verifier_factory: |_, _| panic!("no backend was chosen"),
    key_utils: KeyUtils::new_unimplemented(),
};

const SECRET: &[u8] = b"0123456789012345678901234567890123456789";
/// `{"sub":"ada","exp":32503680000}`, signed with the secret elsewhere.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.\
                     eyJzdWIiOiJhZGEiLCJleHAiOjMyNTAzNjgwMDAwfQ.\
                     Q6awi5gS5_IKB9_BpPS1QyTwmpBPFNosD1g3rKINkZ0";

#[on]
async fn who(identity: &Identity) -> String {
    identity.name().to_owned()
}

#[tokio::test]
async fn a_token_is_verified_whatever_backend_the_process_has() {
    NONE.install_default().expect("it is the first");
    let tokens = Jwt::hs256(SECRET).unwrap();
    let server = Server::builder().listen("127.0.0.1:0").authenticator(tokens).start().await.unwrap();
    let client =
        Client::builder(server.addresses()[0].to_string()).credentials(TOKEN).connect().await.unwrap();
    assert_eq!(client.call::<String>("who", &()).await.unwrap(), "ada");
}
