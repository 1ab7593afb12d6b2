//! Streams over pipes in memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};

use super::super::record::{HEAD, LONGEST, MOST, Records, TAG};
use super::super::stream::NoiseStream;
use super::OFTEN;

fn pair(pipe: usize) -> (NoiseStream<DuplexStream>, NoiseStream<DuplexStream>) {
    let (ours, theirs) = duplex(pipe);
    let (our_records, their_records) = Records::pair(0, OFTEN);
    (NoiseStream::new(ours, our_records), NoiseStream::new(theirs, their_records))
}

/// What `write` sends, as it goes over the wire.
async fn sent(write: impl AsyncFnOnce(&mut NoiseStream<DuplexStream>)) -> Vec<u8> {
    let (ours, mut wire) = duplex(1 << 20);
    let mut stream = NoiseStream::new(ours, Records::pair(0, OFTEN).0);
    write(&mut stream).await;
    drop(stream);
    let mut bytes = Vec::new();
    wire.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// A stream that reads these pieces, one at a time, and then ends.
struct Pieces(std::collections::VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(piece) = self.0.front_mut() {
            let count = piece.len().min(buffer.remaining());
            buffer.put_slice(&piece[..count]);
            piece.drain(..count);
            if piece.is_empty() {
                self.0.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Reads `bytes` in pieces with a buffer of `room`: what was read, and how it ended.
fn receive(bytes: &[u8], pieces: &[usize], room: usize) -> (Vec<u8>, io::Result<()>) {
    let mut rest = bytes;
    let mut queue = std::collections::VecDeque::new();
    for size in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at((*size).clamp(1, rest.len()));
        queue.push_back(piece.to_vec());
        rest = more;
    }
    let mut stream = NoiseStream::new(Pieces(queue), Records::pair(0, OFTEN).1);
    let (mut read, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match stream.read(&mut buffer).now_or_never().expect("nothing is waited for") {
            Ok(0) => return (read, Ok(())),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(error) => {
                // It stays so.
                let again = stream.read(&mut buffer).now_or_never().unwrap().unwrap_err();
                assert_eq!(again.kind(), error.kind());
                return (read, Err(error));
            }
        }
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

#[tokio::test]
async fn bytes_of_any_number_go_through_pipes_of_any_size() {
    for (pipe, length) in [(1, 300), (7, 5000), (64, 70_000), (1 << 16, 1_000_000)] {
        let (mut ours, mut theirs) = pair(pipe);
        let data = pattern(length);
        let send = async {
            ours.write_all(&data).await.unwrap();
            ours.shutdown().await.unwrap();
            ours
        };
        let mut read = Vec::new();
        let (mut ours, length) = tokio::join!(send, theirs.read_to_end(&mut read));
        assert_eq!((length.unwrap(), &read), (data.len(), &data), "pipe {pipe}");
        // The other way is still open.
        let ((), answer) = tokio::join!(
            async {
                theirs.write_all(b"thanks").await.unwrap();
                theirs.shutdown().await.unwrap();
            },
            async {
                let mut answer = String::new();
                ours.read_to_string(&mut answer).await.unwrap();
                answer
            }
        );
        assert_eq!(answer, "thanks");
        assert_eq!(ours.write(b"late").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

#[tokio::test]
async fn one_write_is_one_record() {
    let head = |bytes: &[u8]| HEAD + usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let bytes = sent(async |stream| {
        let parts = [b"ab".to_vec(), Vec::new(), pattern(100), b"c".to_vec()];
        let slices: Vec<_> = parts.iter().map(|part| io::IoSlice::new(part)).collect();
        assert!(stream.is_write_vectored());
        assert_eq!(stream.write_vectored(&slices).await.unwrap(), 103);
        assert_eq!(stream.write_vectored(&[io::IoSlice::new(&[])]).await.unwrap(), 0);
        assert_eq!(stream.write(&[]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(bytes.len(), HEAD + 103 + TAG);
    assert_eq!(head(&bytes), bytes.len());
    let bytes = sent(async |stream| {
        let large = pattern(MOST + 1);
        assert_eq!(stream.write(&large).await.unwrap(), MOST);
        let slices = [io::IoSlice::new(&large[..10]), io::IoSlice::new(&large)];
        assert_eq!(stream.write_vectored(&slices).await.unwrap(), MOST);
        let slices = [io::IoSlice::new(&large), io::IoSlice::new(&large)];
        assert_eq!(stream.write_vectored(&slices).await.unwrap(), MOST);
    })
    .await;
    assert_eq!(bytes.len(), 3 * LONGEST);
    assert_eq!(head(&bytes), LONGEST);
}

#[tokio::test]
async fn one_record_at_most_waits_for_a_peer_that_does_not_read() {
    let (mut ours, mut theirs) = pair(1024);
    let data = pattern(MOST);
    assert_eq!(ours.write(&data).await.unwrap(), MOST);
    assert!(ours.write(&data).now_or_never().is_none());
    assert!(ours.flush().now_or_never().is_none());
    assert!(ours.buffered() <= LONGEST);
    let mut read = vec![0; MOST];
    let (flushed, received) = tokio::join!(ours.flush(), theirs.read_exact(&mut read));
    flushed.unwrap();
    received.unwrap();
    assert_eq!(read, data);
    assert_eq!((ours.buffered(), theirs.buffered()), (0, 0), "an idle stream owns no buffers");
}

#[tokio::test]
async fn a_few_bytes_pin_no_large_buffer() {
    let bytes = sent(async |stream| {
        stream.write_all(&pattern(MOST)).await.unwrap();
        stream.write_all(b"end").await.unwrap();
    })
    .await;
    let (mut wire, stream) = duplex(1 << 20);
    let mut stream = NoiseStream::new(stream, Records::pair(0, OFTEN).1);
    // In two pieces, so that a large buffer is made, and with the beginning of another record.
    wire.write_all(&bytes[..40_000]).await.unwrap();
    let mut read = vec![0; MOST];
    assert!(stream.read(&mut read).now_or_never().is_none());
    wire.write_all(&bytes[40_000..LONGEST + 5]).await.unwrap();
    stream.read_exact(&mut read).await.unwrap();
    assert!(stream.read(&mut read).now_or_never().is_none());
    assert!(stream.buffered() <= 64, "{}", stream.buffered());
    wire.write_all(&bytes[LONGEST + 5..]).await.unwrap();
    assert_eq!(stream.read(&mut read).await.unwrap(), 3);
    assert_eq!(stream.buffered(), 0);
}

#[tokio::test]
async fn a_stream_that_is_cut_off_anywhere_is_not_taken_for_ended() {
    let bytes = sent(async |stream| {
        for size in [1, 20, 300] {
            stream.write_all(&pattern(size)).await.unwrap();
        }
        stream.shutdown().await.unwrap();
    })
    .await;
    let whole: Vec<u8> = [1, 20, 300].into_iter().flat_map(pattern).collect();
    for length in 0..bytes.len() {
        for room in [1, 64, 70_000] {
            let (read, ended) = receive(&bytes[..length], &[length.max(1)], room);
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{length}");
            assert!(whole.starts_with(&read), "{length}");
        }
    }
    let (read, ended) = receive(&bytes, &[bytes.len()], 64);
    ended.unwrap();
    assert_eq!(read, whole);
}

#[tokio::test]
async fn records_before_a_bad_one_are_read_and_none_after() {
    let good = sent(async |stream| {
        for size in [10, 20, 30] {
            stream.write_all(&pattern(size)).await.unwrap();
        }
        stream.shutdown().await.unwrap();
    })
    .await;
    let second = HEAD + 10 + TAG;
    for (place, value) in [(second, 0xff), (second + 1, 0x01), (second + 5, 0xff)] {
        let mut bytes = good.clone();
        bytes[place] ^= value;
        // A length that is too long to be there, or too short to be one, or a damaged record.
        for room in [1, 4, 64, 70_000] {
            for pieces in [&[1][..], &[7], &[1000]] {
                let (read, ended) = receive(&bytes, pieces, room);
                assert_eq!(read, pattern(10), "{place} {room}");
                let kind = ended.unwrap_err().kind();
                let expected = if place == second + 5 || place == second + 1 {
                    io::ErrorKind::ConnectionAborted
                } else {
                    io::ErrorKind::UnexpectedEof
                };
                assert_eq!(kind, expected, "{place} {room}");
            }
        }
    }
    // A record that is shorter than any.
    let mut bytes = good[..second].to_vec();
    bytes.extend_from_slice(&[0, 15]);
    bytes.extend_from_slice(&good[second..]);
    let (read, ended) = receive(&bytes, &[1000], 70_000);
    assert_eq!((read, ended.unwrap_err().kind()), (pattern(10), io::ErrorKind::ConnectionAborted));
}

#[tokio::test(start_paused = true)]
async fn what_follows_the_end_is_not_looked_at() {
    let mut bytes = sent(async |stream| {
        stream.write_all(b"all").await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    bytes.extend_from_slice(&[0, 0, 0, 0]);
    let (read, ended) = receive(&bytes, &[3], 64);
    ended.unwrap();
    assert_eq!(read, b"all");
    // The end is there before the stream below ends.
    let (mut wire, stream) = duplex(1 << 20);
    let mut stream = NoiseStream::new(stream, Records::pair(0, OFTEN).1);
    wire.write_all(&bytes).await.unwrap();
    let mut read = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut read)).await;
    assert_eq!(ended.unwrap().unwrap(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_of_the_bytes_gives_the_same(
        sizes in prop::collection::vec(1..4000usize, 0..8),
        pieces in prop::collection::vec(1..3000usize, 1..6),
        room in prop_oneof![1..40usize, 40..5000usize, Just(70_000)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(sent(async |stream| {
            for size in &sizes {
                stream.write_all(&pattern(*size)).await.unwrap();
            }
            stream.shutdown().await.unwrap();
        }));
        let (read, ended) = receive(&bytes, &pieces, room);
        ended.unwrap();
        prop_assert_eq!(read, sizes.into_iter().flat_map(pattern).collect::<Vec<_>>());
    }

    #[test]
    fn hostile_bytes_are_never_data(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        pieces in prop::collection::vec(1..3000usize, 1..6),
        room in 1..5000usize,
    ) {
        let (read, ended) = receive(&bytes, &pieces, room);
        prop_assert!(read.is_empty() && ended.is_err());
    }
}
