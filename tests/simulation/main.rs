//! A server and its clients on a network that is slow, falls silent and breaks, in a time of its own: what happens
//! follows from a seed.
//!
//! `JIDDA_SIMULATION_SEEDS` says how many seeds are lived through, `JIDDA_SIMULATION_FIRST` from which one on, and
//! `JIDDA_SIMULATION_SEED` that it is one alone, such as one that failed.
#![allow(missing_docs)]

mod network;
mod random;
mod record;
mod world;

use std::env;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn live(seed: u64) -> Vec<String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(world::live(seed))
}

#[test]
fn promises_are_kept_on_a_bad_network() {
    let seeds = match number("JIDDA_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("JIDDA_SIMULATION_FIRST").unwrap_or(0);
            first..first + number("JIDDA_SIMULATION_SEEDS").unwrap_or(20)
        }
    };
    let mut broken = Vec::new();
    for seed in seeds.clone() {
        let found = live(seed);
        if let Some(first) = found.first() {
            println!("seed {seed}, {} times: {first}", found.len());
            println!("    JIDDA_SIMULATION_SEED={seed} cargo test --test simulation");
            broken.push(seed);
        }
    }
    assert!(broken.is_empty(), "of {seeds:?} these break a promise: {broken:?}");
}
