#![allow(unused)]

use jidda::prelude::*;

struct Chat;

#[namespace("chat")]
impl Chat {
    #[on]
    async fn post(&self) {}
}

#[on(namespace = "/chat/")]
async fn slash() {}

#[on(namespace = "/orders/o{id}")]
async fn part() {}

struct Nowhere;

#[namespace]
impl Nowhere {}

#[namespace(side = client)]
trait Events {}

fn main() {
    let _ = ChatClient::<()>::handlers;
}
