//! Signed tokens, on every wire.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jidda::Client;
use jidda::auth::{Authenticator, Jwt};
use jidda::error::ConnectError;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::client::Peer;
use super::{address, guarded, passwords};

const SECRET: &[u8] = b"the secret of these tests, long enough";

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn signed(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

fn tokens() -> Jwt {
    Jwt::hs256(SECRET).unwrap().permissions_from("roles")
}

#[tokio::test]
async fn roles_of_a_token_are_permissions() {
    let server = guarded(passwords().or(tokens())).start().await.unwrap();
    let token =
        |name: &str, roles: &[&str]| signed(&json!({ "sub": name, "exp": seconds() + 60, "roles": roles }));
    let ada = Client::builder(address(&server)).credentials(&token("ada", &[])).connect().await.unwrap();
    assert_eq!(ada.call::<String>("erase", &()).await.unwrap_err().code(), Some("denied"));
    let admin = json!({ "token": token("root", &["admin"]) });
    let root = Client::builder(address(&server)).credentials(&admin).connect().await.unwrap();
    assert_eq!(root.call::<String>("erase", &()).await.unwrap(), "erased");
    let mut peer = Peer::open(&server).await;
    peer.enter("/", &admin.to_string()).await;
    assert_eq!(peer.ask(r#"["who"]"#).await, r#"["root"]"#);
    assert_eq!(peer.ask(r#"["erase"]"#).await, r#"["erased"]"#);
}

#[tokio::test]
async fn bad_tokens_are_refused_and_no_other_peer_is_affected() {
    let server = guarded(tokens()).start().await.unwrap();
    let exp = seconds() + 600;
    let ada = signed(&json!({ "sub": "ada", "exp": exp }));
    let ada = Client::builder(address(&server)).credentials(&ada).connect().await.unwrap();
    let unsigned = |header: Value, claims: Value| {
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(header), part(claims))
    };
    let forged = EncodingKey::from_secret(b"another secret that is long enough, too");
    for token in [
        signed(&json!({ "sub": "ada", "exp": seconds() - 100 })),
        signed(&json!({ "sub": "ada", "exp": exp, "nbf": exp })),
        signed(&json!({ "sub": "ada", "exp": exp.to_string() })),
        signed(&json!({ "exp": exp })),
        encode(&Header::default(), &json!({ "sub": "ada", "exp": exp }), &forged).unwrap(),
        unsigned(json!({ "alg": "none" }), json!({ "sub": "ada", "exp": exp })),
        "garbage".to_owned(),
    ] {
        let error = Client::builder(address(&server)).credentials(&token).connect().await.unwrap_err();
        let ConnectError::Refused(error) = error else { panic!("{error}") };
        assert_eq!(error.code(), Some("unauthenticated"), "{token}");
        assert!(!error.to_string().contains(&token));
        let mut peer = Peer::open(&server).await;
        peer.say(&format!("40{}", json!({ "token": token }))).await;
        assert!(peer.text().await.contains(r#""code":"unauthenticated""#));
    }
    assert_eq!(ada.call::<String>("who", &()).await.unwrap(), "ada");
}
