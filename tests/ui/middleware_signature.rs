#![allow(unused)]

use jidda::prelude::*; use jidda::middleware::{Call, Next};

#[middleware]
async fn without_next(call: Call) -> Reply {
    todo!()
}

#[middleware]
fn not_async(call: Call, next: Next) -> Reply {
    todo!()
}

#[middleware]
async fn without_result(call: &Call) {}

fn main() {}
