//! Bodies of responses in fewer bytes.
//!
//! By hand: `tower-http` streams what it compresses, without a length and on the task of the connection; a payload here is
//! complete before it is compressed, and a large one goes to the blocking pool.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// From this size on it takes long enough that others would notice.
const LARGE: usize = 32 * 1024;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    /// Which is the format of zlib, whatever its name says.
    Deflate,
}

impl Encoding {
    /// What the client prefers of that, if it takes any.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let lists = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
        let entries: Vec<_> = lists.flat_map(|list| list.split(',')).map(entry).collect();
        let weight = |name: &str| {
            let named = entries.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            named
                .or_else(|| entries.iter().find(|(other, _)| *other == "*"))
                .map_or(0.0, |(_, weight)| *weight)
        };
        let (gzip, deflate) = (weight("gzip"), weight("deflate"));
        if gzip > 0.0 && gzip >= deflate {
            Some(Self::Gzip)
        } else {
            (deflate > 0.0).then_some(Self::Deflate)
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// Compresses, elsewhere if it takes long. `None` when it cannot.
    pub(super) async fn compress(self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        if bytes.len() < LARGE {
            return self.encode(&bytes).ok();
        }
        tokio::task::spawn_blocking(move || self.encode(&bytes)).await.ok()?.ok()
    }

    pub(super) fn encode(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let out = Vec::with_capacity(bytes.len() / 2);
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(out, Compression::default());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
        }
    }
}

/// One of the names, and how much it is preferred.
fn entry(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn accepted(value: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
        Encoding::accepted(&headers).map(Encoding::name)
    }

    #[test]
    fn the_client_chooses() {
        for (value, name) in [
            ("gzip, deflate, br", Some("gzip")),
            ("deflate", Some("deflate")),
            ("deflate, gzip;q=0.5", Some("deflate")),
            ("GZIP;Q=1", Some("gzip")),
            ("*", Some("gzip")),
            ("*;q=0.5, gzip;q=0", Some("deflate")),
            ("gzip;q=0", None),
            ("br, identity", None),
            ("gzip;q=x", None),
            ("", None),
        ] {
            assert_eq!(accepted(value), name, "{value}");
        }
        assert_eq!(Encoding::accepted(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn what_is_compressed_reads_back() {
        for size in [0, 100, 100_000] {
            let bytes = b"abc ".repeat(size);
            let mut out = Vec::new();
            let gzip = Encoding::Gzip.compress(bytes.clone()).await.unwrap();
            flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut out).unwrap();
            assert_eq!(out, bytes);
            out.clear();
            let deflate = Encoding::Deflate.compress(bytes.clone()).await.unwrap();
            flate2::read::ZlibDecoder::new(&deflate[..]).read_to_end(&mut out).unwrap();
            assert_eq!(out, bytes);
        }
    }
}
