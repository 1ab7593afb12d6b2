#![allow(unused)]

use jidda::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct QueryResult {
    rows: u64,
}

#[on]
async fn query() -> QueryResult {
    QueryResult { rows: 0 }
}

fn main() {}
