#![allow(unused)]

use jidda::prelude::*;

struct Chat;

impl Chat {
    #[on]
    async fn post(&self, text: String) {}
}

fn main() {}
