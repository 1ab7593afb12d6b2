#![allow(unused)]

use jidda::prelude::*;

struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on]
    async fn post(&self, text: String) {}

    #[on("post")]
    async fn post_again(&self, text: String) {}
}

#[namespace("/other")]
mod other {
    use jidda::prelude::*;

    #[on]
    async fn post(text: String) {}

    #[on("post")]
    async fn post_again(text: String) {}
}

fn main() {}
