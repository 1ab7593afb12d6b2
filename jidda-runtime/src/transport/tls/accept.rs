//! A server's side of the handshake.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::super::verdict::Verdict;
use super::{TlsServer, TlsStream};
use crate::peer::Security;

/// How long a peer that was refused may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What HTTP in clear text is answered with: browsers and `curl` show it.
const CLEAR_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 21\r\n\
    Connection: close\r\n\
    \r\n\
    this port speaks TLS\n";

/// Takes a client in that speaks TLS. One that does not is told so, and its stream is closed.
///
/// # Errors
///
/// Why there is no stream. It does not say more than rustls does, which keeps secrets.
///
/// # Cancel safety
///
/// Dropping the future closes the stream.
pub(in crate::transport) async fn accept(
    stream: TcpStream,
    server: &TlsServer,
) -> io::Result<(TlsStream, Security)> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer left before it said anything"));
    }
    // The beginning of a method's name. All else is answered by TLS, with an alert.
    if first[0].is_ascii_uppercase() {
        dismiss(stream, CLEAR_HTTP).await;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it speaks HTTP in clear text"));
    }
    let config = server.config().await;
    let stream = match TlsAcceptor::from(config).accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => {
            dismiss(stream, &[]).await;
            return Err(error);
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|one| Bytes::copy_from_slice(one)).collect();
    Ok((TlsStream::new(stream, Verdict::default()), Security::Tls { certificates }))
}

/// Closes the stream so that the peer gets to read what was written: with bytes of its own unread it would not.
async fn dismiss(mut stream: TcpStream, words: &[u8]) {
    let closing = async {
        stream.write_all(words).await?;
        stream.shutdown().await?;
        let mut unread = [0; 512];
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // It is gone, or it goes on for ever: either way nothing is owed to it.
    let _ = timeout(LAST_WORDS, closing).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_clear_text_is_as_long_as_it_says() {
        let (_, body) = std::str::from_utf8(CLEAR_HTTP).unwrap().split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), 21);
    }
}
