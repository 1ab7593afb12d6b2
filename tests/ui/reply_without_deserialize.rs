#![allow(unused)]

use jidda::prelude::*;

// Enough for the handler, not for its caller.
#[derive(serde::Serialize)]
struct Report;

#[on]
async fn report() -> Report {
    Report
}

async fn caller(client: &Client) {
    let _ = report::call(client).await;
}

fn main() {}
