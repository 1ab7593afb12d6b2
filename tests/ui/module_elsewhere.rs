#![allow(unused)]

use jidda::prelude::*;

#[namespace("/chat")]
mod elsewhere;

fn main() {}
