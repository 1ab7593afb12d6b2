//! A stream that TLS protects.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::super::peer_alert::PeerAlert;
use super::explain::explain;
use crate::peer::Security;

/// A TCP stream in TLS.
///
/// An end without `close_notify` is an error, since an attacker on the path can end a stream. The exception is a
/// protocol that itself shows whether its data is complete: then it is an end like any other (RFC 9112, section 9.8),
/// since browsers send no `close_notify`. A record that was changed is always an error.
#[derive(Debug)]
pub struct TlsStream {
    stream: tokio_rustls::TlsStream<TcpStream>,
    /// Whether the stream may end without `close_notify`.
    ends_freely: bool,
    /// A client's handshake is over before the server has judged the client's certificate.
    alert: PeerAlert,
}

impl TlsStream {
    pub(super) fn new(stream: impl Into<tokio_rustls::TlsStream<TcpStream>>, alert: PeerAlert) -> Self {
        Self { stream: stream.into(), ends_freely: false, alert }
    }

    /// Takes its end for a goodbye.
    pub(in crate::transport) fn allow_abrupt_end(&mut self) {
        self.ends_freely = true;
    }

    /// The error for the connection: its medium failed. A damaged record is not a fault of the peer's protocol.
    #[cold]
    fn broken(&self, error: &io::Error) -> io::Error {
        let text = match (&self.stream, error.kind()) {
            (_, io::ErrorKind::UnexpectedEof) => {
                "the stream ended without a goodbye: it may have been cut off".to_owned()
            }
            (tokio_rustls::TlsStream::Client(_), _) => explain(error).to_string(),
            (tokio_rustls::TlsStream::Server(_), _) => error.to_string(),
        };
        self.alert.give(|| text.clone());
        let kind = match error.kind() {
            io::ErrorKind::InvalidData => io::ErrorKind::ConnectionAborted,
            other => other,
        };
        io::Error::new(kind, text)
    }

    /// What the other end proved in the handshake.
    pub(in crate::transport) fn security(&self) -> Security {
        let certificates = self.stream.get_ref().1.peer_certificates().unwrap_or_default();
        Security::Tls { certificates: certificates.iter().map(|one| Bytes::copy_from_slice(one)).collect() }
    }

    pub(in crate::transport) fn tcp(&self) -> &TcpStream {
        self.stream.get_ref().0
    }

    pub(in crate::transport) fn peer_alert(&self) -> &PeerAlert {
        &self.alert
    }
}

impl AsyncRead for TlsStream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(Err(error)) if this.ends_freely && error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            read => read.map_err(|error| this.broken(&error)),
        }
    }
}

impl AsyncWrite for TlsStream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
