#![allow(unused)]

use jidda::prelude::*;

#[on("kick", allow = "admin", sequential, allow = "owner")]
async fn kick(name: String) {}

fn main() {}
