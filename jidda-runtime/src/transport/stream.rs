//! Every medium behind one type: a connection does not know which it runs on.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::address::Address;
#[cfg(feature = "noise")]
use super::noise::{self, NoiseStream};
use super::peer_alert::PeerAlert;
use super::pipe::MemoryStream;
use super::rewind::Rewind;
use super::secrets::ClientSecrets;
#[cfg(feature = "tls")]
use super::tls::{self, TlsStream};
use super::{memory, tcp};
use crate::peer::{Security, Transport};
use crate::sync::Mutex;

/// `Err` is the stream that replaces this one from now on.
pub type Replaced<T> = Result<T, Box<Stream>>;

/// A stream that consists of separate requests, until a stream of another kind takes it over.
pub trait RequestStream: fmt::Debug + Send + Sync {
    /// As [`AsyncRead::poll_read`].
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>)
    -> Replaced<Poll<io::Result<()>>>;

    /// As [`AsyncWrite::poll_write_vectored`].
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Replaced<Poll<io::Result<usize>>>;

    /// As [`AsyncWrite::poll_flush`].
    fn poll_flush(&mut self) -> Replaced<Poll<io::Result<()>>>;

    /// As [`AsyncWrite::poll_shutdown`].
    fn poll_shutdown(&mut self) -> Replaced<Poll<io::Result<()>>>;

    /// The connection is closing: what is written from now on is kept for the next request.
    fn finish(&mut self) -> Replaced<()>;

    /// The peer is given up: what no request took is dropped.
    fn abandon(&mut self) -> Replaced<()>;

    /// Whether the peer has ended it.
    fn is_hung_up(&self) -> bool;
}

/// A connected stream of bytes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over TCP, in TLS.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
    /// Over TCP, in Noise.
    #[cfg(feature = "noise")]
    Noise(Box<NoiseStream<TcpStream>>),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// Within the process.
    Memory(MemoryStream),
    /// Over requests of HTTP. It becomes another one when a WebSocket takes over.
    // Boxed twice: a pointer with a table of methods would make every idle connection larger.
    Requests(Box<Box<dyn RequestStream>>),
    /// One of the others of which something was read. It becomes that one when this was read again.
    Rewind(Box<Rewind<Stream>>),
    /// The stream of another crate's server.
    Foreign(Foreign),
}

/// A stream of another crate's server.
pub struct Foreign(Box<Mutex<dyn Duplex>>);

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign").finish_non_exhaustive()
    }
}

