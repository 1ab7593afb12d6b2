//! Correct programs compile without a warning, and run.
//!
//! They are modules of one program here: so what they depend on is built once, with that of the other tests.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]

#[path = "correct/cfg.rs"]
mod cfg;
#[path = "correct/contract_in_module.rs"]
mod contract_in_module;
#[path = "correct/deprecated.rs"]
mod deprecated;
#[path = "correct/families.rs"]
mod families;
#[path = "correct/names.rs"]
mod names;
#[path = "correct/no_prelude.rs"]
mod no_prelude;

#[test]
fn correct_programs_run() {
    cfg::main();
    contract_in_module::main();
    deprecated::main();
    families::main();
    names::main();
    no_prelude::main();
}
