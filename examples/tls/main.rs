//! Shows a server and a client that talk over TLS, and prove to each other who they are.
//!
//! `cargo run --example tls` runs both and ends; so does `tls FOLDER`, which keeps the certificates in that folder
//! instead of `target/tls`. What is missing there is made: an authority, a certificate of the server, one of the client.
//!
//! `tls server` runs only the server, until Ctrl-C, at `tls://127.0.0.1:8443` or where `JIDDA_LISTEN` says;
//! `tls client ADDRESS` then talks to it from another terminal. Both take a folder behind that. With
//! `tls server --mutual` only clients with a certificate of the authority come in; `tls client` has one.
//!
//! Browsers share the port: `curl --cacert target/tls/authority.pem 'https://localhost:8443/socket.io/?EIO=4&transport=polling'`.

mod certificates;

use std::path::{Path, PathBuf};
use std::time::Duration;

use certificates::Folder;
use jidda::Error;
use jidda::peer::{Handshake, Security};
use jidda::prelude::*;
use jidda::tls::{TlsClient, TlsServer};

const ADDRESS: &str = "tls://127.0.0.1:8443";

/// Says how the caller is protected, and whether it proved who it is.
#[on]
async fn who_am_i(handshake: &Handshake) -> String {
    match &handshake.security {
        Some(Security::Tls { certificates }) if certificates.is_empty() => "somebody, in TLS".to_owned(),
        Some(Security::Tls { certificates }) => {
            format!("one with a certificate of {} bytes, in TLS", certificates[0].len())
        }
        _ => "somebody, for all to hear".to_owned(),
    }
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let folder = |rest: &[&str]| rest.first().map_or_else(|| PathBuf::from("target/tls"), PathBuf::from);
    match arguments.as_slice() {
        ["server", "--mutual", rest @ ..] => serve(&folder(rest), true),
        ["server", rest @ ..] => serve(&folder(rest), false),
        ["client", address, rest @ ..] => client(address, &folder(rest)),
        rest @ ([] | [_]) => both(&folder(rest)),
        _ => {
            let usage = "write nothing, FOLDER, `server [--mutual] [FOLDER]` or `client ADDRESS [FOLDER]`";
            Err(Error::new("usage", usage))
        }
    }
}

/// The server's side. The files are read again when they change: no restart is needed for a new certificate.
fn server(folder: &Folder, is_mutual: bool) -> jidda::Result<TlsServer> {
    let tls = TlsServer::from_pem_files(folder.file("server.pem"), folder.file("server.key"))?;
    let tls = tls.client_certificates_file(folder.file("authority.pem"))?;
    Ok(if is_mutual { tls } else { tls.optional_client_certificates()? })
}

fn serve(folder: &Path, is_mutual: bool) -> jidda::Result<()> {
    let tls = server(&Folder::open(folder)?, is_mutual)?;
    Ok(Server::builder().listen(ADDRESS).tls(tls).run()?)
}

#[tokio::main]
async fn client(address: &str, folder: &Path) -> jidda::Result<()> {
    introduce(address, &Folder::open(folder)?).await
}

#[tokio::main]
async fn both(folder: &Path) -> jidda::Result<()> {
    let folder = Folder::open(folder)?;
    let server = Server::builder().listen("tls://127.0.0.1:0").tls(server(&folder, true)?).start().await?;
    let address = server.addresses()[0].to_string();
    println!("server: listening on {address}, for those who have a certificate");
    introduce(&address, &folder).await?;
    // Whoever shows none, or does not know the authority, gets no further than the handshake.
    let nobody = TlsClient::new().root_certificate_file(folder.file("authority.pem"))?;
    for tls in [nobody, TlsClient::new()] {
        match Client::builder(&address).tls(tls).no_reconnect().connect().await {
            Ok(_) => println!("client: this should not have happened"),
            Err(error) => println!("client: {}", jidda::Error::from(error)),
        }
    }
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

/// A client that knows the authority, and shows a certificate of it.
async fn introduce(address: &str, folder: &Folder) -> jidda::Result<()> {
    let tls = TlsClient::new()
        .root_certificate_file(folder.file("authority.pem"))?
        .client_certificate_files(folder.file("client.pem"), folder.file("client.key"))?;
    let client = Client::builder(address).tls(tls).connect().await?;
    println!("client: for the server I am {}", who_am_i::call(&client).await?);
    Ok(())
}
