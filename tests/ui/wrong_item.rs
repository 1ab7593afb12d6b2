#![allow(unused)]

use jidda::prelude::*;

#[on]
struct Post;

#[namespace("/chat")]
struct Chat;

#[middleware]
struct Logger;

#[configure_socket]
struct Hook;

fn main() {}
