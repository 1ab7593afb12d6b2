//! A stream whose bytes travel in records.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::record::{HEAD, LONGEST, MOST, Opened, RecordError, Records, TAG};

thread_local! {
    /// For what is encrypted. Every worker thread has these two, and no stream does.
    static SEALED: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    /// For what is not.
    static PLAIN: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends one of the buffers. What runs meanwhile may not need the same one, or pays for a new one.
fn with<R>(
    place: &'static std::thread::LocalKey<Cell<Option<Box<[u8]>>>>,
    act: impl FnOnce(&mut [u8]) -> R,
) -> R {
    let mut buffer = place.take().unwrap_or_else(|| vec![0; LONGEST].into_boxed_slice());
    let result = act(&mut buffer);
    place.set(Some(buffer));
    result
}

/// An encrypted stream over another one; [`connect`](super::connect) and [`accept`](super::accept) make it.
///
/// Bytes that are written at once become one record. At most one record waits for the stream below; further writes are
/// pending until that stream has taken it. An idle stream owns no buffers.
///
/// [`shutdown`](tokio::io::AsyncWriteExt::shutdown) signals the end to the peer. If a stream ends without that, its reader
/// gets `UnexpectedEof`; if it was tampered with, `ConnectionAborted`. The other direction continues then.
pub struct NoiseStream<S> {
    stream: S,
    records: Records,
    /// The beginning of a record, or records for which the reader had no room.
    unread: Vec<u8>,
    /// The rest of a record for which the reader had no room, and how much of it was read.
    opened: Vec<u8>,
    read: usize,
    /// What the stream below did not take yet.
    unwritten: Vec<u8>,
    written: usize,
    is_shut: bool,
}

impl<S> NoiseStream<S> {
    pub(super) fn new(stream: S, records: Records) -> Self {
        Self {
            stream,
            records,
            unread: Vec::new(),
            opened: Vec::new(),
            read: 0,
            unwritten: Vec::new(),
            written: 0,
            is_shut: false,
        }
    }

    /// Whether the received bytes were modified, which can still be reported to the peer.
    pub(crate) fn is_tampered_with(&self) -> bool {
        self.records.over().is_some_and(|why| why != RecordError::Ended)
    }

    /// How much memory its buffers have.
    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        self.unread.capacity() + self.opened.capacity() + self.unwritten.capacity()
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        &self.stream
    }
}

