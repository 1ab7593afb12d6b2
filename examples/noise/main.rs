//! Shows a server and a client that know each other by their keys, and talk encrypted.
//!
//! `cargo run --example noise` runs both and ends. The keys are made by the first run, in the folder `target/noise-keys`;
//! `cargo run --example noise FOLDER` keeps them elsewhere. They are those that `cargo run --bin jidda-keys FILE`
//! makes, too.

use std::path::Path;
use std::time::Duration;

use jidda::Error;
use jidda::error::ConnectError;
use jidda::noise::{KeyPair, NoiseClient, NoiseServer, PublicKey};
use jidda::peer::{Handshake, Security};
use jidda::prelude::*;

/// What every connection has proved: which key is its own.
#[derive(Clone, FromConnection)]
struct Name(PublicKey);

/// Keeps the caller's key, for handlers that want to know who calls.
#[on("connect")]
async fn enter(socket: &Socket, handshake: &Handshake) -> jidda::Result<()> {
    let Some(Security::Noise { key }) = handshake.security else {
        return Err(Error::new("unprotected", "come by noise://"));
    };
    socket.insert(Name(PublicKey::try_from(key)?));
    Ok(())
}

#[on]
async fn who_am_i(name: &Name) -> String {
    name.0.to_string()
}

#[tokio::main]
async fn main() -> jidda::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/noise-keys".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let server_keys = KeyPair::from_file_or_generate(folder.join("server.key"))?;
    let client_keys = KeyPair::from_file_or_generate(folder.join("client.key"))?;
    println!("the server is {}", server_keys.public());
    println!("the client is {}", client_keys.public());

    // Only this client may come.
    let noise = NoiseServer::new(server_keys.clone()).clients([client_keys.public()]);
    let server = Server::builder().listen("noise://127.0.0.1:0").noise(noise).start().await?;
    let address = server.addresses()[0].to_string();
    println!("server: listening on {address}");

    // And only to this server it talks.
    let noise = NoiseClient::new(client_keys, server_keys.public());
    let client = Client::builder(&address).noise(noise).connect().await?;
    println!("client: the server knows me as {}", who_am_i::call(&client).await?);

    // Another key does not get in, and another server is not believed.
    for noise in [
        NoiseClient::new(KeyPair::generate(), server_keys.public()),
        NoiseClient::new(KeyPair::generate(), KeyPair::generate().public()),
    ] {
        match Client::builder(&address).noise(noise).no_reconnect().connect().await {
            Err(ConnectError::Io { source, .. }) => println!("stranger: {source}"),
            other => println!("stranger: {other:?}"),
        }
    }
    client.disconnect().await;
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