impl Stream {
    /// Connects to `address`, with the handshake that it needs; `secrets` has the keys, certificates and trusted roots for
    /// it. Returns what the server proved, too.
    ///
    /// # Errors
    ///
    /// The operating system's, or what went wrong in the handshake.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(address: &Address, secrets: &ClientSecrets) -> io::Result<(Self, Option<Security>)> {
        #[cfg(not(any(feature = "noise", feature = "tls")))]
        let ClientSecrets {} = secrets;
        let stream = match address {
            Address::Tcp(authority) => tcp::connect(authority).await.map(Self::Tcp),
            #[cfg(feature = "tls")]
            Address::Tls(authority) => {
                let stream = tcp::connect(authority).await?;
                let client = secrets.tls.clone().unwrap_or_default();
                let stream = tls::connect(stream, authority, &client).await?;
                let security = stream.security();
                return Ok((Self::Tls(Box::new(stream)), Some(security)));
            }
            #[cfg(feature = "noise")]
            Address::Noise(authority) => {
                let Some(client) = &secrets.noise else {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "there are no keys"));
                };
                let stream = tcp::connect(authority).await?;
                let stream = noise::connect(stream, client).await?;
                // Only the holder of that key could have completed the handshake.
                let security = Security::Noise { key: *client.server().as_bytes() };
                return Ok((Self::Noise(Box::new(stream)), Some(security)));
            }
            #[cfg(unix)]
            Address::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
            Address::Memory(name) => memory::connect(name).await.map(Self::Memory),
            #[allow(unreachable_patterns)]
            _ => Err(address.unsupported()),
        };
        Ok((stream?, None))
    }

    /// Connects by TCP to a host and a port, for a protocol that begins in clear text or asks a proxy first.
    #[cfg(feature = "web-client")]
    pub(crate) async fn connect_tcp(authority: &str) -> io::Result<TcpStream> {
        tcp::connect(authority).await
    }

    /// Runs a client's TLS handshake for HTTP on a stream that leads to this host and port. Returns what the server
    /// proved, too.
    #[cfg(feature = "web-client")]
    pub(crate) async fn secure_for_http(
        stream: TcpStream,
        authority: &str,
        secrets: &ClientSecrets,
    ) -> io::Result<(Self, Security)> {
        #[cfg(feature = "tls")]
        {
            let client = secrets.tls.clone().unwrap_or_default();
            let mut stream = tls::connect_for_http(stream, authority, &client).await?;
            // Responses and the frames of a WebSocket say where they end.
            stream.allow_abrupt_end();
            let security = stream.security();
            Ok((Self::Tls(Box::new(stream)), security))
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = (stream, authority, secrets);
            Err(io::Error::new(io::ErrorKind::Unsupported, "turn jidda's feature `tls` on for it"))
        }
    }

    /// Has the reason why the peer ended the stream, once that is known and where the medium has such reasons.
    pub(crate) fn peer_alert(&self) -> PeerAlert {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.peer_alert().clone(),
            _ => PeerAlert::default(),
        }
    }

    /// A stream of another kind.
    pub(crate) fn foreign(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        // The mutex is never locked (`get_mut` only): it makes a stream that is `Send` also `Sync`.
        Self::Foreign(Foreign(Box::new(Mutex::new(stream))))
    }

    /// The same stream with `bytes` to be read before it.
    pub(crate) fn with_rewind(self, bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { self } else { Self::Rewind(Box::new(Rewind::new(bytes, self))) }
    }

    /// Treats an end of the stream without a `close_notify` as an orderly one from now on: the protocol inside marks its own
    /// end.
    pub(crate) fn allow_abrupt_end(&mut self) {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.allow_abrupt_end(),
            _ => {}
        }
    }

    /// Whether the peer has closed its side, though some of its bytes may still be unread. That is not known of the stream
    /// of another crate's server.
    pub(crate) fn is_hung_up(&self) -> bool {
        let ready = match self {
            Self::Tcp(stream) => stream.ready(Interest::READABLE).now_or_never(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.tcp().ready(Interest::READABLE).now_or_never(),
            #[cfg(feature = "noise")]
            Self::Noise(stream) => stream.stream().ready(Interest::READABLE).now_or_never(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.ready(Interest::READABLE).now_or_never(),
            Self::Memory(stream) => return stream.is_hung_up(),
            Self::Foreign(_) => None,
            Self::Requests(session) => return session.is_hung_up(),
            Self::Rewind(rewind) => return rewind.stream().is_none_or(Self::is_hung_up),
        };
        ready.is_some_and(|ready| ready.is_ok_and(tokio::io::Ready::is_read_closed))
    }

    /// The connection is closing: a stream of requests keeps what is written from now on for the next request, where it
    /// would have waited for one otherwise.
    pub(crate) fn finish(&mut self) {
        if let Self::Requests(session) = self
            && let Err(stream) = session.finish()
        {
            *self = *stream;
        }
    }

    /// The peer is given up: what no request took is dropped.
    pub(crate) fn abandon(&mut self) {
        if let Self::Requests(session) = self
            && let Err(stream) = session.abandon()
        {
            *self = *stream;
        }
    }

    /// Whether dropping the stream is what closes it for the peer.
    pub(crate) fn closes_by_dropping(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            #[cfg(unix)]
            Self::Unix(_) => true,
            _ => false,
        }
    }

    /// What is written from now on is the last, and the stream is dropped right after it: on TCP the last bytes and the end
    /// of the stream then share one packet, where the system supports that.
    pub(crate) fn hold_until_dropped(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Self::Tcp(stream) = self {
            // Without it there are two packets.
            let _ = SockRef::from(stream).set_tcp_cork(true);
        }
    }

    /// Whether [`try_write`](Self::try_write) may take anything.
    #[inline]
    pub(crate) fn takes_from_anyone(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            #[cfg(unix)]
            Self::Unix(_) => true,
            Self::Memory(_) => true,
            _ => false,
        }
    }

    /// Writes from anywhere, without being woken when it would take more; how many bytes it took.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Memory(stream) => stream.try_write(bytes),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Whether what was written may wait for being flushed.
    #[inline]
    pub(crate) fn buffers(&self) -> bool {
        match self {
            Self::Foreign(_) | Self::Rewind(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
            #[cfg(feature = "noise")]
            Self::Noise(_) => true,
            _ => false,
        }
    }

    /// Whether an error can still be sent to the peer after its bytes could not be read.
    pub(crate) fn takes_errors_after_damage(&self) -> bool {
        match self {
            #[cfg(feature = "noise")]
            Self::Noise(stream) => stream.is_tampered_with(),
            _ => false,
        }
    }

    /// What carries its bytes.
    pub(crate) fn medium(&self) -> Transport {
        match self {
            Self::Tcp(_) => Transport::Tcp,
            #[cfg(feature = "tls")]
            Self::Tls(_) => Transport::Tls,
            #[cfg(feature = "noise")]
            Self::Noise(_) => Transport::Noise,
            #[cfg(unix)]
            Self::Unix(_) => Transport::Unix,
            Self::Memory(_) => Transport::Memory,
            Self::Requests(_) => Transport::Polling,
            Self::Foreign(_) => Transport::WebSocket,
            // Nobody has a stream that was given away.
            Self::Rewind(rewind) => rewind.stream().map_or(Transport::Memory, Self::medium),
        }
    }
}

