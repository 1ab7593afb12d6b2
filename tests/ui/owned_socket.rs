#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn post(socket: Socket, db: State<u8>, text: String) {}

fn main() {}
