//! `MessagePack` as the native wire needs it: where a value ends, and what its head says.

mod cursor;
mod scan;

pub(super) use cursor::Cursor;
pub(super) use scan::{Head, ScanError, Scanner, length};

use super::Limits;

/// The encoded nil.
pub(super) const NIL: u8 = 0xc0;
pub(super) const WRITES: &str = "writing to memory does not fail";

/// Whether an encoded value of the native wire nests no deeper than that.
pub fn nests_within(value: &[u8], depth: usize) -> bool {
    let limits = Limits::new(usize::MAX, depth);
    matches!(Scanner::default().advance(value, limits), Ok(Some(length)) if length == value.len())
}
