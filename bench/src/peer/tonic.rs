//! tonic: gRPC over HTTP/2, its own client included.

use anyhow::Result;
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Server, ServerTlsConfig, server::TcpIncoming},
};

use self::generated::{
    texts_client::TextsClient,
    texts_server::{Texts, TextsServer},
};
use super::{
    endpoint::{Endpoint, Transport},
    tls::{HOST, Identity},
};
use crate::{
    load::{streams::Reader, tasks::Caller},
    wire::TEXT,
};

/// What `build.rs` describes.
#[allow(clippy::pedantic)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/bench.Texts.rs"));
}

/// The one message.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

struct Service;

#[tonic::async_trait]
impl Texts for Service {
    async fn echo(&self, request: Request<Text>) -> Result<Response<Text>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type ItemsStream = BoxStream<'static, Result<Text, Status>>;

    async fn items(&self, _: Request<Text>) -> Result<Response<Self::ItemsStream>, Status> {
        Ok(Response::new(stream::repeat_with(|| Ok(Text { text: TEXT.to_owned() })).boxed()))
    }
}

/// Serves until the process ends.
pub(super) async fn serve(listener: TcpListener, tls: Option<Identity>) -> Result<()> {
    let mut server = Server::builder();
    if let Some(Identity { certificate, key }) = tls {
        let identity = tonic::transport::Identity::from_pem(certificate, key);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    server.add_service(TextsServer::new(Service)).serve_with_incoming(incoming).await?;
    Ok(())
}

/// One connection.
#[derive(Clone)]
pub(super) struct Client(TextsClient<Channel>);

impl Caller for Client {
    async fn connect(server: &Endpoint) -> Result<Self> {
        let (scheme, tls) = match server.transport {
            Transport::Tls => {
                let certificate = Certificate::from_pem(&server.proof);
                ("https", Some(ClientTlsConfig::new().ca_certificate(certificate).domain_name(HOST)))
            }
            Transport::Tcp | Transport::Noise => ("http", None),
        };
        let mut channel = Channel::from_shared(format!("{scheme}://{}", server.address))?;
        if let Some(tls) = tls {
            channel = channel.tls_config(tls)?;
        }
        Ok(Self(TextsClient::new(channel.connect().await?)))
    }

    async fn echo(&self, text: &str) -> Result<String> {
        // A clone is what tonic's users take for calls at the same time: it is cheap.
        Ok(self.0.clone().echo(Text { text: text.to_owned() }).await?.into_inner().text)
    }
}

impl Reader for Client {
    async fn items(&self) -> Result<BoxStream<'static, Result<String>>> {
        let items = self.0.clone().items(Text::default()).await?.into_inner();
        Ok(items.map(|item| Ok(item?.text)).boxed())
    }
}
