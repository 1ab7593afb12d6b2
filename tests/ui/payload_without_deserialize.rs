#![allow(unused)]

use jidda::prelude::*;

struct Login {
    name: String,
}

#[on]
async fn enter(login: Login) {}

#[on]
async fn enter_all(logins: Vec<Login>) {}

fn main() {}
