#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn list(#[serde(rename = "p")] page: u32, #[serde(default)] socket: &Socket) {}

#[on]
async fn many(
    #[cfg(a)] a: u8,
    #[cfg(b)] b: u8,
    #[cfg(c)] c: u8,
    #[cfg(d)] d: u8,
) {
}

fn main() {}
