#![allow(unused)]

use jidda::prelude::*;

#[on("newListener")]
async fn listen() {}

#[on]
async fn connect_error() {}

#[on("$/cancel")]
async fn cancel() {}

#[on("")]
async fn nameless() {}

fn main() {}
