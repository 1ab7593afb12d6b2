//! Handlers of its own and of the crates it links.

use jidda::prelude::*;

#[on]
async fn here() -> &'static str {
    "here"
}

fn main() -> Result<(), jidda::StartError> {
    jidda::run!("127.0.0.1:0", link = [greeting])
}
