//! A server of tarpc with a hundred methods of two arguments each.

#![forbid(unsafe_code)]

use std::{io, net::SocketAddr};

use futures_util::StreamExt as _;
use tarpc::{
    context,
    serde_transport::tcp,
    server::{BaseChannel, Channel as _},
    tokio_serde::formats::Bincode,
};

include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

#[derive(Clone)]
struct HundredService {
    peer: SocketAddr,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut listener = tcp::listen("127.0.0.1:0", Bincode::default).await?;
    println!("{}", listener.local_addr());
    while let Some(transport) = listener.next().await {
        let transport = transport?;
        let service = HundredService { peer: transport.peer_addr()? };
        let calls = BaseChannel::with_defaults(transport).execute(service.serve());
        tokio::spawn(calls.for_each(async |call| {
            tokio::spawn(call);
        }));
    }
    Ok(())
}
