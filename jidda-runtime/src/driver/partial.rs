//! Bytes that were read and are not run yet.

/// The beginning of an incomplete message, or messages that wait for their turn. What was run is left where
/// it stands until more is read, so that messages that wait for many turns are not moved at each of them.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    bytes: Vec<u8>,
    used: usize,
}

impl Partial {
    /// A copy of what is left of a read.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), used: 0 }
    }

    /// Appends what was read behind it.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            // Into a buffer of its own size: what is left is a small part of what it held.
            self.bytes = self.rest_mut().to_vec();
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What was not run.
    pub(crate) fn rest_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..]
    }

    /// So many more bytes were run.
    pub(crate) fn consume(&mut self, count: usize) {
        self.used += count;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.used == self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_not_run() {
        let mut partial = Partial::of(b"onetwo");
        partial.consume(3);
        partial.extend(b"three");
        assert_eq!(partial.rest_mut(), b"twothree");
        partial.consume(8);
        assert!(partial.is_empty());
        partial.extend(b"");
        assert!(partial.is_empty() && partial.rest_mut().is_empty());
    }
}
