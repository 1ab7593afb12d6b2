#![allow(unused)]

use jidda::prelude::*; use jidda::server::SockRef;

#[configure_socket]
async fn config(socket: &SockRef<'_>) -> std::io::Result<()> {
    Ok(())
}

#[configure_socket]
fn wrong(socket: &u8) -> std::io::Result<()> {
    Ok(())
}

fn main() {}
