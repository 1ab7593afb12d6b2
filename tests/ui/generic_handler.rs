#![allow(unused)]

use jidda::prelude::*;

#[on]
async fn echo<T: serde::Serialize>(value: T) -> T {
    value
}

#[on]
async fn lifetime<'a>(socket: &'a Socket) {}

#[on]
async fn print(value: impl std::fmt::Display) {}

struct Store<T>(T);

#[namespace("/store")]
impl<T> Store<T> {
    #[on]
    async fn get(&self) {}
}

fn main() {}
