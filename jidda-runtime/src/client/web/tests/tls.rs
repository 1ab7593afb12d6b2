//! TLS to servers of the web: who is trusted, and in which words who is not.
#![cfg(feature = "tls")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;
use crate::peer::Security;
use crate::transport::{ClientSecrets, TlsClient, TlsServer};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name and its key.
    fn identity(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

fn options(tls: TlsClient, transport: WebTransport) -> WebOptions {
    // Other features have fields of their own.
    #[allow(clippy::needless_update)]
    let secrets = ClientSecrets { tls: Some(tls), ..ClientSecrets::default() };
    WebOptions { secrets, transports: vec![transport], ..WebOptions::default() }
}

#[tokio::test]
async fn own_roots_and_certificates_of_clients() {
    let authority = Authority::new();
    let (chain, key) = authority.identity("localhost");
    let tls = TlsServer::from_pem(&chain, &key).unwrap().client_certificates(authority.root()).unwrap();
    let server = crate::Server::builder().listen("tls://127.0.0.1:0").tls(tls).start().await.unwrap();
    let port = server.addresses()[0].to_string().rsplit_once(':').unwrap().1.to_owned();
    let address = address(&format!("https://localhost:{port}"));
    let (own, own_key) = authority.identity("client");
    let trusting = TlsClient::new().root_certificate(authority.root()).unwrap();
    for transport in [WebTransport::WebSocket, WebTransport::Polling] {
        let tls = trusting.clone().client_certificate(&own, &own_key).unwrap();
        let opened = open(&address, &options(tls, transport)).await.unwrap();
        assert_eq!(opened.handshake.sid.len(), 20);
        let Some(Security::Tls { certificates }) = opened.security else { panic!("{:?}", opened.security) };
        assert!(!certificates.is_empty());
        if transport == WebTransport::WebSocket {
            assert_eq!(opened.stream.medium(), Transport::Tls, "nothing is between it and its connection");
        }
        let without = sentence(&open(&address, &options(trusting.clone(), transport)).await.unwrap_err());
        assert!(without.contains("give it with `TlsClient::client_certificate`"), "{without}");
        let other = TlsClient::new().root_certificate(Authority::new().root()).unwrap();
        let error = sentence(&open(&address, &options(other, transport)).await.unwrap_err());
        assert!(error.contains("the server's certificate was not signed by the issuer"), "{error}");
    }
}

#[tokio::test]
async fn certificates_for_others_are_refused_in_words() {
    let authority = Authority::new();
    let (chain, key) = authority.identity("elsewhere.example");
    let tls = TlsServer::from_pem(&chain, &key).unwrap();
    let server = crate::Server::builder().listen("tls://127.0.0.1:0").tls(tls).start().await.unwrap();
    let address = address(&server.addresses()[0].to_string().replace("tls", "wss"));
    let trusting = TlsClient::new().root_certificate(authority.root()).unwrap();
    let error = open(&address, &options(trusting.clone(), WebTransport::WebSocket)).await.unwrap_err();
    assert!(sentence(&error).contains("is not for 127.0.0.1, but for elsewhere.example"), "{error:?}");
    let named = trusting.server_name("elsewhere.example").unwrap();
    assert!(open(&address, &options(named, WebTransport::WebSocket)).await.is_ok());
}

#[tokio::test]
async fn the_native_wire_in_a_websocket_in_tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let authority = Authority::new();
    let (chain, key) = authority.identity("127.0.0.1");
    let tls = TlsServer::from_pem(&chain, &key).unwrap();
    let server = crate::Server::builder().listen("tls://127.0.0.1:0").tls(tls).start().await.unwrap();
    let address = address(&server.addresses()[0].to_string().replace("tls", "wss+native"));
    let trusting = TlsClient::new().root_certificate(authority.root()).unwrap();
    let opened = open_native(&address, &options(trusting, WebTransport::WebSocket)).await.unwrap();
    let (mut stream, Some(Security::Tls { .. })) = opened else { panic!("{opened:?}") };
    // A ping and its answer.
    stream.write_all(b"\x94\x00\x01\xa6$/ping\x90").await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x94\x01\x01\xc0\xc0");
}

#[tokio::test]
async fn clear_text_where_tls_was_meant() {
    let server = server::HandServer::start(async |mut hand| {
        hand.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        hand.hung_up().await;
    })
    .await;
    let address = address(&format!("https://{}", server.authority));
    let trusting = TlsClient::new().root_certificate(Authority::new().root()).unwrap();
    let error = open(&address, &options(trusting, WebTransport::Polling)).await.unwrap_err();
    assert!(sentence(&error).contains("does not speak TLS"), "{error:?}");
}
