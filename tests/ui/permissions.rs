#![allow(unused)]

use jidda::prelude::*;

enum Role {
    Admin,
}

#[on(allow = Role::Admin)]
async fn kick() {}

#[on(allow = 5)]
async fn ban() {}

fn main() {}
