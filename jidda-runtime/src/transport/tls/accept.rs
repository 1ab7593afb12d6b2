//! A server's side of the handshake.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::super::peer_alert::PeerAlert;
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

/// The first byte of a record in a handshake.
const HANDSHAKE: u8 = 22;

/// A fatal alert of TLS, `unexpected_message`, for peers of another protocol. rustls would wait for a whole record.
const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 10];

/// The server's side of the handshake. A peer of another protocol receives an alert, and its stream is closed.
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
    if first[0] != HANDSHAKE {
        // The beginning of a method's name is that of HTTP.
        let is_http = first[0].is_ascii_uppercase();
        dismiss(stream, if is_http { CLEAR_HTTP } else { ALERT }).await;
        let problem = if is_http { "it speaks HTTP in clear text" } else { "it does not speak TLS" };
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    let config = server.config().await;
    let stream = match TlsAcceptor::from(config).accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
            // Most of these were answered with an alert, but not all. A second one does no harm.
            let is_garbage = matches!(cause, Some(rustls::Error::InvalidMessage(_)));
            dismiss(stream, if is_garbage { ALERT } else { &[] }).await;
            return Err(error);
        }
    };
    let stream = TlsStream::new(stream, PeerAlert::default());
    let security = stream.security();
    Ok((stream, security))
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
    // The peer has closed the stream or keeps sending: neither is waited for.
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
