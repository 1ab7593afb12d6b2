//! Where streams arrive.

use std::io;

use socket2::SockRef;

use super::address::Address;
use super::adopted::{Adopted, Encryption, Socket};
#[cfg(any(feature = "noise", feature = "tls"))]
use super::incoming::Handshaking;
use super::incoming::Incoming;
use super::keep_alive::KeepAlive;
#[cfg(feature = "noise")]
use super::noise::NoiseServer;
use super::secrets::ServerSecrets;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls::TlsServer;
#[cfg(unix)]
use super::unix;
use super::{memory, tcp};
use crate::peer::PeerAddress;

/// A place where streams arrive.
#[derive(Debug)]
pub struct Listener(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(tcp::TcpListeners),
    #[cfg(feature = "tls")]
    Tls(tcp::TcpListeners, TlsServer),
    #[cfg(feature = "noise")]
    Noise(tcp::TcpListeners, NoiseServer),
    #[cfg(unix)]
    Unix(unix::OwnedUnixListener),
    Memory(memory::MemoryListener),
}

impl Listener {
    /// Listens at `address`, at a name at each address it has; `configure` sees each socket before it does, `secrets`
    /// has what an encrypted one needs, and `keep_alive` is for TCP.
    ///
    /// # Errors
    ///
    /// The operating system's, or the one of `configure`; or there is nothing to prove itself with at an encrypted
    /// address.
    pub async fn bind(
        address: &Address,
        configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
        secrets: &ServerSecrets,
        keep_alive: KeepAlive,
    ) -> io::Result<Self> {
        #[cfg(not(any(feature = "noise", feature = "tls")))]
        let ServerSecrets {} = secrets;
        match address {
            Address::Tcp(authority) => tcp::listen(authority, configure, keep_alive).await.map(Kind::Tcp),
            #[cfg(feature = "tls")]
            Address::Tls(authority) => match &secrets.tls {
                Some(server) => {
                    let listener = tcp::listen(authority, configure, keep_alive).await?;
                    Ok(Kind::Tls(listener, server.clone()))
                }
                None => Err(no_certificate()),
            },
            #[cfg(feature = "noise")]
            Address::Noise(authority) => match &secrets.noise {
                Some(server) => {
                    let listener = tcp::listen(authority, configure, keep_alive).await?;
                    Ok(Kind::Noise(listener, server.clone()))
                }
                None => Err(no_keys()),
            },
            #[cfg(unix)]
            Address::Unix(path) => unix::listen(path, configure).await.map(Kind::Unix),
            Address::Memory(name) => memory::listen(name).map(Kind::Memory),
            #[allow(unreachable_patterns)]
            _ => Err(address.unsupported()),
        }
        .map(Self)
    }

    /// Takes a socket that listens already; the rest is as for [`bind`](Self::bind).
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind).
    pub fn adopt(
        socket: &Adopted,
        configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
        secrets: &ServerSecrets,
        keep_alive: KeepAlive,
    ) -> io::Result<Self> {
        #[cfg(not(any(feature = "noise", feature = "tls")))]
        let ServerSecrets {} = secrets;
        let listener = match socket.share()? {
            Socket::Tcp(listener) => tcp::TcpListeners::adopt(listener, configure, keep_alive)?,
            #[cfg(unix)]
            Socket::Unix(listener) => return unix::adopt(listener, configure).map(Kind::Unix).map(Self),
        };
        let kind = match socket.encryption() {
            Encryption::None => Kind::Tcp(listener),
            #[cfg(feature = "tls")]
            Encryption::Tls => Kind::Tls(listener, secrets.tls.clone().ok_or_else(no_certificate)?),
            #[cfg(feature = "noise")]
            Encryption::Noise => Kind::Noise(listener, secrets.noise.clone().ok_or_else(no_keys)?),
        };
        Ok(Self(kind))
    }

    /// The addresses, one or more, with the port that the system chose in place of 0.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        let each = |listeners: &tcp::TcpListeners, address: fn(String) -> Address| {
            Ok(listeners.addresses()?.iter().map(|bound| address(bound.to_string())).collect())
        };
        match &self.0 {
            Kind::Tcp(listeners) => each(listeners, Address::Tcp),
            #[cfg(feature = "tls")]
            Kind::Tls(listeners, _) => each(listeners, Address::Tls),
            #[cfg(feature = "noise")]
            Kind::Noise(listeners, _) => each(listeners, Address::Noise),
            #[cfg(unix)]
            Kind::Unix(unix) => {
                let address = unix.listener.local_addr()?;
                Ok(vec![Address::Unix(address.as_pathname().map(Into::into).unwrap_or_default())])
            }
            Kind::Memory(listener) => Ok(vec![Address::Memory(listener.name.clone())]),
        }
    }

    /// The next stream, and the address of its peer.
    ///
    /// # Errors
    ///
    /// The operating system's; most of them concern one peer or pass, and accepting goes on.
    ///
    /// # Cancel safety
    ///
    /// No stream is lost by dropping the future.
    pub async fn accept(&mut self) -> io::Result<(Incoming, PeerAddress)> {
        match &mut self.0 {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Incoming::Clear(Stream::Tcp(stream)), PeerAddress::Tcp(peer)))
            }
            #[cfg(feature = "tls")]
            Kind::Tls(listener, server) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Handshaking::tls(stream, server.clone()), PeerAddress::Tcp(peer)))
            }
            #[cfg(feature = "noise")]
            Kind::Noise(listener, server) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Handshaking::noise(stream, server.clone()), PeerAddress::Tcp(peer)))
            }
            #[cfg(unix)]
            Kind::Unix(unix) => {
                let (stream, _) = unix.listener.accept().await?;
                Ok((Incoming::Clear(Stream::Unix(stream)), PeerAddress::Unix))
            }
            Kind::Memory(listener) => {
                let (stream, name) = listener.accept().await?;
                Ok((Incoming::Clear(Stream::Memory(stream)), PeerAddress::Memory(name)))
            }
        }
    }
}

#[cfg(feature = "tls")]
fn no_certificate() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "there is no certificate")
}

#[cfg(feature = "noise")]
fn no_keys() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "there are no keys")
}
