#![allow(unused)]

use jidda::prelude::*;

struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on(namespace = "/other")]
    async fn post(&self) {}

    #[on]
    #[on("second")]
    async fn twice(&self) {}

    #[on]
    async fn new(&self) {}
}

fn main() {}
