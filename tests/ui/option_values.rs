#![allow(unused)]

use jidda::prelude::*; use jidda::middleware::{Call, Next};

#[on("a", timeout = "5 seconds")]
async fn bad_unit() {}

#[on("b", timeout = 5)]
async fn no_string() {}

#[on("c", side = both)]
async fn no_side() {}

#[on("d", sequential = true)]
async fn flag_with_value() {}

#[on("e", allow)]
async fn without_value() {}

#[on("h", allow = [])]
async fn nobody() {}

#[on("i", allow = ["admin", admin])]
async fn no_strings() {}

#[on("j", allow = ["admin", "", "admin"])]
async fn no_name_and_twice() {}

#[on("k", allow = 5)]
async fn no_permission() {}

#[on("f" "g")]
async fn two_names() {}

#[middleware(order = "first")]
async fn log(call: Call, next: Next) -> Reply {
    next.run(call).await
}

fn main() {}
