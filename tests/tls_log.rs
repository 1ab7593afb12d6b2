//! What the log says of handshakes that failed, and what it never says. A program of its own: the log is the process's.
#![cfg(feature = "tls")]
#![allow(missing_docs)]

#[path = "tls/authority.rs"]
#[allow(dead_code)]
mod authority;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authority::Authority;
use jidda::peer::Address;
use jidda::{Client, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Lines {
    /// Waits for a line with all of these words.
    async fn wait_for(&self, words: &[&str]) {
        for _ in 0..3000 {
            let text = self.text();
            if text.lines().any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no line has {words:?}: {}", self.text());
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_logged_with_its_peer_and_its_reason() {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone());
    log.with_max_level(LevelFilter::TRACE).init();

    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let identity = ours.local();
    let tls = identity.server().client_certificates(ours.root()).unwrap();
    let builder = Server::builder().listen("tls://127.0.0.1:0").tls(tls);
    let server = builder.handshake_timeout(Duration::from_secs(1)).start().await.unwrap();
    let Address::Tls(authority) = &server.addresses()[0] else { panic!("this is TLS") };

    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "it speaks HTTP in clear text"),
        (b"\x94\x00\x01\xa6double\x91\x15", "it does not speak TLS"),
        (b"\x16\x03\x01\x00\x05hello", "a handshake failed"),
        (b"\x16", "a handshake took too long"),
    ] {
        let mut stream = TcpStream::connect(authority).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let peer = format!("peer={}", stream.local_addr().unwrap());
        stream.read_to_end(&mut Vec::new()).await.ok();
        drop(stream);
        lines.wait_for(&["DEBUG", &peer, reason]).await;
    }
    let mallory = theirs.identity(&["mallory"]);
    for (tls, reason) in [
        (ours.client(), "peer sent no certificates"),
        (ours.client().client_certificate(&mallory.chain, &mallory.key).unwrap(), "UnknownIssuer"),
        (theirs.client(), "received fatal alert"),
    ] {
        let address = server.addresses()[0].to_string();
        Client::builder(address).tls(tls).no_reconnect().connect().await.unwrap_err();
        lines.wait_for(&["DEBUG", "peer=127.0.0.1:", "a handshake failed", reason]).await;
    }
    // Of no key is there a line, in whatever form.
    let text = lines.text();
    for key in [&identity.key, &mallory.key] {
        for line in key.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!text.contains(line), "{text}");
        }
    }
    assert!(
        !text.contains("WARN") && !text.contains("ERROR"),
        "the peers' mistakes are no trouble here: {text}"
    );
}
