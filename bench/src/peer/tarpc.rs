//! tarpc with bincode, its own client included: over TCP, and over TLS as a stream of its user's.

use std::hint::black_box;

use anyhow::Result;
use futures_util::StreamExt as _;
use tarpc::{
    context,
    serde_transport::{self, Transport},
    server::{BaseChannel, Channel as _},
    tokio_serde::formats::Bincode,
    tokio_util::codec::LengthDelimitedCodec,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{endpoint, endpoint::Endpoint, tls, work::compute};
use crate::load::tasks::Caller;

/// The service.
#[tarpc::service]
pub trait Echo {
    /// Returns its argument.
    async fn echo(text: String) -> String;

    /// Computes, and returns its argument.
    async fn work(text: String) -> String;
}

#[derive(Clone)]
struct EchoService;

impl Echo for EchoService {
    async fn echo(self, _: context::Context, text: String) -> String {
        text
    }

    async fn work(self, _: context::Context, text: String) -> String {
        black_box(compute(&text));
        text
    }
}

/// The transport that tarpc's own `tcp` module would make.
fn transport<S, Item, SinkItem>(stream: S) -> Transport<S, Item, SinkItem, Bincode<Item, SinkItem>>
where
    S: AsyncRead + AsyncWrite,
    Item: for<'a> tarpc::serde::Deserialize<'a>,
    SinkItem: tarpc::serde::Serialize,
{
    serde_transport::new(LengthDelimitedCodec::builder().new_framed(stream), Bincode::default())
}

/// Serves every connection and every call in a task of its own, as tarpc's examples do. Packets do not wait, as they
/// would in its `tcp` module.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        match tls.clone() {
            None => {
                tokio::spawn(calls(stream));
            }
            Some(tls) => {
                tokio::spawn(async move {
                    // Who does not get through the handshake notices.
                    if let Ok(stream) = tls.accept(stream).await {
                        calls(stream).await;
                    }
                });
            }
        }
    }
}

/// Serves one connection.
async fn calls(stream: impl AsyncRead + AsyncWrite + Send + 'static) {
    let calls = BaseChannel::with_defaults(transport(stream)).execute(EchoService.serve());
    calls
        .for_each(async |call| {
            tokio::spawn(call);
        })
        .await;
}

/// One connection.
#[derive(Clone)]
pub(super) struct Client(EchoClient);

impl Caller for Client {
    async fn connect(server: &Endpoint) -> Result<Self> {
        let stream = TcpStream::connect(server.address).await?;
        stream.set_nodelay(true)?;
        let config = tarpc::client::Config::default();
        Ok(Self(if server.transport == endpoint::Transport::Tls {
            EchoClient::new(config, transport(tls::connect(stream, &server.proof).await?)).spawn()
        } else {
            EchoClient::new(config, transport(stream)).spawn()
        }))
    }

    async fn echo(&self, text: &str) -> Result<String> {
        Ok(self.0.echo(context::current(), text.to_owned()).await?)
    }

    async fn work(&self, text: &str) -> Result<String> {
        Ok(self.0.work(context::current(), text.to_owned()).await?)
    }
}
