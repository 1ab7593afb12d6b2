#![allow(unused)]

use jidda::prelude::*;

#[on("resize", blocking)]
async fn resize(image: Vec<u8>) -> Vec<u8> {
    image
}

fn main() {}
