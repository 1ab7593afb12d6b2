//! Shows a server that calls a client by its name: it asks alice to draw a sheep.
//!
//! `cargo run --example sheep` runs the server and two artists and ends. `sheep server` runs only the server,
//! `sheep artist NAME` one artist; `sheep wish NAME` has the server ask that artist.

use jidda::prelude::*;
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
#[derive(Debug, Serialize, Deserialize)]
enum NoDrawing {
    NobodyOfThatName,
    NotInTime,
}

// ---- the server ----

/// A peer says who it is. A real server would ask for a proof.
#[on]
async fn my_name_is(socket: &Socket, name: String) -> jidda::Result<()> {
    socket.identify(&*name)
}

/// Has an artist draw a sheep.
#[on]
async fn wish(server: &Server, artist: String, size: Option<Size>) -> Result<String, NoDrawing> {
    let easel = server.user(&artist);
    if easel.count() == 0 {
        return Err(NoDrawing::NobodyOfThatName);
    }
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
        ["server"] => jidda::run!(ADDRESS),
        ["artist", name] => stay(name),
        ["wish", name] => ask(name),
        _ => Err(Error::new("usage", "write nothing, `server`, `artist NAME` or `wish NAME`")),
    }
}

#[tokio::main]
async fn all() -> jidda::Result<()> {
    let server = Server::builder().listen("127.0.0.1:0").start().await?;
    let address = server.addresses()[0].to_string();
    let alice = artist(&address, "alice").await?;
    let _bob = artist(&address, "bob").await?;
    println!("{}", wish::call(&alice, "alice".into(), Some(Size::Large)).await?);
    println!("{}", wish::call(&alice, "bob".into(), None).await?);
    match wish::call(&alice, "carol".into(), None).await {
        Err(CallError::App(NoDrawing::NobodyOfThatName)) => println!("there is no carol"),
        other => println!("this was not expected: {other:?}"),
    }
    Ok(())
}

#[tokio::main]
async fn stay(name: &str) -> jidda::Result<()> {
    let client = artist(ADDRESS, name).await?;
    println!("{name}: ready");
    println!("{name}: {}", client.closed().await);
    Ok(())
}

#[tokio::main]
async fn ask(name: &str) -> jidda::Result<()> {
    let client = Client::connect(ADDRESS).await?;
    println!("{}", wish::call(&client, name.to_owned(), None).await?);
    Ok(())
}
