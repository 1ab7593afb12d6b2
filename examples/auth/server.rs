//! The server: it takes tokens, and hands them out to those who have a password.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jidda::auth::{Identity, Jwt};
use jidda::prelude::*;
use jidda::{Error, State};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

/// How long a token lasts; whoever is connected shows a newer one before that.
const LASTS: Duration = Duration::from_secs(3600);

/// What signs the tokens. It never leaves the server.
struct Secret([u8; 32]);

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    aud: &'static str,
    exp: u64,
    roles: &'static [&'static str],
}

/// For everybody: a token for a password. Peers without a token are let in for this.
#[on]
async fn login(secret: &State<Secret>, user: String, password: String) -> jidda::Result<String> {
    // A real server keeps slow hashes of passwords, and compares in constant time.
    if password.is_empty() || !password.chars().eq(user.chars().rev()) {
        return Err(Error::new("unauthenticated", "user or password is wrong"));
    }
    let until = SystemTime::now() + LASTS;
    let claims = Claims {
        sub: &user,
        aud: "news",
        exp: until.duration_since(UNIX_EPOCH)?.as_secs(),
        roles: if user == "bob" { &["admin"] } else { &[] },
    };
    Ok(encode(&Header::default(), &claims, &EncodingKey::from_secret(&secret.0))?)
}

#[derive(Default)]
struct News(Mutex<Vec<String>>);

/// For everybody with an identity.
#[on]
async fn post(identity: &Identity, news: &State<News>, text: String) -> jidda::Result<usize> {
    let mut news = news.0.lock().map_err(|_| Error::new("busy", "the press is broken"))?;
    news.push(format!("{identity}: {text}"));
    Ok(news.len())
}

/// For admins.
#[on(allow = "admin")]
async fn erase(news: &State<News>) -> jidda::Result<usize> {
    let mut news = news.0.lock().map_err(|_| Error::new("busy", "the press is broken"))?;
    Ok(news.drain(..).count())
}

pub(crate) fn run(address: &str) -> jidda::Result<()> {
    // Of this run only: no token outlives the server. Servers that share their tokens share a secret from a file.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let tokens = Jwt::hs256(&secret)?.audience("news").permissions_from("roles");
    Server::builder()
        .listen(address)
        .authenticator(tokens)
        .allow_anonymous()
        .state(Secret(secret))
        .state(News::default())
        .run()?;
    Ok(())
}
