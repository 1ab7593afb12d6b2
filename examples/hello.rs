//! Shows a server and a client that greet each other, with a logger around every event.
//!
//! `cargo run --example hello` runs both and ends. `cargo run --example hello server` runs only the server, until
//! Ctrl-C; `cargo run --example hello client` then talks to it from another terminal, or `hello client ADDRESS` to one
//! that listens elsewhere.

use std::time::Duration;

use jidda::Error;
use jidda::middleware::{Call, Next};
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::server::SockRef;
use serde::Serialize;

const ADDRESS: &str = "127.0.0.1:8000";

#[derive(Serialize)]
struct Hello {
    msg: String,
}

/// Greets whoever comes, and prints what it answers.
#[on("connect")]
async fn respond_connect(socket: &Socket) -> jidda::Result<()> {
    socket.send(&Hello { msg: "Hello World!".into() }).await?;
    let datum: Value = socket.recv().await?;
    println!("server: the client answered {datum}");
    Ok(())
}

/// Doubles a number.
#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

#[middleware]
async fn logger(call: Call, next: Next) -> Reply {
    println!("[{}] {} {}", call.time(), call.peer(), call.event());
    next.run(call).await
}

#[configure_socket]
fn config(socket: &SockRef<'_>) -> std::io::Result<()> {
    // So that a peer whose machine is gone is found out even if nothing is sent to it.
    socket.set_keepalive(true)
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => both(),
        ["server"] => Ok(jidda::run!(ADDRESS)?),
        ["client"] => client(ADDRESS),
        ["client", address] => client(address),
        _ => Err(Error::new("usage", "write nothing, `server`, `client` or `client ADDRESS`")),
    }
}

#[tokio::main]
async fn both() -> jidda::Result<()> {
    // Port 0: the system chooses a free one.
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    let address = server.addresses()[0].to_string();
    println!("server: listening on {address}");
    greet(&address).await?;
    server.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::main]
async fn client(address: &str) -> jidda::Result<()> {
    greet(address).await
}

/// The client: answers the greeting with its entries turned round, and has a number doubled.
async fn greet(address: &str) -> jidda::Result<()> {
    let client = Client::connect(address).await?;
    let greeting: Value = client.recv().await?;
    println!("client: the server said {greeting}");
    client.send(&inverted(greeting)).await?;
    println!("client: twice 21 is {}", double::call(&client, 21).await?);
    Ok(())
}

fn inverted(value: Value) -> Value {
    match value {
        Value::Map(entries) => Value::Map(entries.into_iter().map(|(key, value)| (value, key)).collect()),
        other => other,
    }
}
