//! Named by the program. Nothing of it but its handlers is used.

use forecast as _;
use jidda::prelude::*;

#[on]
async fn greet(name: String) -> String {
    format!("good morning, {name}")
}
