#![allow(unused)]

use jidda::prelude::*;

#[derive(FromConnection)]
struct NotClone(String);

#[derive(Clone, FromConnection)]
struct Borrows<'a>(&'a str);

fn main() {}
