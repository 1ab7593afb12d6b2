#![allow(unused)]

use jidda::prelude::*;

#[namespace("/chat", side = client)]
trait ChatEvents {
    #[on]
    async fn posted(&self, text: String);

    async fn helper(&self);

    #[on]
    async fn with_body(&self) {}

    #[on(blocking)]
    fn blocks(&self);

    #[on]
    async fn no_receiver();

    #[on]
    async fn default(&self, #[serde(default)] page: u32);

    #[on]
    async fn itself(&self, other: Self);
}

fn main() {}
