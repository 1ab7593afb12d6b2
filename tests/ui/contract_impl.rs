#![allow(unused)]

use jidda::prelude::*;

#[namespace("/chat", side = client)]
trait ChatEvents {
    #[on]
    async fn posted(&self, text: String);
}

struct Named;

#[namespace("/chat")]
impl ChatEvents for Named {
    #[on("posted", sequential)]
    async fn posted(&self, text: String) {}
}

fn main() {}
