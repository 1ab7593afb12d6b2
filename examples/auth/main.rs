//! Shows who may do what: a password buys a token, the token names its bearer and its roles, and a role opens a handler.
//!
//! `cargo run --example auth server` runs the server; `cargo run --example auth ada`, in another terminal, logs in as ada,
//! posts something and is not let near the eraser. `bob` is: he is an admin. Everyone's password is their name, backwards.

mod client;
mod server;

use jidda::Error;

const ADDRESS: &str = "127.0.0.1:8010";

fn main() -> jidda::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["server"] => server::run(ADDRESS),
        [name] => client::run(ADDRESS, name),
        [name, address] => client::run(address, name),
        _ => Err(Error::new("usage", "write `server`, a name, or a name and the server's address")),
    }
}
