//! An echo server of tarpc over TCP and bincode. It says where it listens.

#![forbid(unsafe_code)]

use std::io;

use futures_util::StreamExt as _;
use tarpc::{
    context,
    serde_transport::tcp,
    server::{BaseChannel, Channel as _},
    tokio_serde::formats::Bincode,
};

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

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    println!("{}", listener.local_addr());
    while let Some(transport) = listener.next().await {
        let calls = BaseChannel::with_defaults(transport?).execute(EchoService.serve());
        tokio::spawn(calls.for_each(async |call| {
            tokio::spawn(call);
        }));
    }
    Ok(())
}
