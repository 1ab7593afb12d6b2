#![allow(unused)]

use jidda::prelude::*;

#[on("connect")]
async fn enter(name: String, password: String) {}

#[on("disconnect")]
async fn leave(reason: DisconnectReason, text: String) {}

fn main() {}
