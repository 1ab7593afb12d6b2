//! jidda's own client, for measures where the transport or what is behind the server is compared.

use anyhow::Result;
use futures_util::{StreamExt as _, stream::BoxStream};
use jidda::noise::{KeyPair, NoiseClient};
use jidda::prelude::*;
use jidda::tls::TlsClient;

use crate::{
    load::{streams::Reader, tasks::Caller},
    peer::endpoint::{Endpoint, Transport},
};

/// One connection.
#[derive(Clone)]
pub(in crate::peer) struct Connection(Client);

impl Caller for Connection {
    async fn connect(server: &Endpoint) -> Result<Self> {
        let Endpoint { address, transport, proof } = server;
        let builder = match transport {
            Transport::Tcp => Client::builder(format!("tcp://{address}")),
            Transport::Tls => {
                let tls = TlsClient::new().root_certificate(proof)?;
                Client::builder(format!("tls://{address}")).tls(tls)
            }
            Transport::Noise => {
                let noise = NoiseClient::new(KeyPair::generate(), proof.trim().parse()?);
                Client::builder(format!("noise://{address}")).noise(noise)
            }
        };
        // Whoever loses a connection has nothing to measure.
        Ok(Self(builder.no_reconnect().connect().await?))
    }

    async fn echo(&self, text: &str) -> Result<String> {
        // By name: the stub of `echo` would do the same.
        Ok(self.0.call("echo", text).await?)
    }
}

impl Reader for Connection {
    async fn items(&self) -> Result<BoxStream<'static, Result<String>>> {
        Ok(self.0.stream::<String>("items", &()).map(|item| Ok(item?)).boxed())
    }
}
