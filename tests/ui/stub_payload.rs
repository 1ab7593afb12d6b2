#![allow(unused)]

use jidda::prelude::*;

// Enough for the handler, not for its caller.
#[derive(serde::Deserialize)]
struct Login {
    name: String,
}

#[derive(serde::Serialize)]
struct Report;

#[on]
async fn enter(login: Login) {}

#[on]
async fn report() -> Report {
    Report
}

async fn caller(client: &Client) {
    let _ = enter::call(client, Login { name: String::new() }).await;
    let _ = report::call(client).await;
    let _ = enter::call(&5, Login { name: String::new() });
}

fn main() {}
