//! A dependency of the program that nothing names: its handlers stay out.

use jidda::prelude::*;

#[on]
async fn uninvited() {}
