//! The namespaces that a connection was in a moment ago.
//!
//! What a peer sends may cross the packet that ends or refuses its namespace. That is no protocol error of the peer's, so
//! that its connection lives, until the peer shows that it received that packet: by leaving itself, or by asking to join
//! anew. A packet for a namespace that the connection was never in stays a protocol error.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The namespaces that were left last. Their names are the peer's to choose, and as long as a message: hashes are kept
/// in place of them, since taking one for another passes over a packet that would have ended the connection, no more.
#[derive(Debug, Default)]
pub(crate) struct Left(Vec<u64>);

fn hash(namespace: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    namespace.hash(&mut hasher);
    hasher.finish()
}

/// The most that are kept, however many may be joined.
const MOST: usize = 1024;

impl Left {
    /// Keeps a namespace, and `limit` at most: as many as may be joined, and so left, at once.
    pub(crate) fn note(&mut self, namespace: &str, limit: usize) {
        let hash = hash(namespace);
        self.0.retain(|other| *other != hash);
        if self.0.len() >= limit.clamp(1, MOST) {
            self.0.remove(0);
        }
        self.0.push(hash);
    }

    /// Forgets a namespace. Whether it was kept.
    pub(crate) fn take(&mut self, namespace: &str) -> bool {
        let (hash, count) = (hash(namespace), self.0.len());
        self.0.retain(|other| *other != hash);
        self.0.len() < count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, namespace: &str) -> bool {
        self.0.contains(&hash(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known() {
        let mut left = Left::default();
        for namespace in ["/a", "/b", "/a", "/c"] {
            left.note(namespace, 2);
        }
        assert_eq!(
            ["/a", "/b", "/c", "/"].map(|namespace| left.contains(namespace)),
            [true, false, true, false]
        );
        assert_eq!((left.take("/a"), left.take("/a"), left.is_empty()), (true, false, false));
        left.note("/d", 0);
        assert!(left.contains("/d"));
        for (limit, kept) in [(usize::MAX, MOST), (3, 3)] {
            let mut left = Left::default();
            (0..2 * MOST).for_each(|number| left.note(&number.to_string(), limit));
            assert_eq!(left.0.len(), kept);
        }
    }
}
