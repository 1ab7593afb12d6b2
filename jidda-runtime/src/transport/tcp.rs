//! TCP.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::eyeballs::first_answer;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// Whether what is accepted has the options of the listener: two system calls less for each.
const INHERITS: bool = cfg!(any(target_os = "linux", target_os = "android"));

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
    if INHERITS {
        prepare(&socket);
    }
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

pub(super) async fn connect(authority: &str) -> io::Result<TcpStream> {
    let addresses = tokio::net::lookup_host(authority).await?;
    let stream = first_answer(addresses, TcpStream::connect).await?;
    prepare(&SockRef::from(&stream));
    Ok(stream)
}

/// The next stream that arrives.
pub(super) async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    if !INHERITS {
        prepare(&SockRef::from(&stream));
    }
    Ok((stream, peer))
}

/// Small messages leave at once, and a peer that vanished without a word is found by the kernel.
fn prepare(socket: &Socket) {
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| socket.set_keepalive(true)) {
        tracing::debug!(%error, "cannot set socket options");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_ends_of_a_stream_are_prepared() {
        let listener = listen("127.0.0.1:0", &|_| Ok(())).await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let (ours, theirs) = tokio::join!(connect(&authority), accept(&listener));
        for stream in [ours.unwrap(), theirs.unwrap().0] {
            assert!(stream.nodelay().unwrap());
            assert!(SockRef::from(&stream).keepalive().unwrap());
        }
    }
}
