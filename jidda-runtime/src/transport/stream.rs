//! Every medium behind one type: a connection does not know which it runs on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, Interest, ReadBuf};
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpListener, TcpStream};

use super::address::Address;
#[cfg(unix)]
use super::unix;
use super::{memory, tcp};
use crate::peer::PeerAddress;

/// A connected stream of bytes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// Within the process.
    Memory(DuplexStream),
}

impl Stream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// The operating system's.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(authority) => tcp::connect(authority).await.map(Self::Tcp),
            #[cfg(unix)]
            Address::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            Address::Memory(name) => memory::connect(name).await.map(Self::Memory),
        }
    }

    /// Whether the peer has hung up, though bytes of it may still be unread. In memory that is not known.
    pub(crate) fn is_hung_up(&self) -> bool {
        let ready = match self {
            Self::Tcp(stream) => stream.ready(Interest::READABLE).now_or_never(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.ready(Interest::READABLE).now_or_never(),
            Self::Memory(_) => None,
        };
        ready.is_some_and(|ready| ready.is_ok_and(tokio::io::Ready::is_read_closed))
    }

    /// The medium's name.
    pub fn transport(&self) -> &'static str {
        match self {
            Self::Tcp(_) => "tcp",
            #[cfg(unix)]
            Self::Unix(_) => "unix",
            Self::Memory(_) => "memory",
        }
    }
}

macro_rules! each_medium {
    ($self:expr, $stream:ident => $body:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $body,
            #[cfg(unix)]
            Stream::Unix($stream) => $body,
            Stream::Memory($stream) => $body,
        }
    };
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each_medium!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each_medium!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_medium!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_medium!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each_medium!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }
}

/// A place where streams arrive.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::OwnedUnixListener),
    Memory(memory::MemoryListener),
}

impl Listener {
    /// Listens at `address`; `configure` sees the socket before it does.
    ///
    /// # Errors
    ///
    /// The operating system's, or the one of `configure`.
    pub async fn bind(
        address: &Address,
        configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
    ) -> io::Result<Self> {
        match address {
            Address::Tcp(authority) => tcp::listen(authority, configure).await.map(Kind::Tcp),
            #[cfg(unix)]
            Address::Unix(path) => unix::listen(path, configure).await.map(Kind::Unix),
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            Address::Memory(name) => memory::listen(name).map(Kind::Memory),
        }
        .map(Self)
    }

    /// The address, with the port that the system chose in place of 0.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn address(&self) -> io::Result<Address> {
        match &self.0 {
            Kind::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?.to_string())),
            #[cfg(unix)]
            Kind::Unix(unix) => {
                let address = unix.listener.local_addr()?;
                Ok(Address::Unix(address.as_pathname().map(Into::into).unwrap_or_default()))
            }
            Kind::Memory(listener) => Ok(Address::Memory(listener.name.clone())),
        }
    }

    /// The next stream and who it is from.
    ///
    /// # Errors
    ///
    /// The operating system's; most of them concern one peer or pass, and accepting goes on.
    ///
    /// # Cancel safety
    ///
    /// No stream is lost by dropping the future.
    pub async fn accept(&mut self) -> io::Result<(Stream, PeerAddress)> {
        match &mut self.0 {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                tcp::prepare(&stream);
                Ok((Stream::Tcp(stream), PeerAddress::Tcp(peer)))
            }
            #[cfg(unix)]
            Kind::Unix(unix) => {
                let (stream, _) = unix.listener.accept().await?;
                Ok((Stream::Unix(stream), PeerAddress::Unix))
            }
            Kind::Memory(listener) => {
                let stream = listener.accept().await?;
                Ok((Stream::Memory(stream), PeerAddress::Memory(listener.name.as_str().into())))
            }
        }
    }
}
