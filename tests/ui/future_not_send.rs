#![allow(unused)]

use std::rc::Rc;

use jidda::prelude::*;

#[on]
async fn count(n: u32) -> u32 {
    let shared = Rc::new(n);
    tokio::task::yield_now().await;
    *shared
}

struct Counter;

#[namespace("/count")]
impl Counter {
    #[on]
    async fn count(&self, n: u32) -> u32 {
        let shared = Rc::new(n);
        tokio::task::yield_now().await;
        *shared
    }
}

fn main() {}
