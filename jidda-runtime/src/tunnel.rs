//! The native wire where only HTTP passes: its bytes in the binary frames of a WebSocket.
//!
//! Where a frame begins and ends means nothing: the bytes of all binary messages, one after the other, are the stream.
//! Pings are answered, and a close frame is its end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::Stream;
use crate::wire::websocket::{self, close, opcode};

/// The subprotocol of WebSocket by which both sides know that the frames carry the native wire.
pub(crate) const PROTOCOL: &str = "jidda.native.1";

/// The most that waits to be written.
const WAITING: usize = 64 * 1024;
/// The largest head of a frame.
const HEAD: usize = 14;

/// A stream of bytes in a WebSocket.
#[derive(Debug)]
pub(crate) struct Tunnel {
    stream: Stream,
    reader: Reader,
    /// Frames that the stream has not taken.
    waiting: Vec<u8>,
    written: usize,
    /// What the frames of a client are masked with, one after the other; a server masks nothing.
    masks: Option<Masks>,
    is_shut: bool,
}

/// The masks of a client. They must be unpredictable for whoever chooses the data.
#[derive(Debug)]
struct Masks(u64);

impl Masks {
    fn next(&mut self) -> [u8; 4] {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [a, b, c, d, ..] = (mixed ^ (mixed >> 31)).to_ne_bytes();
        [a, b, c, d]
    }
}

/// What is read of a frame.
#[derive(Debug, Default)]
struct Reader {
    /// The beginning of a head.
    head: [u8; HEAD],
    head_length: u8,
    /// The number of bytes of the frame that are still missing.
    left: usize,
    mask: [u8; 4],
    /// A control frame under way, and what was read of it.
    control: Option<Box<(u8, Vec<u8>)>>,
    is_closed: bool,
}

/// What the other side says beside the bytes.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Ping(Vec<u8>),
    Close,
}

impl Reader {
    /// Takes heads and control frames out of what was read: how many bytes are left of it, at its beginning.
    fn strip(
        &mut self,
        raw: &mut [u8],
        is_masked: bool,
        said: &mut Vec<Said>,
    ) -> Result<usize, &'static str> {
        let (mut at, mut kept) = (0, 0);
        while at < raw.len() && !self.is_closed {
            if self.left == 0 && self.control.is_none() {
                at += self.read_head(&raw[at..], is_masked)?;
                self.end_control(said);
                continue;
            }
            let count = self.left.min(raw.len() - at);
            websocket::mask(&mut raw[at..at + count], self.mask);
            self.mask.rotate_left(count % 4);
            match &mut self.control {
                Some(control) => control.1.extend_from_slice(&raw[at..at + count]),
                None => {
                    raw.copy_within(at..at + count, kept);
                    kept += count;
                }
            }
            at += count;
            self.left -= count;
            self.end_control(said);
        }
        Ok(kept)
    }

    /// How many bytes belong to the head.
    fn read_head(&mut self, raw: &[u8], is_masked: bool) -> Result<usize, &'static str> {
        let before = usize::from(self.head_length);
        let count = raw.len().min(HEAD - before);
        self.head[before..before + count].copy_from_slice(&raw[..count]);
        let Some(head) = websocket::head(&self.head[..before + count])? else {
            self.head_length += u8::try_from(count).unwrap_or_default();
            return Ok(count);
        };
        self.head_length = 0;
        self.mask = match (head.mask, is_masked) {
            (Some(mask), true) => mask,
            (None, false) => [0; 4],
            (None, true) => return Err("a client masks its frames"),
            (Some(_), false) => return Err("a server does not mask its frames"),
        };
        self.left = head.length;
        match head.opcode {
            opcode::BINARY | opcode::CONTINUATION => {}
            opcode::TEXT => return Err("the native wire is in binary frames"),
            opcode => self.control = Some(Box::new((opcode, Vec::new()))),
        }
        Ok(head.size - before)
    }

    fn end_control(&mut self, said: &mut Vec<Said>) {
        if self.left > 0 {
            return;
        }
        match self.control.take().map(|control| *control) {
            Some((opcode::PING, payload)) => said.push(Said::Ping(payload)),
            Some((opcode::CLOSE, _)) => {
                self.is_closed = true;
                said.push(Said::Close);
            }
            _ => {}
        }
    }
}

