#![allow(unused)]

use std::rc::Rc;

use futures_util::stream::{self, StreamExt};
use jidda::prelude::*; use jidda::stream::Stream;

struct Sample(u32);

/// Its items cannot be written.
#[on]
async fn samples() -> impl Stream<Item = Sample> {
    stream::iter([Sample(1)])
}

/// It cannot go to another thread.
#[on]
async fn shared(n: u32) -> impl Stream<Item = u32> {
    let shared = Rc::new(n);
    stream::iter(0..n).map(move |n| n + *shared)
}

/// It has two kinds of errors.
#[on]
async fn errors() -> Result<impl Stream<Item = Result<u32, String>>, u8> {
    Ok(stream::iter([Ok(1)]))
}

fn main() {}
