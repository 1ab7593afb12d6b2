#![allow(unused)]

use jidda::prelude::*;

#[namespace("/chat")]
trait Chat {
    #[on]
    async fn post(&self, socket: &Socket, text: String) -> u64;
}

/// It borrows, which is its own affair, but takes something else from the message.
#[namespace("/board")]
trait Board {
    #[on]
    async fn add(&self, task: String) -> u64;
}

struct Service;

#[namespace]
impl Board for Service {
    async fn add(&self, socket: &Socket, task: u32) -> u64 {
        1
    }
}

fn main() {}
