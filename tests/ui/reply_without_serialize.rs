#![allow(unused)]

use jidda::prelude::*;

struct Report;

#[on]
async fn report() -> Report {
    Report
}

#[on]
async fn fallible() -> jidda::Result<Report> {
    Ok(Report)
}

fn main() {}
