//! jidda over TCP, with the handlers as its macros write them.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow};
use jidda_runtime::{
    Encoding, Server,
    handler::{
        ArgumentEntry, Arguments, Context, Dispatch, FromConnection as _, HandlerEntry, Location, Reply,
    },
};

use crate::wire;

const HERE: Location =
    Location { file: file!(), line: line!(), module: module_path!(), package: env!("CARGO_PKG_NAME") };

const TEXT: &[ArgumentEntry] = &[ArgumentEntry { name: "text", type_name: "String" }];

static ECHO: HandlerEntry = HandlerEntry::new("echo", echo, HERE).taking(TEXT).returning("String", None);
static ANNOUNCE: HandlerEntry = HandlerEntry::new("announce", announce, HERE).taking(TEXT);

/// Returns its argument.
fn echo(context: Context, arguments: Arguments<'_>) -> Dispatch {
    let text: String = match arguments.reader(&["text"]).and_then(|mut reader| reader.take()) {
        Ok(text) => text,
        Err(error) => return Dispatch::refused(error),
    };
    Dispatch::future(async move { Reply::from_value(&context, text) })
}

/// Sends its argument to everybody.
fn announce(context: Context, arguments: Arguments<'_>) -> Dispatch {
    let text: String = match arguments.reader(&["text"]).and_then(|mut reader| reader.take()) {
        Ok(text) => text,
        Err(error) => return Dispatch::refused(error),
    };
    Dispatch::future(async move {
        let server = match Server::from_connection(&context).await {
            Ok(server) => server,
            Err(error) => return Reply::error(error),
        };
        match server.emit("news", &text).await {
            Ok(_) => Reply::value(&(), Encoding::MessagePack),
            Err(error) => Reply::error(error),
        }
    })
}

/// The size of the reply to a call: `[1, id, nil, TEXT]`.
pub(super) fn reply_length() -> usize {
    // The request has an array of arguments and a name of four bytes, and a marker for each; the reply has a nil.
    wire::request(wire::FIRST_ID).len() - 5
}

/// Starts a server, which runs until it is dropped.
pub(super) async fn start() -> Result<(Server, SocketAddr)> {
    let server = Server::builder().listen("127.0.0.1:0").handlers([&ECHO, &ANNOUNCE]).start().await;
    let server = server.map_err(|error| anyhow!("{error}"))?;
    let address = server.addresses().first().context("it listens nowhere")?.to_string();
    let address = address.strip_prefix("tcp://").unwrap_or(&address).parse()?;
    Ok((server, address))
}
