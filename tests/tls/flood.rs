//! Honest handshakes beside connections that are opened by the hundred and say nothing.

use std::io::{Read, Write};
use std::net::SocketAddr;

use jidda::Server;
use rustls::ClientConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::authority::Authority;
use super::{LIMIT, authority, builder};

/// How many connections may be pending.
const MOST: usize = 16;
/// A native call, and the beginning of its reply.
const CALL: &[u8] = b"\x94\x00\x01\xa6double\x91\x15";
const REPLY: &[u8] = b"\x94\x01\x01\xc0";

/// Connects from one of this machine's many addresses.
async fn from(host: u8, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
    socket.connect(authority(server).parse().unwrap()).await.unwrap()
}

/// Opens connections that say nothing, from these addresses in turn, until all places but those of others are theirs
/// and the server has closed the rest.
async fn flood(server: &Server, hosts: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for host in hosts.iter().cycle().take(100.max(hosts.len())) {
        streams.push(from(*host, server).await);
    }
    let held = streams.split_off(streams.len() - MOST);
    for mut stream in streams {
        let end = timeout(LIMIT, stream.read(&mut [0; 10])).await.expect("it makes room");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
    held
}

/// A client of TLS that is not ours, and goes on step by step.
struct Slow {
    tls: ClientConnection,
    stream: TcpStream,
}

impl Slow {
    async fn send(&mut self) {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        self.stream.write_all(&bytes).await.expect("the server listens");
    }

    async fn receive(&mut self) {
        let mut bytes = vec![0; 16_384];
        let count = timeout(LIMIT, self.stream.read(&mut bytes)).await.expect("an answer in time");
        let mut bytes = &bytes[..count.expect("the server has not closed")];
        assert!(!bytes.is_empty(), "the server has closed");
        while !bytes.is_empty() {
            self.tls.read_tls(&mut bytes).unwrap();
            self.tls.process_new_packets().unwrap();
        }
    }
}

#[tokio::test]
async fn honest_handshakes_get_in_beside_a_flood_of_idle_connections() {
    let ours = Authority::new("ours");
    let server = builder(ours.local().server()).max_pending(MOST).start().await.unwrap();
    let config = ours.foreign(&["jidda"], &[&rustls::version::TLS13]);
    let many: Vec<_> = (10..250).collect();
    // From another address than the client, from its own, and from many, each with one connection at a time. Whoever
    // shares the address of a flood is safe from it once it has said something.
    for (host, hosts, is_safe_from_the_first) in [(2, &[3][..], true), (2, &[2], false), (2, &many, false)] {
        let mut floods = Vec::new();
        let name = "127.0.0.1".try_into().unwrap();
        let tls = ClientConnection::new(config.clone(), name).unwrap();
        let mut client = Slow { tls, stream: from(host, &server).await };
        if is_safe_from_the_first {
            floods.push(flood(&server, hosts).await);
        }
        client.send().await;
        client.receive().await;
        floods.push(flood(&server, hosts).await);
        while client.tls.is_handshaking() {
            if client.tls.wants_write() { client.send().await } else { client.receive().await }
        }
        client.tls.writer().write_all(CALL).unwrap();
        client.send().await;
        let mut reply = Vec::new();
        while reply.len() < REPLY.len() + 1 {
            client.receive().await;
            // No more than has come.
            let _ = client.tls.reader().read_to_end(&mut reply);
        }
        assert!(reply.ends_with(&[REPLY, b"\x2a"].concat()), "{reply:?} beside {hosts:?}");
    }
}
