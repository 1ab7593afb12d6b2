//! A relay of TCP between client and server, whose connections can be cut, and which can speak TLS to the client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// The connections that are passed on.
type Connections = Arc<Mutex<JoinSet<()>>>;

/// Passes bytes on as long as it is not dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: String,
    connections: Connections,
    is_open: Arc<AtomicBool>,
    accepting: AbortHandle,
}

impl Relay {
    pub(crate) async fn to(server: &str) -> jidda::Result<Self> {
        Self::start(server, None).await
    }

    /// Speaks TLS to the client, and TCP to the server.
    pub(crate) async fn with_tls(server: &str, acceptor: TlsAcceptor) -> jidda::Result<Self> {
        Self::start(server, Some(acceptor)).await
    }

    async fn start(server: &str, acceptor: Option<TlsAcceptor>) -> jidda::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let connections = Connections::default();
        let is_open = Arc::new(AtomicBool::new(true));
        let accepting = {
            let (server, connections) = (server.to_owned(), Arc::clone(&connections));
            let is_open = Arc::clone(&is_open);
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let (server, acceptor) = (server.clone(), acceptor.clone());
                    let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
                    while connections.try_join_next().is_some() {}
                    // Asked for under the lock: what `refuse` cuts and what is refused here are all there is.
                    if !is_open.load(Ordering::Relaxed) {
                        continue;
                    }
                    connections.spawn(async move {
                        match acceptor {
                            None => pass(client, &server).await,
                            Some(acceptor) => {
                                if let Ok(client) = acceptor.accept(client).await {
                                    pass(client, &server).await;
                                }
                            }
                        }
                    });
                }
            })
        };
        Ok(Self { address, connections, is_open, accepting: accepting.abort_handle() })
    }

    /// Cuts every connection, and each new one.
    pub(crate) fn refuse(&self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_open.store(false, Ordering::Relaxed);
        connections.abort_all();
    }

    /// Passes new connections on again.
    pub(crate) fn accept(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    /// Cuts every connection; new ones are passed on.
    pub(crate) fn cut(&self) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

async fn pass(mut client: impl AsyncRead + AsyncWrite + Unpin, server: &str) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        copy_bidirectional(&mut client, &mut server).await.ok();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}
