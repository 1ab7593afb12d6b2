//! Shows a server that calls a client by its name: it asks alice to draw a sheep, and waits for carol, who comes later.
//!
//! `cargo run --example sheep` runs the server and its artists and ends. `sheep server` runs only the server,
//! `sheep artist NAME` one artist; `sheep wish NAME` has the server ask that artist, and `sheep who` tells who is here.
//! Each of these three takes the server's address as well, if it is another one.

use std::time::Duration;

use jidda::Error;
use jidda::prelude::*;
use jidda::presence::PresenceEvent;
use serde::{Deserialize, Serialize};

const ADDRESS: &str = "127.0.0.1:8002";

/// What the server may ask of an artist. A program of two crates has this in a third one that both use.
#[namespace("/", side = client)]
trait Artist {
    /// Draws a sheep.
    #[on("draw.me.a.sheep")]
    async fn sheep(&self, size: Size) -> String;
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Size {
    Small,
    Large,
}

/// Why there is no drawing. Both sides have it as this type.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
enum NoDrawing {
    #[error("nobody of that name is online")]
    NobodyOfThatName,
    #[error("there was no drawing in time")]
    NotInTime,
}

// ---- the server ----

/// A peer says who it is. A real server would ask for a proof.
#[on]
async fn my_name_is(socket: &Socket, name: String) -> jidda::Result<()> {
    Ok(socket.identify(&*name)?)
}

/// Tells who is here, each once.
#[on]
async fn who_is_here(server: &Server) -> Vec<String> {
    server.presence().names().iter().map(ToString::to_string).collect()
}

/// Has an artist draw a sheep. One who is not here is waited for, as many seconds as the caller says.
#[on]
async fn wish(
    server: &Server,
    artist: String,
    size: Option<Size>,
    patience: Option<u64>,
) -> Result<String, NoDrawing> {
    let patience = Duration::from_secs(patience.unwrap_or(0));
    let easel = server.user(&artist).wait_online(patience).await.map_err(|_| NoDrawing::NobodyOfThatName)?;
    let size = size.unwrap_or(Size::Small);
    // An artist may be connected more than once: each is asked, and the first who answers is taken.
    let replies = ArtistClient::new(easel).sheep(size).timeout(Duration::from_secs(5)).await;
    let drawings = replies.unwrap_or_default().into_iter().filter_map(|(_, reply)| reply.ok());
    drawings.into_iter().next().ok_or(NoDrawing::NotInTime)
}

// ---- the artist ----

struct Painter {
    name: String,
}

#[namespace]
impl Artist for Painter {
    async fn sheep(&self, size: Size) -> String {
        println!("{}: a sheep, {size:?}", self.name);
        let wool = match size {
            Size::Small => "@@",
            Size::Large => "@@@@@@",
        };
        format!("{wool}o>  by {}", self.name)
    }
}

async fn artist(address: &str, name: &str) -> jidda::Result<Client> {
    let client = Client::builder(address).service(Painter { name: name.into() }).connect().await?;
    my_name_is::call(&client, name.to_owned()).await?;
    Ok(client)
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => all(),
        ["server"] => Ok(jidda::run!(ADDRESS)?),
        ["artist", name] => stay(name, ADDRESS),
        ["artist", name, address] => stay(name, address),
        ["wish", name] => ask(name, ADDRESS),
        ["wish", name, address] => ask(name, address),
        ["who"] => who(ADDRESS),
        ["who", address] => who(address),
        _ => Err(Error::new("usage", "write nothing, `server`, `artist NAME`, `wish NAME` or `who`")),
    }
}

#[tokio::main]
async fn all() -> jidda::Result<()> {
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    let address = server.addresses()[0].to_string();
    let mut changes = server.presence().changes();
    let alice = artist(&address, "alice").await?;
    let bob = artist(&address, "bob").await?;
    println!("{}", wish::call(&alice, "alice", Some(Size::Large), None).await?);
    println!("{}", wish::call(&alice, "bob", None, None).await?);
    match wish::call(&alice, "carol", None, None).await {
        Err(CallError::App(NoDrawing::NobodyOfThatName)) => println!("there is no carol"),
        other => println!("this was not expected: {other:?}"),
    }
    // Wished for before she is here, and drawn when she comes.
    let (drawing, carol) =
        tokio::join!(wish::call(&alice, "carol", None, Some(60)), artist(&address, "carol"));
    println!("{}", drawing?);
    let _carol = carol?;
    bob.disconnect().await;
    loop {
        match changes.next().await {
            Some(PresenceEvent::Joined(name)) => println!("{name} came"),
            Some(PresenceEvent::Left(name)) => {
                println!("{name} left");
                break;
            }
            _ => break,
        }
    }
    println!("here: {}", who_is_here::call(&alice).await?.join(", "));
    Ok(())
}

#[tokio::main]
async fn stay(name: &str, address: &str) -> jidda::Result<()> {
    let client = artist(address, name).await?;
    println!("{name}: ready");
    println!("{name}: {}", client.closed().await);
    Ok(())
}

#[tokio::main]
async fn ask(name: &str, address: &str) -> jidda::Result<()> {
    let client = Client::connect(address).await?;
    println!("{}", wish::call(&client, name.to_owned(), None, Some(60)).await?);
    Ok(())
}

#[tokio::main]
async fn who(address: &str) -> jidda::Result<()> {
    let client = Client::connect(address).await?;
    println!("here: {}", who_is_here::call(&client).await?.join(", "));
    Ok(())
}
