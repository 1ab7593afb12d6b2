#![allow(unused)]

use jidda::prelude::*; use jidda::State;

#[on]
async fn post(socket: Socket, db: State<u8>, text: String) {}

fn main() {}
