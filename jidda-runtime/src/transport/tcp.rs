//! TCP.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;

pub(super) async fn listen(
    authority: &str,
    configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    for address in tokio::net::lookup_host(authority).await? {
        match listen_on(address, configure) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen_on(
    address: SocketAddr,
    configure: &(dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync),
) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A server that restarts must not wait for its old connections to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    configure(&SockRef::from(&socket))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

pub(super) async fn connect(authority: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(authority).await?;
    prepare(&stream);
    Ok(stream)
}

/// Small messages leave at once, and a peer that vanished without a word is found by the kernel.
pub(super) fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_keepalive(true)) {
        tracing::debug!(%error, "cannot set socket options");
    }
}
