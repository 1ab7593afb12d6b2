#![allow(unused)]

use jidda::prelude::*;

#[namespace("/chat", side = client)]
trait ChatEvents {
    #[on]
    async fn posted(&self, text: String);
}

struct Forgotten;

impl ChatEvents for Forgotten {
    async fn posted(&self, text: String) {}
}

fn main() {}
