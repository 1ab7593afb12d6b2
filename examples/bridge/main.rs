//! Shows a gateway before a server of Node's Socket.IO: native clients call its handlers and hear its events through
//! jidda.
//!
//! `node examples/bot/chat.js` serves a chat. `cargo run --example bridge` is the gateway before it, or `bridge URL` before
//! one elsewhere. `cargo run --example bridge client` is a native client of the gateway, or `bridge client ADDRESS` of
//! another one; it ends when somebody in the chat says `bye`.

use std::sync::{Arc, OnceLock};

use jidda::handler::{EventName, RawArguments};
use jidda::prelude::*;
use jidda::server::Proxy;
use jidda::{Error, State};

const CHAT: &str = "http://127.0.0.1:3000";
const GATEWAY: &str = "127.0.0.1:8020";

/// The handlers of the gateway.
struct Gateway;

/// The gateway's own server: it starts after the client that it hands events to.
type Native = Arc<OnceLock<Server>>;

/// Whatever the chat sends goes to every native client.
#[on("*", side = client, app = Gateway)]
async fn pass_on(event: &EventName, arguments: RawArguments, native: &State<Native>) -> jidda::Result<()> {
    if let Some(native) = native.get() {
        native.emit(event, &arguments).await?;
    }
    Ok(())
}

/// Whatever native clients send goes to the chat, which sees the gateway as one of its clients.
async fn serve(chat: &str, address: &str) -> jidda::Result<()> {
    let native = Native::default();
    let chat = Client::builder(chat).app::<Gateway>().state(Arc::clone(&native)).connect().await?;
    let taken: bool = chat.call("nickname", &"gateway").await?;
    if taken {
        return Err(Error::new("name_taken", "there is a gateway already"));
    }
    let proxy = Proxy::to(&chat).namespace("/");
    let server = Server::builder().app::<Gateway>().proxy(proxy).listen(address).start().await?;
    println!("the gateway listens on {}", server.addresses()[0]);
    native.set(server).ok();
    println!("the chat is over: {}", chat.closed().await);
    Ok(())
}

/// The handlers of a native client.
struct Screen;

#[on("user message", side = client, app = Screen)]
async fn hear(socket: &Socket, from: String, text: String) {
    println!("{from}: {text}");
    if text == "bye" {
        socket.disconnect();
    }
}

async fn talk(gateway: &str) -> jidda::Result<()> {
    let client = Client::builder(gateway).app::<Screen>().connect().await?;
    let names: Vec<String> = client.call("who", &()).await?;
    println!("in the chat: {}", names.join(", "));
    client.emit("user message", &"hello from a native client").await?;
    println!("left: {}", client.closed().await);
    Ok(())
}

#[tokio::main]
async fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => serve(CHAT, GATEWAY).await,
        ["client"] => talk(GATEWAY).await,
        ["client", address] => talk(address).await,
        [chat] => serve(chat, GATEWAY).await,
        [chat, address] => serve(chat, address).await,
        _ => Err(Error::new("usage", "usage: bridge [URL [ADDRESS] | client [ADDRESS]]")),
    }
}
