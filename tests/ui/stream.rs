#![allow(unused)]

use futures_util::stream;
use jidda::prelude::*; use jidda::stream::Stream;

#[on(blocking)]
fn blocks() -> impl Stream<Item = u32> {
    stream::iter(0..3)
}

#[on("connect")]
async fn enter() -> impl Stream<Item = u32> {
    stream::iter(0..3)
}

#[on("disconnect", namespace = "/other")]
async fn leave() -> Result<impl Stream<Item = u32>, u8> {
    Ok(stream::iter(0..3))
}

#[on]
async fn of_what() -> impl Stream {
    stream::iter(0..3)
}

#[on]
async fn lines() -> impl Stream<Item = &'static str> + use<> {
    stream::iter(["a"])
}

#[on]
async fn words(text: String) -> impl Stream<Item = &str> {
    stream::iter(["a"])
}

#[on(stream = u32)]
async fn twice() -> impl Stream<Item = u32> {
    stream::iter(0..3)
}

#[on(stream)]
async fn without_type() -> stream::Empty<u32> {
    stream::empty()
}

#[on(stream = u32)]
async fn no_stream() {}

#[namespace("/sensor", side = client)]
trait Sensor {
    #[on(stream = u32)]
    async fn samples(&self) -> stream::Empty<u32>;
}

fn main() {}
