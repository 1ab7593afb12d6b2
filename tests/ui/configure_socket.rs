#![allow(unused)]

use jidda::prelude::*;

#[configure_socket]
async fn config(socket: &SockRef<'_>) -> std::io::Result<()> {
    Ok(())
}

#[configure_socket]
fn wrong(socket: &u8) -> std::io::Result<()> {
    Ok(())
}

fn main() {}
