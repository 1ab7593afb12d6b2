#![allow(unused)]

use jidda::prelude::*;

struct Chat {
    lines: u64,
}

#[namespace("/chat")]
impl Chat {
    #[on]
    async fn post(&mut self, text: String) {}

    #[on]
    async fn close(self) {}
}

fn main() {}
