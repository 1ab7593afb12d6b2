//! What a message may be at most.

/// How large and how deep a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message in bytes.
    pub size: usize,
    /// The deepest nesting of arrays and maps.
    pub depth: usize,
    /// How many byte strings one event may have beside its text, where they are beside it.
    pub attachments: usize,
}

impl Limits {
    /// These, and ten attachments.
    pub const fn new(size: usize, depth: usize) -> Self {
        Self { size, depth, attachments: 10 }
    }
}