/// Runs `$body` with the stream of the medium, or `$act` with a stream of requests.
macro_rules! each_medium {
    ($self:ident, $stream:ident => $body:expr, $session:ident => $act:expr, $gone:expr) => {{
        let mut this = $self.get_mut();
        loop {
            match this {
                Stream::Tcp($stream) => return $body,
                #[cfg(feature = "tls")]
                Stream::Tls($stream) => return $body,
                #[cfg(feature = "noise")]
                Stream::Noise($stream) => return $body,
                #[cfg(unix)]
                Stream::Unix($stream) => return $body,
                Stream::Memory($stream) => return $body,
                Stream::Foreign(Foreign($stream)) => {
                    let $stream = $stream.get_mut();
                    return $body;
                }
                Stream::Requests($session) => match $act {
                    Ok(result) => return result,
                    Err(stream) => *this = *stream,
                },
                Stream::Rewind(rewind) => match rewind.stream_mut() {
                    Some(stream) => this = stream,
                    None => return $gone,
                },
            }
        }
    }};
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this {
                Self::Tcp(stream) => return Pin::new(stream).poll_read(cx, buffer),
                #[cfg(feature = "tls")]
                Self::Tls(stream) => return Pin::new(stream).poll_read(cx, buffer),
                #[cfg(feature = "noise")]
                Self::Noise(stream) => return Pin::new(stream).poll_read(cx, buffer),
                #[cfg(unix)]
                Self::Unix(stream) => return Pin::new(stream).poll_read(cx, buffer),
                Self::Memory(stream) => return Pin::new(stream).poll_read(cx, buffer),
                Self::Foreign(Foreign(stream)) => return Pin::new(stream.get_mut()).poll_read(cx, buffer),
                Self::Requests(session) => match session.poll_read(cx, buffer) {
                    Ok(result) => return result,
                    Err(stream) => *this = *stream,
                },
                Self::Rewind(_) => {
                    if this.read_rewound(buffer) {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl Stream {
    /// Reads what was read already. `false` when there was no more of it: then the stream is the one it was read from.
    #[cold]
    fn read_rewound(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Self::Rewind(rewind) = self else { return false };
        if let Some(bytes) = rewind.read(buffer.remaining()) {
            buffer.put_slice(bytes);
            return true;
        }
        let Some(rest) = rewind.take() else { return true };
        *self = rest;
        false
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each_medium!(
            self,
            stream => Pin::new(stream).poll_write(cx, bytes),
            session => session.poll_write(cx, &[IoSlice::new(bytes)]),
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        )
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_medium!(
            self,
            stream => Pin::new(stream).poll_flush(cx),
            session => session.poll_flush(),
            Poll::Ready(Ok(()))
        )
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_medium!(
            self,
            stream => Pin::new(stream).poll_shutdown(cx),
            session => session.poll_shutdown(),
            Poll::Ready(Ok(()))
        )
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each_medium!(
            self,
            stream => Pin::new(stream).poll_write_vectored(cx, slices),
            session => session.poll_write(cx, slices),
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        )
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self, Self::Foreign(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_that_are_rare_cost_the_others_nothing() {
        assert!(size_of::<Stream>() <= 8 + size_of::<TcpStream>());
    }
}
