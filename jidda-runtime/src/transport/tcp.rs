//! TCP.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::eyeballs::first_answer;
use super::keep_alive::KeepAlive;
use crate::foreign::printable;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// Whether what is accepted has the options of the listener: two system calls less for each.
const INHERITS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How often a port that the system chose is given up, where another program has it at another of a name's addresses.
const ATTEMPTS: usize = 16;

/// What listens at all addresses of one host, at one port.
#[derive(Debug)]
pub(super) struct TcpListeners {
    listeners: Vec<TcpListener>,
    /// Which of them is asked first: none is kept waiting by another.
    first: usize,
    keep_alive: KeepAlive,
}

/// Why there is nothing to listen with at an address.
enum Unbound {
    /// This machine does not have the address, or the family of addresses.
    Elsewhere(io::Error),
    Failed(io::Error),
}

type Configure<'a> = &'a (dyn Fn(&SockRef<'_>) -> io::Result<()> + Sync);

pub(super) async fn listen(
    authority: &str,
    configure: Configure<'_>,
    keep_alive: KeepAlive,
) -> io::Result<TcpListeners> {
    let mut addresses = Vec::new();
    for address in tokio::net::lookup_host(authority).await? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    // The program has the last word.
    let configure = |socket: &SockRef<'_>| {
        prepare(socket, keep_alive);
        configure(socket)
    };
    let listeners = TcpListeners::bind(&addresses, &configure)?;
    Ok(TcpListeners { keep_alive, ..listeners })
}

impl TcpListeners {
    /// Takes a socket that listens already.
    pub(super) fn adopt(
        listener: std::net::TcpListener,
        configure: Configure<'_>,
        keep_alive: KeepAlive,
    ) -> io::Result<Self> {
        let socket = SockRef::from(&listener);
        prepare(&socket, keep_alive);
        configure(&socket)?;
        Ok(Self { listeners: vec![TcpListener::from_std(listener)?], first: 0, keep_alive })
    }

    /// Listens at all of the addresses that this machine has. They are those of one name: with port 0 all of them have
    /// the port that the system chooses for the first.
    fn bind(addresses: &[SocketAddr], configure: Configure<'_>) -> io::Result<Self> {
        let has_free_port = addresses.iter().all(|address| address.port() == 0);
        let mut attempts = if has_free_port && addresses.len() > 1 { ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Self::try_bind(addresses, configure) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
                bound => return bound,
            }
        }
    }

    fn try_bind(addresses: &[SocketAddr], configure: Configure<'_>) -> io::Result<Self> {
        let mut elsewhere = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
        let (mut listeners, mut port) = (Vec::new(), None);
        for address in addresses {
            let mut address = *address;
            address.set_port(port.unwrap_or(address.port()));
            match listen_on(address, configure) {
                Ok(listener) => {
                    port = Some(listener.local_addr()?.port());
                    listeners.push(listener);
                }
                Err(Unbound::Elsewhere(error)) => {
                    if addresses.len() > 1 {
                        tracing::debug!(%address, error = %printable(&error), "a host has an address that is not of this machine");
                    }
                    elsewhere = error;
                }
                // Half of a name at another program is worse than none of it.
                Err(Unbound::Failed(error)) => return Err(error),
            }
        }
        if listeners.is_empty() {
            Err(elsewhere)
        } else {
            Ok(Self { listeners, first: 0, keep_alive: KeepAlive::default() })
        }
    }

    pub(super) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// The next stream, and the address of its peer.
    pub(super) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = poll_fn(|cx| self.poll_accept(cx)).await?;
        if !INHERITS {
            prepare(&SockRef::from(&stream), self.keep_alive);
        }
        Ok((stream, peer))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let count = self.listeners.len();
        for place in (self.first..self.first + count).map(|place| place % count) {
            if let Poll::Ready(accepted) = self.listeners[place].poll_accept(cx) {
                self.first = place + 1;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

fn listen_on(address: SocketAddr, configure: Configure<'_>) -> Result<TcpListener, Unbound> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
        .map_err(Unbound::Elsewhere)?;
    let bind = || {
        socket.set_nonblocking(true)?;
        // A server that restarts must not wait for its old connections to be forgotten.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())
    };
    bind().map_err(|error| match error.kind() {
        io::ErrorKind::AddrNotAvailable => Unbound::Elsewhere(error),
        _ => Unbound::Failed(error),
    })?;
    let listen = || {
        configure(&SockRef::from(&socket))?;
        socket.listen(BACKLOG)
    };
    listen().map_err(Unbound::Failed)?;
    TcpListener::from_std(socket.into()).map_err(Unbound::Failed)
}

pub(super) async fn connect(authority: &str) -> io::Result<TcpStream> {
    let addresses = tokio::net::lookup_host(authority).await?;
    let stream = first_answer(addresses, TcpStream::connect).await?;
    prepare(&SockRef::from(&stream), KeepAlive::default());
    Ok(stream)
}

/// Small messages leave at once, and a peer that vanished without a word is found by the kernel.
fn prepare(socket: &Socket, keep_alive: KeepAlive) {
    if let Err(error) = socket.set_tcp_nodelay(true).and_then(|()| keep_alive.apply(socket)) {
        tracing::debug!(error = %printable(&error), "cannot set socket options");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn both_ends_of_a_stream_are_prepared() {
        let mut listener = listen("127.0.0.1:0", &|_| Ok(()), KeepAlive::default()).await.unwrap();
        let authority = listener.addresses().unwrap()[0].to_string();
        let (ours, theirs) = tokio::join!(connect(&authority), listener.accept());
        for stream in [ours.unwrap(), theirs.unwrap().0] {
            assert!(stream.nodelay().unwrap());
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap());
            #[cfg(target_os = "linux")]
            {
                let seconds = Duration::from_secs;
                assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(60));
                assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(15));
                assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
                assert_eq!(socket.tcp_user_timeout().unwrap(), Some(seconds(120)));
            }
        }
    }

    /// Addresses that the loopback of this system has, and one of a documentation that no machine has.
    fn addresses(port: u16) -> Vec<SocketAddr> {
        let all = ["127.0.0.1", "192.0.2.1", "127.0.0.2", "127.0.0.3"];
        all.map(|address| SocketAddr::new(address.parse().unwrap(), port)).to_vec()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn all_addresses_of_a_name_are_listened_at_on_one_port() {
        let mut listeners = TcpListeners::bind(&addresses(0), &|_| Ok(())).unwrap();
        let bound = listeners.addresses().unwrap();
        let port = bound[0].port();
        assert_ne!(port, 0);
        let here: Vec<_> =
            addresses(port).into_iter().filter(|address| address.ip() != addresses(0)[1].ip()).collect();
        assert_eq!(bound, here);
        let mut connected = Vec::new();
        for address in [&bound[2], &bound[0], &bound[1], &bound[0], &bound[0]] {
            connected.push(connect(&address.to_string()).await.unwrap());
        }
        let mut peers: Vec<_> = connected.iter().map(|stream| stream.local_addr().unwrap()).collect();
        let mut accepted = Vec::new();
        for _ in &peers {
            accepted.push(listeners.accept().await.unwrap().1);
        }
        peers.sort();
        accepted.sort();
        assert_eq!(accepted, peers);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_program_has_the_last_word_and_any_time_will_do() {
        let (seconds, max) = (Duration::from_secs, Duration::MAX);
        for (after, patience, expected) in [
            (Duration::ZERO, max, (false, None, None)),
            (Duration::from_millis(1), Duration::ZERO, (true, Some(1), Some(2))),
            (seconds(60), seconds(600), (true, Some(60), Some(1200))),
            (max, max, (true, Some(32_767), Some(65_534))),
        ] {
            let listener = listen("127.0.0.1:0", &|_| Ok(()), KeepAlive { after, patience }).await.unwrap();
            let socket = SockRef::from(&listener.listeners[0]);
            let is_on = socket.keepalive().unwrap();
            let time = is_on.then(|| socket.tcp_keepalive_time().unwrap().as_secs());
            let user = socket.tcp_user_timeout().unwrap().map(|limit| limit.as_secs());
            assert_eq!((is_on, time, user), expected, "{after:?} {patience:?}");
        }
        let off = |socket: &SockRef<'_>| socket.set_keepalive(false);
        let listener = listen("127.0.0.1:0", &off, KeepAlive::default()).await.unwrap();
        assert!(!SockRef::from(&listener.listeners[0]).keepalive().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn half_of_a_name_is_not_served() {
        let taken = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = TcpListeners::bind(&addresses(port), &|_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let error = TcpListeners::bind(&addresses(0)[1..2], &|_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        let error =
            TcpListeners::bind(&addresses(0), &|_| Err(io::ErrorKind::InvalidInput.into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(TcpListeners::bind(&[], &|_| Ok(())).is_err());
    }

    #[tokio::test]
    async fn a_name_is_listened_at_wherever_it_is() {
        let listeners = listen("localhost:0", &|_| Ok(()), KeepAlive::default()).await.unwrap();
        let bound = listeners.addresses().unwrap();
        for address in tokio::net::lookup_host(("localhost", bound[0].port())).await.unwrap() {
            if std::net::TcpListener::bind((address.ip(), 0)).is_ok() {
                assert!(bound.contains(&address), "{address} is not among {bound:?}");
                connect(&address.to_string()).await.unwrap();
            }
        }
    }
}
