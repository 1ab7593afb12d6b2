#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn load(name: String) -> std::io::Result<String> {
    std::fs::read_to_string(name)
}

fn main() {}
