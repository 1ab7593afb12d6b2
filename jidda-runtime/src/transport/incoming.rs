//! A stream that has arrived, before it is known whether it is worth anything.

use std::io;

#[cfg(any(feature = "noise", feature = "tls"))]
use tokio::net::TcpStream;

#[cfg(feature = "noise")]
use super::noise::{self, NoiseServer};
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls::{self, TlsServer};
use crate::peer::Security;

/// What a [`Listener`](super::Listener) accepts.
#[derive(Debug)]
pub enum Incoming {
    /// A stream of bytes in the clear.
    Clear(Stream),
    /// One that is protected once its handshake is done.
    Encrypted(Handshaking),
}

/// A stream before its handshake, whose duration depends on the peer: it needs a task and a time limit of its own.
#[derive(Debug)]
pub struct Handshaking(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(feature = "tls")]
    Tls(TcpStream, TlsServer),
    #[cfg(feature = "noise")]
    Noise(TcpStream, NoiseServer),
}

impl Handshaking {
    #[cfg(feature = "tls")]
    pub(super) fn tls(stream: TcpStream, server: TlsServer) -> Incoming {
        Incoming::Encrypted(Self(Kind::Tls(stream, server)))
    }

    #[cfg(feature = "noise")]
    pub(super) fn noise(stream: TcpStream, server: NoiseServer) -> Incoming {
        Incoming::Encrypted(Self(Kind::Noise(stream, server)))
    }

    /// Waits for the peer's first bytes, or for its end.
    ///
    /// # Errors
    ///
    /// The operating system's.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost by dropping the future.
    #[cfg_attr(not(any(feature = "noise", feature = "tls")), allow(clippy::unused_async))]
    pub async fn heard(&self) -> io::Result<()> {
        // Looked at: a stream may be called readable that is not.
        match self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(ref stream, _) => stream.peek(&mut [0]).await.map(|_| ()),
            #[cfg(feature = "noise")]
            Kind::Noise(ref stream, _) => stream.peek(&mut [0]).await.map(|_| ()),
        }
    }

    /// Runs the handshake: the stream, and what was proved with it.
    ///
    /// # Errors
    ///
    /// The fault of the peer, or that it closed the stream. The peer received the error as far as its protocol has one; there is
    /// no fallback to plaintext.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the stream.
    pub async fn finish(self) -> io::Result<(Stream, Security)> {
        match self.0 {
            #[cfg(feature = "tls")]
            Kind::Tls(stream, server) => {
                let (stream, security) = tls::accept(stream, &server).await?;
                Ok((Stream::Tls(Box::new(stream)), security))
            }
            #[cfg(feature = "noise")]
            Kind::Noise(stream, server) => {
                let (stream, key) = noise::accept(stream, &server).await?;
                Ok((Stream::Noise(Box::new(stream)), Security::Noise { key }))
            }
        }
    }
}
