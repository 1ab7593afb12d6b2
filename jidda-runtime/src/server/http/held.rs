//! A stream of which the last words of HTTP wait for the first ones after it: one system call, and one packet, for
//! the answer that opens a WebSocket and what is said on it at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Stream;

/// Among a request's extensions: says that its response is to be held.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold(Arc<AtomicBool>);

impl Hold {
    pub(super) fn hold(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The stream of a connection that speaks HTTP.
#[derive(Debug)]
pub(super) struct Held {
    stream: Stream,
    hold: Hold,
    words: Vec<u8>,
}

impl Held {
    pub(super) fn new(stream: Stream, hold: Hold) -> Self {
        Self { stream, hold, words: Vec::new() }
    }

    /// The stream, and what has to be written on it before anything else.
    pub(super) fn into_parts(self) -> (Stream, Vec<u8>) {
        (self.stream, self.words)
    }

    fn holds(&self) -> bool {
        self.hold.0.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Held {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.holds() {
            this.words.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.holds() {
            let before = this.words.len();
            for slice in slices {
                this.words.extend_from_slice(slice);
            }
            return Poll::Ready(Ok(this.words.len() - before));
        }
        Pin::new(&mut this.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
