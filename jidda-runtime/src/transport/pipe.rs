//! A stream within the process, by its two ends.
//!
//! Unlike tokio's own, any task can write to an end, as to a socket, so that the code for sockets is used and tested without
//! them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sync::Mutex;

/// What an emptied pipe keeps for the next bytes.
const KEPT: usize = 4096;

/// One end of a stream within the process.
#[derive(Debug)]
pub struct MemoryStream {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
}

/// The two ends of a stream on which so many bytes may be on their way, each way.
pub(crate) fn pair(limit: usize) -> (MemoryStream, MemoryStream) {
    let (one, other) = (Pipe::new(limit), Pipe::new(limit));
    let first = MemoryStream { incoming: Arc::clone(&one), outgoing: Arc::clone(&other) };
    (first, MemoryStream { incoming: other, outgoing: one })
}

/// What goes one way.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    limit: usize,
    /// Nothing more is written.
    is_finished: bool,
    /// Nobody reads any more.
    is_abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn new(limit: usize) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            bytes: VecDeque::new(),
            limit,
            is_finished: false,
            is_abandoned: false,
            reader: None,
            writer: None,
        }))
    }

    /// Takes what there is room for; `None` when there is none.
    fn put(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        if self.is_finished || self.is_abandoned {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let before = self.bytes.len();
        for slice in slices {
            let room = self.limit - self.bytes.len();
            self.bytes.extend(&slice[..slice.len().min(room)]);
        }
        let taken = self.bytes.len() - before;
        Ok((taken > 0 || slices.iter().all(|slice| slice.is_empty())).then_some(taken))
    }

    /// Moves what there is; `false` when there is nothing yet.
    fn take(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let count = self.bytes.len().min(buffer.remaining());
        let (front, back) = self.bytes.as_slices();
        buffer.put_slice(&front[..count.min(front.len())]);
        buffer.put_slice(&back[..count - count.min(front.len())]);
        self.bytes.drain(..count);
        if self.bytes.is_empty() {
            self.bytes.shrink_to(KEPT);
        }
        count > 0 || self.is_finished || buffer.remaining() == 0
    }
}

fn wait(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

/// Who waits is woken after the lock: they may want it at once.
fn wake(waiting: impl IntoIterator<Item = Waker>) {
    waiting.into_iter().for_each(Waker::wake);
}

impl MemoryStream {
    /// Writes from anywhere, without being woken when it would take more; how many bytes it took.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.outgoing.lock();
        let taken = pipe.put(&[IoSlice::new(bytes)]);
        let reader = pipe.reader.take();
        drop(pipe);
        wake(reader);
        taken?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// Whether the other end has hung up, though bytes of it may still be unread.
    pub(super) fn is_hung_up(&self) -> bool {
        self.incoming.lock().is_finished
    }
}

impl AsyncRead for MemoryStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = self.incoming.lock();
        if !pipe.take(buffer) {
            wait(&mut pipe.reader, cx);
            return Poll::Pending;
        }
        let writer = pipe.writer.take();
        drop(pipe);
        wake(writer);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MemoryStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.outgoing.lock();
        let Some(taken) = pipe.put(slices)? else {
            wait(&mut pipe.writer, cx);
            return Poll::Pending;
        };
        let reader = pipe.reader.take();
        drop(pipe);
        wake(reader);
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.outgoing.lock();
        pipe.is_finished = true;
        let reader = pipe.reader.take();
        drop(pipe);
        wake(reader);
        Poll::Ready(Ok(()))
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        let mut pipe = self.outgoing.lock();
        pipe.is_finished = true;
        let reader = pipe.reader.take();
        drop(pipe);
        let mut pipe = self.incoming.lock();
        pipe.is_abandoned = true;
        let unread = std::mem::take(&mut pipe.bytes);
        let writer = pipe.writer.take();
        drop(pipe);
        drop(unread);
        wake(reader.into_iter().chain(writer));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_keep_their_order_and_the_buffer_is_bounded() {
        let (mut ours, mut theirs) = pair(5);
        let slices = [IoSlice::new(b"one"), IoSlice::new(b"two")];
        assert_eq!(ours.write_vectored(&slices).await.unwrap(), 5);
        assert_eq!(ours.try_write(b"o").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut rest = pin!(ours.write_all(b"o3"));
        assert!(rest.as_mut().now_or_never().is_none());
        let mut read = [0; 4];
        theirs.read_exact(&mut read).await.unwrap();
        rest.await.unwrap();
        assert_eq!(ours.try_write(b"!").unwrap(), 1);
        drop(ours);
        assert!(theirs.is_hung_up());
        let mut left = Vec::new();
        theirs.read_to_end(&mut left).await.unwrap();
        assert_eq!([&read[..], &left].concat(), b"onetwo3!");
        assert_eq!(theirs.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn a_waiting_side_is_woken_at_the_end() {
        let (mut ours, mut theirs) = pair(1);
        ours.write_all(b"x").await.unwrap();
        let mut writing = pin!(ours.write_all(b"y"));
        assert!(writing.as_mut().now_or_never().is_none());
        theirs.shutdown().await.unwrap();
        drop(theirs);
        assert_eq!(writing.await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
    }
}
