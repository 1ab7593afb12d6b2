//! An echo server of tonic. It says where it listens.

#![forbid(unsafe_code)]

use std::error::Error;

use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use self::generated::texts_server::{Texts, TextsServer};

/// What `build.rs` describes.
#[allow(clippy::pedantic)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/echo.Texts.rs"));
}

/// The one message.
#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

struct Service;

#[tonic::async_trait]
impl Texts for Service {
    async fn echo(&self, request: Request<Text>) -> Result<Response<Text>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder().add_service(TextsServer::new(Service)).serve_with_incoming(incoming).await?;
    Ok(())
}
