#![allow(unused)]

use jidda::prelude::*;

/// The type of the stub would hide `str` here.
#[on]
async fn str(text: String) -> usize {
    text.len()
}

/// The type of the stub would hide the crate, which `serde::Serialize` is read from.
#[on("serde")]
async fn serde() {}

#[namespace("/b")]
mod numbers {
    #[jidda::on]
    fn u8() {}
}

fn main() {}
