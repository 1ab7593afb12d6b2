#![allow(unused)]

use jidda::prelude::*;

#[derive(serde::Deserialize)]
struct Login {
    name: String,
}

#[on]
async fn enter(login: &Login) {}

#[on("resize", blocking)]
fn resize(login: &Login) {}

fn main() {}
