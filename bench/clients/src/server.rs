//! The server that all clients have.

use anyhow::{Context, Result};
use jidda::prelude::*;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

#[on]
async fn echo(text: String) -> String {
    text
}

pub(crate) async fn serve() -> Result<()> {
    let server = jidda::Server::builder().listen("127.0.0.1:0").start().await?;
    let address = server.addresses()[0].to_string();
    println!("{}", address.trim_start_matches("tcp://"));
    // The standard input of a process ends with the one that started it.
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ended.await??;
    Ok(())
}

/// The server as a process, and its address.
pub(crate) async fn start() -> Result<(Child, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut output = child.stdout.take().context("it is piped")?;
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        line.push(output.read_u8().await.context("the server did not start")?);
    }
    // Nothing else is printed; the pipe stays open as long as the server.
    tokio::spawn(async move { output.read_u8().await.ok() });
    Ok((child, String::from_utf8(line)?.trim().to_owned()))
}
