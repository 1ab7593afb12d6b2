//! tarpc over TCP with bincode, its own client included.

use std::net::SocketAddr;

use anyhow::Result;
use futures_util::StreamExt as _;
use tarpc::{
    context,
    serde_transport::{self, Transport},
    server::{BaseChannel, Channel as _},
    tokio_serde::formats::Bincode,
    tokio_util::codec::LengthDelimitedCodec,
};
use tokio::net::{TcpListener, TcpStream};

use crate::load::tasks::Caller;

/// The service.
#[tarpc::service]
pub trait Echo {
    /// Returns its argument.
    async fn echo(text: String) -> String;
}

#[derive(Clone)]
struct EchoService;

impl Echo for EchoService {
    async fn echo(self, _: context::Context, text: String) -> String {
        text
    }
}

/// The transport that tarpc's own `tcp` module would make, but without the delay that small packets have there.
fn transport<Item, SinkItem>(
    stream: TcpStream,
) -> Result<Transport<TcpStream, Item, SinkItem, Bincode<Item, SinkItem>>>
where
    Item: for<'a> tarpc::serde::Deserialize<'a>,
    SinkItem: tarpc::serde::Serialize,
{
    stream.set_nodelay(true)?;
    let framed = LengthDelimitedCodec::builder().new_framed(stream);
    Ok(serde_transport::new(framed, Bincode::default()))
}

/// Serves every connection and every call in a task of its own, as tarpc's examples do.
pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let calls = BaseChannel::with_defaults(transport(stream)?).execute(EchoService.serve());
        tokio::spawn(calls.for_each(async |call| {
            tokio::spawn(call);
        }));
    }
}

/// One connection.
#[derive(Clone)]
pub(super) struct Client(EchoClient);

impl Caller for Client {
    async fn connect(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        Ok(Self(EchoClient::new(tarpc::client::Config::default(), transport(stream)?).spawn()))
    }

    async fn echo(&self, text: String) -> Result<String> {
        Ok(self.0.echo(context::current(), text).await?)
    }
}
