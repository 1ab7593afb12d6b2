//! The load: the same bytes every time, so that the server does the same every time.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use jidda::Client;
use jidda::noise::{KeyPair, NoiseClient};
use tokio::runtime;

use crate::{
    frames::{UPGRADE, Wire, from_client},
    kind::{AUDIENCE, BATCH, Kind},
    server::Endpoints,
};

/// A server that is silent for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends so many exchanges of a kind, each when the one before has been answered.
pub fn run(kind: Kind, server: &Endpoints, exchanges: usize) -> Result<()> {
    let (native, socketio) = (Wire::Native, Wire::SocketIo);
    match kind {
        Kind::Call => Batch::of_calls(native, BATCH).run(server, exchanges),
        Kind::SingleCall => Batch::of_calls(native, 1).run(server, exchanges),
        Kind::NoiseCall => over_noise(server, exchanges),
        Kind::Event => Batch::of_events(native).run(server, exchanges),
        Kind::Broadcast => broadcast(native, server, exchanges),
        Kind::SocketioAck => Batch::of_calls(socketio, BATCH).run(server, exchanges),
        Kind::SocketioEvent => Batch::of_events(socketio).run(server, exchanges),
        Kind::SocketioBroadcast => broadcast(socketio, server, exchanges),
    }
}

/// What is written at once, and what answers it.
struct Batch {
    wire: Wire,
    requests: Vec<u8>,
    replies: Vec<u8>,
}

impl Batch {
    fn of_calls(wire: Wire, count: usize) -> Self {
        let ids = 0..u8::try_from(count).expect("a batch is small");
        let (requests, replies) =
            (ids.clone().flat_map(|id| wire.call(id)), ids.flat_map(|id| wire.reply(id)));
        Self { wire, requests: requests.collect(), replies: replies.collect() }
    }

    /// Events, and a call that shows that they have come.
    fn of_events(wire: Wire) -> Self {
        let requests = [wire.event("note").repeat(BATCH - 1), wire.call(0)].concat();
        Self { wire, requests, replies: wire.reply(0) }
    }

    /// On one connection.
    fn run(&self, server: &Endpoints, exchanges: usize) -> Result<()> {
        let mut stream = open(self.wire, server)?;
        for _ in 0..exchanges {
            stream.write_all(&self.requests)?;
            expect(&mut stream, &self.replies)?;
        }
        Ok(())
    }
}

/// One of many connections asks for an event to all.
fn broadcast(wire: Wire, server: &Endpoints, exchanges: usize) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..AUDIENCE {
        let mut stream = open(wire, server)?;
        // Who has had an answer is known to the server, and will get the event.
        stream.write_all(&wire.call(0))?;
        expect(&mut stream, &wire.reply(0))?;
        streams.push(stream);
    }
    let (request, news) = (wire.event("announce"), wire.event_from_server("news"));
    for _ in 0..exchanges {
        // Broadcasts that follow each other at once are gathered, or not, as the clock will have it.
        thread::sleep(Duration::from_millis(3));
        streams[0].write_all(&request)?;
        for stream in &mut streams {
            expect(stream, &news)?;
        }
    }
    Ok(())
}

/// jidda's own client, since nobody else has its encryption.
fn over_noise(server: &Endpoints, exchanges: usize) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let noise = NoiseClient::new(KeyPair::generate(), server.key.parse()?);
        let client = Client::builder(format!("noise://{}", server.noise)).noise(noise).no_reconnect();
        let client = client.connect().await?;
        for _ in 0..exchanges {
            let text: String = client.call("echo", "sixteen byte txt").await?;
            ensure!(text == "sixteen byte txt", "not the reply: {text}");
        }
        Ok(())
    })
}

fn open(wire: Wire, server: &Endpoints) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(&server.tcp)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    if wire == Wire::SocketIo {
        greet(&mut stream)?;
    }
    Ok(stream)
}

/// Upgrades to WebSocket and joins the root namespace.
fn greet(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(UPGRADE)?;
    // One byte after another, so that what comes after the head stays in the socket.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).context("no answer to the upgrade")?;
        head.extend(byte);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "no WebSocket: {}", head.escape_ascii());
    let opened = text(stream)?;
    ensure!(opened.starts_with(b"0{"), "not opened: {}", opened.escape_ascii());
    stream.write_all(&from_client("40"))?;
    let joined = text(stream)?;
    ensure!(joined.starts_with(b"40{"), "not joined: {}", joined.escape_ascii());
    Ok(())
}

/// The next frame's text.
fn text(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    ensure!(head[0] == 0x81, "not a text frame");
    let length = match head[1] {
        126 => {
            let mut long = [0; 2];
            stream.read_exact(&mut long)?;
            usize::from(u16::from_be_bytes(long))
        }
        short => usize::from(short),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text)?;
    Ok(text)
}

fn expect(stream: &mut TcpStream, expected: &[u8]) -> Result<()> {
    let mut found = vec![0; expected.len()];
    stream.read_exact(&mut found).context("the server does not answer")?;
    ensure!(found == expected, "not the answer: {}", found.escape_ascii());
    Ok(())
}
