#![allow(unused)]

use jidda::prelude::*;

struct Chat;

#[namespace("/chat")]
impl Chat {
    #[on]
    async fn post(&self, text: String) {}

    #[on("post")]
    async fn post_again(&self, text: String) {}

    #[on(allow = ["admin", "owner"])]
    async fn kick(&self, name: String) {}

    #[on("kick", allow = ["owner", "admin"])]
    async fn kick_again(&self, name: String) {}

    // One that differs in what it needs is another handler of the event.
    #[on("kick", allow = "moderator")]
    async fn kick_politely(&self, name: String) {}

    #[on("kick")]
    async fn complain(&self, name: String) {}
}

#[namespace("/other")]
mod other {
    use jidda::prelude::*;

    #[on]
    async fn post(text: String) {}

    #[on("post")]
    async fn post_again(text: String) {}
}

#[namespace("/contract")]
trait Contract {
    #[on("connect", allow = "guest")]
    async fn enter(&self);

    #[on("connect", allow = "guest")]
    async fn enter_again(&self);
}

fn main() {}
