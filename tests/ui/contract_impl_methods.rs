#![allow(unused)]

use jidda::prelude::*;

#[namespace("/chat", side = client)]
trait ChatEvents {
    #[on]
    async fn posted(&self, text: String);
}

struct Surplus;

#[namespace]
impl ChatEvents for Surplus {
    async fn posted(&self, text: String) {}
    async fn surplus(&self) {}
}

fn main() {}
