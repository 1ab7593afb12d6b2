//! A stream whose patience with a peer that does not read has an end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::deadline;
use crate::server::admission::Permit;
use crate::transport::Stream;

/// Breaks a connection whose peer takes nothing of a response for too long: the response would be held for ever.
#[derive(Debug)]
pub(super) struct Patient {
    stream: Stream,
    limit: Duration,
    /// Made when the peer is slow for the first time.
    timer: Option<Pin<Box<Sleep>>>,
    is_stalled: bool,
    /// What the stream is counted by, for as long as anybody has it.
    permit: Option<Permit>,
}

impl Patient {
    pub(super) fn new(stream: Stream, limit: Duration, permit: Option<Permit>) -> Self {
        Self { stream, limit, timer: None, is_stalled: false, permit }
    }

    pub(super) fn into_parts(self) -> (Stream, Option<Permit>) {
        (self.stream, self.permit)
    }

    /// Waits no longer than it may for what is pending.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.is_stalled = false;
            return result;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        if !self.is_stalled {
            self.is_stalled = true;
            timer.as_mut().reset(deadline::after(self.limit));
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bounded(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_is_waited_for_and_one_that_does_not_is_not() {
        let limit = Duration::from_secs(10);
        let (mut peer, ours) = crate::transport::pipe::pair(10);
        let mut patient = Patient::new(Stream::Memory(ours), limit, None);
        let start = Instant::now();
        let writing = tokio::spawn(async move {
            let slow = patient.write_all(&[7; 100]).await;
            (slow, patient.write_all(&[7; 100]).await)
        });
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(8)).await;
            peer.read_exact(&mut [0; 10]).await.unwrap();
        }
        let (slow, never) = writing.await.unwrap();
        slow.unwrap();
        assert_eq!(never.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 90);
    }
}
