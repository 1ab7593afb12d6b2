//! The client's side: a terminal.

use std::io::BufRead;

use jidda::prelude::*;
use tokio::sync::mpsc;

use crate::contract::{ChatClient, ChatError, ChatEvents, Line, Login};

/// Prints what the server tells.
struct Screen;

#[namespace]
impl ChatEvents for Screen {
    async fn posted(&self, line: Line) {
        println!("{} {}: {}", line.number, line.from, line.text);
    }

    async fn came(&self, name: String) {
        println!("* {name} came");
    }

    async fn left(&self, name: String, why: String) {
        println!("* {name} left: {why}");
    }
}

#[tokio::main]
pub async fn run(address: &str, name: &str) -> jidda::Result<()> {
    let client = Client::builder(address).service(Screen).connect().await?;
    let chat = ChatClient::connect(&client, Login { name: name.into() }).await?;
    println!("* you are in, with {}", chat.who().await?.join(", "));
    let mut lines = typed_lines();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            reason = chat.call_target().closed() => {
                println!("* the server let you go: {reason}");
                return Ok(());
            }
        };
        match line.as_deref().map(str::trim) {
            None | Some("/quit") => break,
            Some("") => {}
            Some("/who") => println!("* here: {}", chat.who().await?.join(", ")),
            Some(text) => match text.strip_prefix("/go ") {
                Some(room) => {
                    chat.go(room.trim().to_owned()).await?;
                    println!("* you are in {}", room.trim());
                }
                None => post(&chat, text).await?,
            },
        }
    }
    client.disconnect().await;
    Ok(())
}

/// Posts a line, and tells in words why it was refused: the server's own error comes back as its type.
async fn post(chat: &ChatClient<Socket>, text: &str) -> jidda::Result<()> {
    match chat.post(text.to_owned()).await {
        Ok(number) => println!("{number} you: {text}"),
        Err(CallError::App(ChatError::TooLong { limit })) => println!("* at most {limit} letters, please"),
        Err(CallError::App(ChatError::Empty)) => println!("* there is nothing to post"),
        Err(error) if error.is_disconnected() => println!("* not posted: {error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The lines typed at the terminal. A thread of its own reads them, so that the program can end while it waits.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (send, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
