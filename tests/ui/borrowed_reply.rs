#![allow(unused)]

use jidda::prelude::*;

struct Chat {
    motto: String,
}

#[namespace("/chat")]
impl Chat {
    #[on]
    async fn motto(&self) -> &str {
        &self.motto
    }

    #[on]
    async fn hidden(&self) -> impl serde::Serialize {
        1
    }
}

fn main() {}