impl<S: fmt::Debug> fmt::Debug for NoiseStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl From<RecordError> for io::Error {
    fn from(error: RecordError) -> Self {
        let kind = match error {
            // Who changed it is not known: it says nothing of the peer.
            RecordError::TooShort | RecordError::Damaged => io::ErrorKind::ConnectionAborted,
            RecordError::Ended => io::ErrorKind::BrokenPipe,
            RecordError::TooLong | RecordError::Exhausted => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// The result of reading a record.
struct Delivery {
    /// How many of them are used up.
    used: usize,
    /// Whether the reader has something now, if only the end.
    is_something: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> NoiseStream<S> {
    /// Hands what was opened before to the reader; `false` if there is nothing.
    fn deliver_opened(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = &self.opened[self.read..];
        if rest.is_empty() {
            return false;
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.read += count;
        if self.read == self.opened.len() {
            (self.opened, self.read) = (Vec::new(), 0);
        }
        true
    }

    /// Opens the record at the beginning of `bytes`, if it is there whole and the reader has room. If it `must`, what
    /// has no room is kept. How long it was, and what.
    fn open(
        &mut self,
        bytes: &[u8],
        buffer: &mut ReadBuf<'_>,
        must: bool,
    ) -> Result<Option<(usize, Opened)>, RecordError> {
        let Some(length) = self.records.whole(bytes)? else { return Ok(None) };
        let record = &bytes[..length];
        if HEAD + buffer.remaining() >= length {
            let opened = self.records.open(record, buffer.initialize_unfilled())?;
            if let Opened::Data(count) = opened {
                buffer.advance(count);
            }
            return Ok(Some((length, opened)));
        }
        if !must {
            return Ok(None);
        }
        with(&PLAIN, |plain| {
            let opened = self.records.open(record, plain)?;
            if let Opened::Data(count) = opened {
                let (fits, rest) = plain[..count].split_at(count.min(buffer.remaining()));
                buffer.put_slice(fits);
                self.opened.extend_from_slice(rest);
            }
            Ok(Some((length, opened)))
        })
    }

    /// Opens the whole records at the beginning of `bytes` as far as the reader has room.
    fn deliver(&mut self, bytes: &[u8], buffer: &mut ReadBuf<'_>) -> Result<Delivery, RecordError> {
        let mut delivery = Delivery { used: 0, is_something: false };
        loop {
            match self.open(&bytes[delivery.used..], buffer, !delivery.is_something) {
                Ok(Some((length, opened))) => {
                    delivery.used += length;
                    delivery.is_something = true;
                    if opened == Opened::End {
                        break;
                    }
                }
                Ok(None) => break,
                // The plaintext before the damaged record must reach the reader before the error.
                Err(_) if delivery.is_something => break,
                Err(error) => return Err(error),
            }
        }
        Ok(delivery)
    }

    /// What is kept of earlier reads; `true` when the reader has something now.
    fn deliver_unread(&mut self, buffer: &mut ReadBuf<'_>) -> Result<bool, RecordError> {
        let mut unread = std::mem::take(&mut self.unread);
        let delivery = self.deliver(&unread, buffer)?;
        if delivery.used < unread.len() && self.records.over().is_none() {
            unread.drain(..delivery.used);
            // A peer must not pin a large buffer with a few bytes.
            if unread.len() < unread.capacity() / 8 {
                unread.shrink_to_fit();
            }
            self.unread = unread;
        }
        Ok(delivery.is_something)
    }

    /// Reads from the stream below; `true` when the reader has something now.
    fn poll_more(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        with(&SEALED, |sealed| {
            let mut read = ReadBuf::new(sealed);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            let bytes = read.filled();
            if bytes.is_empty() {
                let problem = "the stream was cut off: it has no last record";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem)));
            }
            if !self.unread.is_empty() {
                self.unread.extend_from_slice(bytes);
                return Poll::Ready(Ok(self.deliver_unread(buffer)?));
            }
            let delivery = self.deliver(bytes, buffer)?;
            if self.records.over().is_none() {
                self.unread.extend_from_slice(&bytes[delivery.used..]);
            }
            Poll::Ready(Ok(delivery.is_something))
        })
    }

    /// Writes what the stream below did not take before.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.unwritten.len() {
            let rest = &self.unwritten[self.written..];
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        (self.unwritten, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Makes one record of the bytes and writes of it what the stream below takes now.
    fn send(&mut self, cx: &mut Context<'_>, plain: &[u8]) -> io::Result<()> {
        with(&SEALED, |sealed| {
            let length = self.records.seal(plain, sealed)?;
            self.unwritten.clear();
            let mut written = 0;
            while written < length {
                match Pin::new(&mut self.stream).poll_write(cx, &sealed[written..length]) {
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Ok(count)) => written += count,
                    Poll::Ready(Err(error)) => return Err(error),
                    Poll::Pending => {
                        self.unwritten.extend_from_slice(&sealed[written..length]);
                        break;
                    }
                }
            }
            Ok(())
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for NoiseStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 || this.deliver_opened(buffer) {
            return Poll::Ready(Ok(()));
        }
        match this.records.over() {
            None => {}
            Some(RecordError::Ended) => return Poll::Ready(Ok(())),
            Some(error) => return Poll::Ready(Err(error.into())),
        }
        if !this.unread.is_empty() && this.deliver_unread(buffer)? {
            return Poll::Ready(Ok(()));
        }
        loop {
            if ready!(this.poll_more(cx, buffer))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for NoiseStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        ready!(this.poll_drain(cx))?;
        let plain = &bytes[..bytes.len().min(MOST)];
        // An empty record would be the end.
        if !plain.is_empty()
            && let Err(error) = this.send(cx, plain)
        {
            // The peer misses a record: it could not open another one.
            this.is_shut = true;
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(plain.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut slices = slices.iter().filter(|slice| !slice.is_empty());
        let Some(first) = slices.next() else { return self.poll_write(cx, &[]) };
        if first.len() >= MOST {
            return self.poll_write(cx, first);
        }
        with(&PLAIN, |plain| {
            let mut length = 0;
            for slice in std::iter::once(first).chain(slices) {
                let count = slice.len().min(MOST - length);
                plain[length..length + count].copy_from_slice(&slice[..count]);
                length += count;
            }
            self.poll_write(cx, &plain[..length])
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        if !this.is_shut {
            let mut last = [0; HEAD + TAG];
            this.records.seal_end(&mut last)?;
            this.is_shut = true;
            this.unwritten.extend_from_slice(&last);
            ready!(this.poll_drain(cx))?;
        }
        ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
