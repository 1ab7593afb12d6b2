//! `#[cfg]` on handlers and on arguments holds for handler, stub and table alike.
#![deny(warnings)]
#![allow(unexpected_cfgs)]

use jidda::prelude::*;

#[on]
async fn free(#[cfg(absent)] a: Absent, #[cfg(not(absent))] b: u8, c: u8) -> u8 {
    b + c
}

#[on]
#[cfg(absent)]
async fn left_out(a: Absent) {}

pub struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on("connect")]
    #[cfg(absent)]
    async fn enter(&self, login: Absent) {}

    #[on]
    async fn post(&self, #[cfg(absent)] a: Absent, #[cfg(not(absent))] b: u8) -> u8 {
        b
    }

    #[on]
    #[cfg(absent)]
    async fn left_out(&self, a: Absent) {}

    #[on("either")]
    #[cfg(absent)]
    async fn one(&self) {}

    #[on("either")]
    #[cfg(not(absent))]
    async fn other(&self) {}
}

#[namespace("/chat", side = client)]
pub trait ChatEvents {
    #[on]
    async fn posted(&self, #[cfg(absent)] a: Absent, b: u8);

    #[on]
    #[cfg(absent)]
    async fn left_out(&self);
}

pub struct Events;

#[namespace]
impl ChatEvents for Events {
    async fn posted(&self, #[cfg(absent)] a: Absent, b: u8) {
        let _ = b;
    }

    #[cfg(absent)]
    async fn left_out(&self) {}
}

#[namespace("/module")]
pub mod module {
    use jidda::prelude::*;

    #[on]
    #[cfg(absent)]
    async fn left_out(a: Absent) {}

    #[on]
    async fn there(#[cfg(absent)] a: Absent, b: u8) -> u8 {
        b
    }
}

#[middleware]
#[cfg(absent)]
async fn log(call: Absent, next: Next) -> Reply {}

async fn caller(client: &Client) {
    let _: u8 = free::call(client, 1, 2).await.unwrap();
    let chat = ChatClient::connect(client).await.unwrap();
    let _: u8 = chat.post(1).await.unwrap();
    chat.other().await.unwrap();
    ChatEventsClient::new(client).posted(1).await.unwrap();
    let _: u8 = module::Client::new(client).there(1).await.unwrap();
}

pub fn main() {
    let _ = caller;
    assert_eq!(ChatClient::handlers().len(), 2);
    assert_eq!(module::Client::handlers().len(), 1);
    assert_eq!(ChatEventsClient::handlers::<Events>()[0].arguments().len(), 1);
}
