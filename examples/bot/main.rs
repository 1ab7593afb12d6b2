//! Shows a bot in a chat that Node's Socket.IO serves: it greets whoever says `bot`, and leaves when somebody says `bye`.
//!
//! `node examples/bot/chat.js` serves the chat. `cargo run --example bot` lets the bot in, `cargo run --example bot
//! blocking` does so without `async`; `bot URL` and `bot blocking URL` go to a chat elsewhere.

use jidda::prelude::*;
use jidda::{Error, blocking};

const CHAT: &str = "http://127.0.0.1:3000";

#[on("user message", side = client)]
async fn hear(socket: &Socket, from: String, text: String) -> jidda::Result<()> {
    println!("{from}: {text}");
    if text.contains("bot") {
        socket.emit("user message", &format!("hello {from}")).await?;
    }
    if text == "bye" {
        socket.disconnect();
    }
    Ok(())
}

#[on(side = client)]
async fn announcement(text: String) {
    println!("* {text}");
}

#[tokio::main]
async fn chat(url: &str) -> jidda::Result<()> {
    let client = Client::connect(url).await?;
    let is_taken: bool = client.call("nickname", &"bot").await?;
    println!("{}", if is_taken { "there is a bot already" } else { "the bot is in the chat" });
    println!("the bot is out: {}", client.closed().await);
    Ok(())
}

fn chat_blocking(url: &str) -> jidda::Result<()> {
    let client = blocking::Client::connect(url)?;
    let is_taken: bool = client.call("nickname", &"bot").wait()?;
    println!("{}", if is_taken { "there is a bot already" } else { "the bot is in the chat" });
    println!("the bot is out: {}", client.wait(client.as_async().closed()));
    Ok(())
}

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => chat(CHAT),
        ["blocking"] => chat_blocking(CHAT),
        ["blocking", url] => chat_blocking(url),
        [url] => chat(url),
        _ => Err(Error::new("usage", "usage: bot [blocking] [URL]")),
    }
}
