#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on]
    async fn post(&self, text: String) {}
}

async fn caller() {
    let _ = double::call(&5, 21);
    let _ = ChatClient::new(5);
}

fn main() {}
