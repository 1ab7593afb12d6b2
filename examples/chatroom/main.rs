//! Shows one chat for a browser, a terminal and Python: the same handlers, the same rooms, the same port.
//!
//! `npm install --prefix examples/browser` once, for the page; `cargo run --example chatroom` then serves it at
//! <http://127.0.0.1:8005/>. `cargo run --example chatroom client ada` lets ada in from a terminal, and
//! `python3 examples/chatroom/client.py bob` bob (`pip install "python-socketio[client]"`). In both, `/go ROOM` goes to
//! another room and `/quit` ends.

// The contract is written as it would be in a crate of its own.
#![allow(unreachable_pub)]

mod client;
mod contract;
mod server;
#[path = "../browser/site.rs"]
mod site;

use jidda::Error;
use jidda::prelude::*;

const ADDRESS: &str = "127.0.0.1:8005";

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        // `server::Chatroom` implements `Default`, so it needs no mention.
        [] | ["server"] => {
            let server = Server::builder().listen(ADDRESS);
            Ok(server.http_fallback(site::page("chatroom")).socket_io(site::client).run()?)
        }
        ["client", name] => client::run(ADDRESS, name),
        ["client", name, address] => client::run(address, name),
        _ => Err(Error::new("usage", "write nothing, `client NAME` or `client NAME ADDRESS`")),
    }
}
