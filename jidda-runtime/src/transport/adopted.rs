//! Sockets that listen already when they are given to a server.

use std::io;

use super::address::Address;

/// What is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Clear text.
    None,
    /// TLS, with the feature `tls`.
    #[cfg(feature = "tls")]
    Tls,
    /// Noise, with the feature `noise`.
    #[cfg(feature = "noise")]
    Noise,
}

/// A socket that listens already.
#[derive(Debug)]
pub struct Adopted {
    /// An error is that the socket could not be taken from the runtime that it was made in.
    socket: io::Result<Socket>,
    encryption: Encryption,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl Adopted {
    fn new(socket: io::Result<Socket>) -> Self {
        Self { socket, encryption: Encryption::None }
    }

    /// The same with encryption.
    #[must_use]
    pub fn encrypted(self, encryption: Encryption) -> Self {
        Self { encryption, ..self }
    }

    pub(super) fn encryption(&self) -> Encryption {
        self.encryption
    }

    fn socket(&self) -> io::Result<&Socket> {
        self.socket.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// The operating system's; or it is a Unix socket that is to be encrypted.
    pub fn address(&self) -> io::Result<Address> {
        match (self.socket()?, self.encryption) {
            (Socket::Tcp(listener), encryption) => {
                let authority = listener.local_addr()?.to_string();
                Ok(match encryption {
                    Encryption::None => Address::Tcp(authority),
                    #[cfg(feature = "tls")]
                    Encryption::Tls => Address::Tls(authority),
                    #[cfg(feature = "noise")]
                    Encryption::Noise => Address::Noise(authority),
                })
            }
            #[cfg(unix)]
            (Socket::Unix(listener), Encryption::None) => {
                Ok(Address::Unix(listener.local_addr()?.as_pathname().map(Into::into).unwrap_or_default()))
            }
            #[cfg(all(unix, any(feature = "noise", feature = "tls")))]
            (Socket::Unix(_), _) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "a Unix socket is not encrypted"))
            }
        }
    }

    /// Another handle of the socket, which does not block.
    pub(super) fn share(&self) -> io::Result<Socket> {
        match self.socket()? {
            Socket::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                listener.try_clone().map(Socket::Tcp)
            }
            #[cfg(unix)]
            Socket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                listener.try_clone().map(Socket::Unix)
            }
        }
    }
}

impl From<std::net::TcpListener> for Adopted {
    fn from(listener: std::net::TcpListener) -> Self {
        Self::new(Ok(Socket::Tcp(listener)))
    }
}

impl From<tokio::net::TcpListener> for Adopted {
    fn from(listener: tokio::net::TcpListener) -> Self {
        Self::new(listener.into_std().map(Socket::Tcp))
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for Adopted {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        Self::new(Ok(Socket::Unix(listener)))
    }
}

#[cfg(unix)]
impl From<tokio::net::UnixListener> for Adopted {
    fn from(listener: tokio::net::UnixListener) -> Self {
        Self::new(listener.into_std().map(Socket::Unix))
    }
}
