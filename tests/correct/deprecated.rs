//! A deprecated handler warns its callers, not the one who wrote it.
#![deny(warnings)]
#![deny(deprecated)]

use jidda::prelude::*;

/// The old one.
#[deprecated = "use `new_one`"]
#[on]
async fn old_one(n: u8) -> u8 {
    n
}

pub struct Chat;

#[namespace("/chat")]
impl Chat {
    #[deprecated]
    #[on]
    async fn old(&self, n: u8) -> u8 {
        n
    }
}

#[namespace("/chat", side = client)]
pub trait ChatEvents {
    #[deprecated(since = "0.1.0", note = "nobody posts")]
    #[on]
    async fn posted(&self);
}

pub struct Events;

#[namespace]
impl ChatEvents for Events {
    async fn posted(&self) {}
}

pub fn main() {
    assert!(ChatClient::handlers()[0].is_deprecated());
    assert!(ChatEventsClient::handlers::<Events>()[0].is_deprecated());
}
