#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn greet(name: String, times: u32) {}

async fn caller(client: &Client) {
    let _ = greet::call(client, 5, 1).await;
    let _ = greet::call(client, "ada", "twice").await;
}

fn main() {}
