#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn post(text: &str, tags: &[String], user: &mut User, any: &dyn ToString) {}

struct User;

fn main() {}
