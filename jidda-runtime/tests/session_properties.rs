//! Whatever requests come, in whatever order: nothing is lost, doubled or forgotten in a polling session.
#![allow(missing_docs)]

#[path = "support/session.rs"]
mod session;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn nothing_is_lost_or_forgotten(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        session::run(&bytes);
    }
}
