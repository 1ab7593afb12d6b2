//! The bytes of one value, in a buffer that its thread uses again for the next one.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;

use super::codec_error::CodecError;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest buffer that a thread keeps: a value that is kept for long may have such a one.
const KEPT: usize = 16 * 1024;

/// Encoded bytes. Most are written a moment later and dropped: then the next ones cost no allocation, and unlike bytes
/// that stand in place they are not copied wherever the value goes.
#[derive(PartialEq, Eq)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    /// What `encode` writes.
    #[inline]
    pub(super) fn encode(
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<Self, CodecError> {
        // Taken out, not borrowed: the value's own `Serialize` may encode something, too.
        let mut buffer = Self(SPARE.take());
        buffer.0.clear();
        encode(&mut buffer.0)?;
        Ok(buffer)
    }

    /// A copy that takes no more room than it needs.
    pub(super) fn exact(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::exact(self)
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        if (1..=KEPT).contains(&self.0.capacity()) {
            let bytes = std::mem::take(&mut self.0);
            // There is none when the thread ends.
            let _ = SPARE.try_with(|spare| {
                let kept = spare.take();
                spare.set(if kept.capacity() < bytes.capacity() { bytes } else { kept });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Buffer {
        let encode = |out: &mut Vec<u8>| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        Buffer::encode(encode).unwrap()
    }

    #[test]
    fn a_buffer_is_used_again_once_it_is_free() {
        let first = written(&[1; 100]);
        let place = first.as_ptr();
        let second = written(&[2; 50]);
        assert_ne!(second.as_ptr(), place);
        drop(first);
        let third = written(&[3; 80]);
        assert_eq!((third.as_ptr(), &third[..]), (place, &[3; 80][..]));
        assert_eq!(second[..], [2; 50]);
    }

    #[test]
    fn a_large_one_is_not_kept_and_a_copy_is_no_larger_than_it_needs() {
        drop(written(&vec![1; KEPT + 1]));
        let small = written(&[1]);
        assert!(small.0.capacity() <= KEPT);
        drop(written(&[1; 1000]));
        assert_eq!(written(&[1]).clone().0.capacity(), 1);
    }

    #[test]
    fn what_failed_leaves_nothing_behind() {
        drop(written(&[1; 100]));
        let failed = Buffer::encode(|out| {
            out.push(9);
            Err(CodecError("no".to_owned()))
        });
        assert!(failed.is_err());
        assert!(written(&[]).is_empty());
    }
}
