//! What a handler does that has something to do.

use std::hint::black_box;

use crate::wire::TEXT;

/// A hash of the text, over and over: about 20 µs on a processor of 2026. It looks at no clock, so that it is the same
/// work however busy the machine is.
pub(super) fn compute(text: &str) -> u64 {
    const TIMES: usize = 1_060;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for _ in 0..TIMES {
        // A longer text takes no longer.
        for &byte in black_box(text).as_bytes().iter().take(TEXT.len()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_is_another_hash() {
        assert_eq!(compute(TEXT), compute(TEXT));
        assert_ne!(compute(TEXT), compute("another text, 16"));
    }
}
