#![allow(unused)]

use jidda::prelude::*;

struct Denied;

#[on]
async fn enter() -> Result<(), Denied> {
    Err(Denied)
}

fn main() {}
