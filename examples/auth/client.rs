//! A client: it asks for a token with its password, and comes with the token from then on.

use jidda::client::ConnectError;
use jidda::prelude::*;

#[tokio::main]
pub(crate) async fn run(address: &str, name: &str) -> jidda::Result<()> {
    let nobody = Client::connect(address).await?;
    match nobody.call::<usize>("post", &"who am I?").await {
        Ok(_) => println!("nobody may post"),
        Err(error) => println!("nobody may not post: {error}"),
    }

    let login = (name.to_owned(), name.chars().rev().collect::<String>());
    // Asked at each connection, and again before the token expires.
    let somebody = Client::builder(address).identity(name).credentials_with(move || {
        let (nobody, login) = (nobody.clone(), login.clone());
        async move { Ok(nobody.call::<String>("login", &login).await?) }
    });
    let somebody = somebody.connect().await?;
    let count: usize = somebody.call("post", &"hello, world").await?;
    println!("{name} posted number {count}");
    match somebody.call::<usize>("erase", &()).await {
        Ok(count) => println!("{name} erased {count}"),
        Err(error) => println!("{name} may not erase: {error}"),
    }

    let forged = format!("{}.{}.", "eyJhbGciOiJub25lIn0", "eyJzdWIiOiJib2IifQ");
    match Client::builder(address).credentials(&forged).connect().await {
        Ok(_) => println!("a forged token was taken"),
        Err(ConnectError::Refused(reason)) => println!("the server refused the connection: {reason}"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
