//! Base64 (RFC 4648, section 4), which both versions of Engine.IO use where only text can be sent.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::PayloadError;

/// Clients pad or do not, and some leave bits of what they had in the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How many characters `bytes` have, padded.
pub fn length(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(3) * 4
}

/// Appends `bytes` to a text, padded.
pub fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + length(bytes), b'=');
    let written = LENIENT.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written, Ok(out.len() - start));
}

/// The bytes of a text.
///
/// # Errors
///
/// When the text is not base64.
pub fn decode(text: &str) -> Result<Vec<u8>, PayloadError> {
    LENIENT.decode(text).map_err(|_| PayloadError("binary data is in base64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_written_and_not_needed() {
        for (bytes, text) in
            [(&b""[..], ""), (b"\x01", "AQ=="), (b"\x01\x02", "AQI="), (b"\xff\xff\xfe", "///+")]
        {
            let mut out = b"b".to_vec();
            encode(&mut out, bytes);
            assert_eq!(out[1..], *text.as_bytes());
            assert_eq!(decode(text).unwrap(), bytes);
            assert_eq!(decode(text.trim_end_matches('=')).unwrap(), bytes);
        }
        assert_eq!(decode("AR==").unwrap(), b"\x01");
    }

    #[test]
    fn other_characters_and_impossible_lengths_are_refused() {
        for text in ["A", "AQI=A", "AQI!", "AQ I=", "__--", "=", "AAAAA"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
