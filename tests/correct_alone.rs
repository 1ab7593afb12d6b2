//! A correct program as those of `tests/correct.rs`, which looks at all handlers that are linked: it has none beside it.
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]

#[path = "correct/permissions.rs"]
mod permissions;

#[test]
fn a_correct_program_runs_alone() {
    permissions::main();
}
