#![allow(unused)]

use jidda::prelude::*; use jidda::middleware::{Call, Next};

struct Denied;

#[middleware]
async fn check(call: &Call) -> Result<(), Denied> {
    Ok(())
}

#[middleware]
async fn wrong_reply(call: Call, next: Next) -> u8 {
    0
}

#[middleware]
async fn wrong_way(next: Next, call: Call) -> Reply {
    next.run(call).await
}

fn main() {}