impl Tunnel {
    /// A server's end.
    #[cfg(feature = "server")]
    pub(crate) fn of_server(stream: Stream) -> Stream {
        Self::end(stream, None)
    }

    /// A client's end.
    ///
    /// # Errors
    ///
    /// The system has no random bytes.
    #[cfg(feature = "web-client")]
    pub(crate) fn of_client(stream: Stream) -> io::Result<Stream> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self::end(stream, Some(Masks(u64::from_ne_bytes(seed)))))
    }

    /// One end of it.
    fn end(stream: Stream, masks: Option<Masks>) -> Stream {
        let reader = Reader::default();
        Stream::foreign(Self { stream, reader, waiting: Vec::new(), written: 0, masks, is_shut: false })
    }

    /// Puts a frame behind those that wait.
    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        let Some(masks) = &mut self.masks else {
            return websocket::frame(&mut self.waiting, opcode, |out| out.extend_from_slice(payload));
        };
        let mask = masks.next();
        websocket::masked_frame(&mut self.waiting, opcode, payload);
        let start = self.waiting.len() - payload.len();
        self.waiting[start - 4..start].copy_from_slice(&mask);
        websocket::mask(&mut self.waiting[start..], mask);
    }

    /// Writes what waits.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.waiting.len() {
            let unwritten = &self.waiting[self.written..];
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, unwritten))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
        }
        // An idle connection owns no buffer.
        (self.waiting, self.written) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    fn answer(&mut self, said: Vec<Said>) {
        for said in said {
            match said {
                // Who asks without reading the answers is not answered.
                Said::Ping(payload) if self.waiting.len() < WAITING => self.frame(opcode::PONG, &payload),
                Said::Close if !self.is_shut => {
                    self.is_shut = true;
                    self.frame(opcode::CLOSE, &close::NORMAL.to_be_bytes());
                }
                _ => {}
            }
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.reader.is_closed || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let start = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
            if buffer.filled().len() == start {
                return Poll::Ready(Ok(()));
            }
            let mut said = Vec::new();
            let is_masked = this.masks.is_none();
            let kept = this.reader.strip(&mut buffer.filled_mut()[start..], is_masked, &mut said);
            let kept = kept.map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
            buffer.set_filled(start + kept);
            if !said.is_empty() {
                this.answer(said);
                // The rest is written together with the next bytes.
                if let Poll::Ready(written) = this.poll_waiting(cx) {
                    written?;
                }
            }
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if this.waiting.len() >= WAITING {
            ready!(this.poll_waiting(cx))?;
        }
        let mut count = 0;
        for slice in slices.iter().filter(|slice| !slice.is_empty()) {
            let part = &slice[..slice.len().min(WAITING)];
            this.frame(opcode::BINARY, part);
            count += part.len();
            if part.len() < slice.len() || this.waiting.len() >= WAITING {
                break;
            }
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_waiting(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_shut {
            this.is_shut = true;
            this.frame(opcode::CLOSE, &close::NORMAL.to_be_bytes());
        }
        ready!(this.poll_waiting(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(all(test, feature = "server", feature = "web-client"))]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::transport::pipe;

    proptest! {
        /// However the bytes are cut into reads, the same is read of them; and no bytes are too bad.
        #[test]
        fn reads_of_any_size_give_the_same(bytes: Vec<u8>, frames: Vec<(u8, Vec<u8>)>, cuts: Vec<u8>) {
            let mut stream = Vec::new();
            for (opcode, payload) in &frames {
                let opcode = [opcode::BINARY, opcode::CONTINUATION, opcode::PING, opcode::PONG][usize::from(opcode % 4)];
                websocket::masked_frame(&mut stream, opcode, &payload[..payload.len().min(125)]);
            }
            stream.extend_from_slice(&bytes);
            let read = |cuts: &[u8]| {
                let (mut reader, mut kept, mut said) = (Reader::default(), Vec::new(), Vec::new());
                let (mut rest, mut cuts) = (stream.clone(), cuts.iter().cycle());
                while !rest.is_empty() {
                    let count = cuts.next().map_or(rest.len(), |cut| usize::from(*cut) + 1).min(rest.len());
                    let behind = rest.split_off(count);
                    let mut part = std::mem::replace(&mut rest, behind);
                    match reader.strip(&mut part, true, &mut said) {
                        Ok(count) => kept.extend_from_slice(&part[..count]),
                        Err(error) => return (Vec::new(), said, Some(error)),
                    }
                }
                (kept, said, None)
            };
            prop_assert_eq!(read(&[]), read(&cuts));
        }
    }

    /// The two ends of a tunnel, on which few bytes are on their way.
    fn tunnel(limit: usize) -> (Stream, Stream) {
        let (client, server) = pipe::pair(limit);
        (Tunnel::of_client(Stream::Memory(client)).unwrap(), Tunnel::of_server(Stream::Memory(server)))
    }

    #[tokio::test]
    async fn bytes_of_any_number_pass_both_ways() {
        for limit in [1, 3, 100, 1_000_000] {
            let (client, server) = tunnel(limit);
            for (mut from, mut to) in [(client, server)].into_iter().chain([{
                let (client, server) = tunnel(limit);
                (server, client)
            }]) {
                let bytes: Vec<u8> = (0..20_000_u32).map(|number| number.to_le_bytes()[0]).collect();
                let sent = bytes.clone();
                let writing = async move {
                    for part in sent.chunks(777) {
                        from.write_all(part).await.unwrap();
                    }
                    from.write_all(&sent).await.unwrap();
                    from.shutdown().await.unwrap();
                    from
                };
                let reading = async {
                    let mut read = Vec::new();
                    to.read_to_end(&mut read).await.unwrap();
                    read
                };
                let (_from, read) = tokio::join!(writing, reading);
                assert!(read == [&bytes[..], &bytes].concat(), "{limit}: {}", read.len());
            }
        }
    }

    #[tokio::test]
    async fn pings_are_answered_and_pieces_are_one_stream() {
        let (mut raw, server) = pipe::pair(1000);
        let mut server = Tunnel::of_server(Stream::Memory(server));
        let mut frames = Vec::new();
        websocket::masked_frame(&mut frames, opcode::BINARY, b"on");
        frames[0] &= 0x7f;
        websocket::masked_frame(&mut frames, opcode::PING, b"there?");
        websocket::masked_frame(&mut frames, opcode::CONTINUATION, b"e");
        websocket::masked_frame(&mut frames, opcode::PONG, b"unasked");
        websocket::masked_frame(&mut frames, opcode::BINARY, b"");
        websocket::masked_frame(&mut frames, opcode::CLOSE, &[3, 232]);
        raw.write_all(&frames).await.unwrap();
        let mut read = Vec::new();
        server.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"one");
        let mut answer = [0; 12];
        raw.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"\x8a\x06there?\x88\x02\x03\xe8");
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn what_breaks_the_rules_is_an_error() {
        for frames in
            [&b"\x82\x01x"[..], b"\x81\x81\0\0\0\0x", b"\xf2\x81\0\0\0\0x", b"\x89\xfe\0\x80\0\0\0\0"]
        {
            let (mut raw, server) = pipe::pair(1000);
            let mut server = Tunnel::of_server(Stream::Memory(server));
            raw.write_all(frames).await.unwrap();
            let error = server.read(&mut [0; 10]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{frames:?}");
        }
    }
}
