//! Where a server may listen: an address, or a socket that listens already.

use std::fmt;
use std::net::SocketAddr;

#[cfg(any(feature = "noise", feature = "tls"))]
use crate::transport::Encryption;
use crate::transport::{Address, Adopted};

/// What a server listens at: an address, as text or not, or a socket that listens already, such as one that the system
/// opened for the program (socket activation).
///
/// ```
/// use std::net::{Ipv4Addr, SocketAddr, TcpListener};
/// use jidda::Server;
/// use jidda::server::Listen;
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let builder = Server::builder()
///     .listen("localhost:8000")
///     .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 8001)))
///     .listen(listener.try_clone()?)
///     .listen(Listen::tls(listener));
/// # let _ = builder;
/// # Ok(())
/// # }
/// ```
pub struct Listen(pub(super) Target);

pub(super) enum Target {
    Text(String),
    Address(Address),
    Socket(Adopted),
}

impl Listen {
    /// A TCP socket where TLS is spoken, with the certificate of [`ServerBuilder::tls`](crate::ServerBuilder::tls).
    #[cfg(feature = "tls")]
    pub fn tls(listener: impl Into<Adopted>) -> Self {
        listener.into().encrypted(Encryption::Tls).into()
    }

    /// A TCP socket where Noise is spoken, with the keys of [`ServerBuilder::noise`](crate::ServerBuilder::noise).
    #[cfg(feature = "noise")]
    pub fn noise(listener: impl Into<Adopted>) -> Self {
        listener.into().encrypted(Encryption::Noise).into()
    }
}

/// An address as text, or `a socket that listens already`.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Text(text) => f.write_str(text),
            Target::Address(address) => address.fmt(f),
            Target::Socket(_) => f.write_str("a socket that listens already"),
        }
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<String> for Listen {
    fn from(text: String) -> Self {
        Self(Target::Text(text))
    }
}

impl From<&String> for Listen {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&str> for Listen {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Address> for Listen {
    fn from(address: Address) -> Self {
        Self(Target::Address(address))
    }
}

impl From<&Address> for Listen {
    fn from(address: &Address) -> Self {
        address.clone().into()
    }
}

impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Address::Tcp(address.to_string()).into()
    }
}

impl From<Adopted> for Listen {
    fn from(socket: Adopted) -> Self {
        Self(Target::Socket(socket))
    }
}

impl From<std::net::TcpListener> for Listen {
    fn from(listener: std::net::TcpListener) -> Self {
        Adopted::from(listener).into()
    }
}

impl From<tokio::net::TcpListener> for Listen {
    fn from(listener: tokio::net::TcpListener) -> Self {
        Adopted::from(listener).into()
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for Listen {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Adopted::from(listener).into()
    }
}

#[cfg(unix)]
impl From<tokio::net::UnixListener> for Listen {
    fn from(listener: tokio::net::UnixListener) -> Self {
        Adopted::from(listener).into()
    }
}
