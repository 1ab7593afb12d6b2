//! Bodies that a server has compressed.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::error::WebError;
use crate::foreign::printable;

/// The body as it was before its compression, if it has no more than so many bytes then.
pub(super) fn plain(headers: &HeaderMap, body: Bytes, most: usize) -> Result<Bytes, WebError> {
    let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") else {
        return Ok(body);
    };
    match encoding.as_bytes().to_ascii_lowercase().as_slice() {
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(&*body), most),
        b"deflate" => read(ZlibDecoder::new(&*body), most),
        other => Err(WebError::lasting(format!(
            "the server compressed its response as `{}`, which it was not asked for",
            printable(String::from_utf8_lossy(other))
        ))),
    }
}

fn read(decoder: impl Read, most: usize) -> Result<Bytes, WebError> {
    let mut bytes = Vec::new();
    let most = most as u64;
    let read = decoder.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|_| WebError::passing("the compressed response of the server is damaged"))?;
    if bytes.len() as u64 > most {
        return Err(WebError::lasting(format!(
            "the compressed response of the server has more than {most} bytes: allow larger messages with `.max_message(..)`"
        )));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn headers(encoding: &str) -> HeaderMap {
        [(CONTENT_ENCODING, encoding.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn each_encoding_is_read_within_its_limit() {
        let text = b"4hello".repeat(1000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&text).unwrap();
        let gzip = Bytes::from(gzip.finish().unwrap());
        let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(&text).unwrap();
        let deflate = Bytes::from(deflate.finish().unwrap());
        assert_eq!(plain(&headers("gzip"), gzip.clone(), text.len()).unwrap(), text);
        assert_eq!(plain(&headers("deflate"), deflate, text.len()).unwrap(), text);
        assert_eq!(plain(&HeaderMap::new(), gzip.clone(), 1).unwrap(), gzip);
        let bomb = plain(&headers("gzip"), gzip.clone(), text.len() - 1).unwrap_err();
        assert!(bomb.to_string().contains("more than 5999 bytes"), "{bomb}");
        let damaged = plain(&headers("gzip"), gzip.slice(..20), text.len()).unwrap_err();
        assert!(damaged.to_string().contains("damaged") && damaged.is_temporary(), "{damaged}");
        assert!(plain(&headers("br"), gzip, 10).unwrap_err().to_string().contains("`br`"));
    }
}
