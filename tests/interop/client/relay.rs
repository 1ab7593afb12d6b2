//! A relay of TCP between client and server, whose connections can be cut, and which can speak TLS to the client.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What is between the client and the relay.
#[derive(Clone)]
enum Front {
    Tcp,
    Tls(TlsAcceptor),
    /// A proxy of HTTP that the client asks for a tunnel.
    Tunnel,
}

/// What is done with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    /// They stay open, and nothing is passed on.
    Swallow,
    Refuse,
}

/// The connections that there are, and what is done with new ones.
#[derive(Debug)]
struct Connections {
    tasks: JoinSet<()>,
    mode: watch::Sender<Mode>,
}

/// Passes bytes on as long as it is not dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: String,
    connections: Arc<Mutex<Connections>>,
    accepting: AbortHandle,
}

impl Relay {
    pub(crate) async fn to(server: &str) -> jidda::Result<Self> {
        Self::start(server, Front::Tcp).await
    }

    /// Speaks TLS to the client, and TCP to the server.
    pub(crate) async fn with_tls(server: &str, acceptor: TlsAcceptor) -> jidda::Result<Self> {
        Self::start(server, Front::Tls(acceptor)).await
    }

    /// Is a proxy of HTTP, which leads to this server whatever it is asked for.
    pub(crate) async fn tunnel(server: &str) -> jidda::Result<Self> {
        Self::start(server, Front::Tunnel).await
    }

    async fn start(server: &str, front: Front) -> jidda::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let connections = Connections { tasks: JoinSet::new(), mode: watch::Sender::new(Mode::Pass) };
        let connections = Arc::new(Mutex::new(connections));
        let accepting = tokio::spawn(accept(listener, server.to_owned(), front, Arc::clone(&connections)));
        Ok(Self { address, connections, accepting: accepting.abort_handle() })
    }

    /// Cuts every connection, but for those that are to stay and swallow.
    fn change(&self, mode: Mode) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.mode.send_replace(mode);
        if mode != Mode::Swallow {
            connections.tasks.abort_all();
        }
    }

    /// Cuts every connection; new ones are passed on.
    pub(crate) fn cut(&self) {
        self.change(Mode::Pass);
    }

    /// Cuts every connection, and each new one.
    pub(crate) fn refuse(&self) {
        self.change(Mode::Refuse);
    }

    /// Passes new connections on again.
    pub(crate) fn accept(&self) {
        self.change(Mode::Pass);
    }

    /// Passes nothing on any more, and cuts nothing.
    pub(crate) fn swallow(&self) {
        self.change(Mode::Swallow);
    }
}

async fn accept(listener: TcpListener, server: String, front: Front, connections: Arc<Mutex<Connections>>) {
    while let Ok((client, _)) = listener.accept().await {
        // The mode is read under the lock: `refuse` cuts a connection, or it is refused here.
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        while connections.tasks.try_join_next().is_some() {}
        let mode = connections.mode.subscribe();
        if *mode.borrow() != Mode::Refuse {
            connections.tasks.spawn(serve(client, server.clone(), front.clone(), mode));
        }
    }
}

async fn serve(mut client: TcpStream, server: String, front: Front, mode: watch::Receiver<Mode>) {
    match front {
        Front::Tcp => pass(client, &server, mode).await,
        Front::Tls(acceptor) => {
            if let Ok(client) = acceptor.accept(client).await {
                pass(client, &server, mode).await;
            }
        }
        Front::Tunnel => {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = client.read_u8().await else { return };
                head.push(byte);
            }
            let answer: &[u8] = if head.starts_with(b"CONNECT ") {
                b"HTTP/1.1 200 Connection established\r\n\r\n"
            } else {
                b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"
            };
            if client.write_all(answer).await.is_ok() {
                pass(client, &server, mode).await;
            }
        }
    }
}

async fn pass(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    server: &str,
    mut mode: watch::Receiver<Mode>,
) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let is_swallowed = tokio::select! {
        biased;
        _ = mode.wait_for(|&mode| mode == Mode::Swallow) => true,
        _ = copy_bidirectional(&mut client, &mut server) => false,
    };
    if is_swallowed {
        // Both connections stay open until they are cut.
        std::future::pending::<()>().await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.change(Mode::Refuse);
    }
}
