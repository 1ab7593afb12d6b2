//! How long the texts are that calls and events carry.

use super::TEXT;

/// The length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 16 bytes.
    Small,
    /// 256 bytes.
    Medium,
    /// 4 KiB.
    Large,
}

impl Size {
    /// A text of this length.
    pub const fn text(self) -> &'static str {
        const MEDIUM: &[u8] = &repeat::<256>();
        const LARGE: &[u8] = &repeat::<4096>();
        match self {
            Self::Small => TEXT,
            Self::Medium => readable(MEDIUM),
            Self::Large => readable(LARGE),
        }
    }
}

const fn repeat<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let mut index = 0;
    while index < LENGTH {
        bytes[index] = TEXT.as_bytes()[index % TEXT.len()];
        index += 1;
    }
    bytes
}

const fn readable(bytes: &'static [u8]) -> &'static str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("it repeats a text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_they_say() {
        assert_eq!([Size::Small, Size::Medium, Size::Large].map(|size| size.text().len()), [16, 256, 4096]);
        assert!(Size::Large.text().starts_with(Size::Medium.text()));
    }
}
