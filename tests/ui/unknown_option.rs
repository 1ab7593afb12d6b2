#![allow(unused)]

use jidda::prelude::*; use jidda::middleware::{Call, Next};

#[on("kick", alow = "admin")]
async fn kick(name: String) {}

#[middleware(priority = 1)]
async fn log(call: Call, next: Next) -> Reply {
    next.run(call).await
}

fn main() {
    let _ = kick::call::<Client>;
}
