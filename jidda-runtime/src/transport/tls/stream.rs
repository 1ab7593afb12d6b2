//! A stream that TLS protects.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::super::verdict::Verdict;
use super::connect::explain;

/// A TCP stream in TLS.
///
/// Its end without a goodbye is an error, since anybody on the way can make a stream end. So is a record that was
/// changed; both are the end of it.
#[derive(Debug)]
pub struct TlsStream {
    stream: tokio_rustls::TlsStream<TcpStream>,
    /// A client's handshake is over before the server has judged the client's certificate.
    verdict: Verdict,
}

impl TlsStream {
    pub(super) fn new(stream: impl Into<tokio_rustls::TlsStream<TcpStream>>, verdict: Verdict) -> Self {
        Self { stream: stream.into(), verdict }
    }

    pub(in crate::transport) fn tcp(&self) -> &TcpStream {
        self.stream.get_ref().0
    }

    pub(in crate::transport) fn verdict(&self) -> &Verdict {
        &self.verdict
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
        let result = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if let Poll::Ready(Err(error)) = &result {
            this.verdict.give(|| explain(error).to_string());
        }
        result
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
