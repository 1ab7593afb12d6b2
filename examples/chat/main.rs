//! Shows a chat with rooms, typed both ways: the two sides share only the contracts in `contract.rs`.
//!
//! `cargo run --example chat server` runs the server; `cargo run --example chat ada` lets ada in, in another
//! terminal. A line is posted to the room; `/go ROOM` goes to another one, `/who` tells who is there, `/quit` ends.

// The contract is written as it would be in a crate of its own.
#![allow(unreachable_pub)]

mod client;
mod contract;
mod server;

use jidda::Error;

const ADDRESS: &str = "127.0.0.1:8004";

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        // `server::Chatroom` implements `Default`, so it needs no mention.
        ["server"] => Ok(jidda::run!(ADDRESS)?),
        [name] => client::run(ADDRESS, name),
        [name, address] => client::run(address, name),
        _ => Err(Error::new("usage", "write `server`, a name, or a name and the server's address")),
    }
}
