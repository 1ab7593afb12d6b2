//! The state machine of polling sessions: whatever requests come, in whatever order.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../jidda-runtime/tests/support/session.rs"]
mod session;

fuzz_target!(|bytes: &[u8]| session::run(bytes));
