//! Whom clients believe, and whom servers do.

use std::sync::Arc;
use std::time::Duration;

use jidda::Error;
use jidda::prelude::*;
use jidda::server::Dial;
use jidda::tls::{TlsClient, TlsServer};
use rustls::version::TLS12;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::authority::{Authority, der};
use super::{LIMIT, again, client, double, is_served, proof, refusal, start, tcp};

#[tokio::test]
async fn a_native_client_is_served_with_messages_of_every_size() {
    let authority = Authority::new("ours");
    let server = start(authority.local().server()).await;
    assert!(server.addresses()[0].to_string().starts_with("tls://127.0.0.1:"));
    let client = client(&server, authority.client()).no_reconnect().connect().await.unwrap();
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
    assert_eq!(proof::call(&client).await.unwrap(), ("tls".to_owned(), None));
    for size in [0, 1, 16_383, 16_384, 16_385, 65_536, 900_000] {
        assert_eq!(again::call(&client, "x", size).await.unwrap().len(), size);
        assert_eq!(again::call(&client, "x".repeat(size), 1).await.unwrap().len(), size);
    }
    // All of them at once: more than any buffer holds.
    let calls = (0..50).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { again::call(&client, "xy", 100_000).await.unwrap().len() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 200_000);
    }
    // Both large and shared: what is written as several pieces.
    let mut heard = Vec::new();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    client.on("news", move |text: String| {
        let tell = tell.clone();
        async move {
            tell.send(text.len()).unwrap();
        }
    });
    for size in [10, 5000, 300_000] {
        assert_eq!(server.to("all").emit("news", &"n".repeat(size)).await.unwrap(), 1);
        heard.push(told.recv().await.unwrap());
    }
    assert_eq!(heard, [10, 5000, 300_000]);
    assert!(server.shutdown(Duration::from_secs(5)).await);
    assert_eq!(client.closed().await, DisconnectReason::ServerShuttingDown);
}

#[tokio::test]
async fn what_a_server_shows_has_to_be_good() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let server = start(ours.local().server()).await;
    is_served(&server, &ours.client()).await;
    is_served(&server, &ours.client().server_name("localhost").unwrap()).await;
    is_served(&server, &theirs.client().root_certificate(ours.root()).unwrap()).await;

    let unknown = "the server's certificate is of an unknown issuer; a root of your own is given with \
                   `TlsClient::root_certificate`, ";
    let error = refusal(&server, theirs.client()).await;
    let expected = format!("cannot connect to {}: {unknown}", server.addresses()[0]);
    assert!(error.starts_with(&expected), "{error}");

    let error = refusal(&server, ours.client().server_name("example.com").unwrap()).await;
    assert!(error.contains("is not for example.com, but for localhost, 127.0.0.1: connect"), "{error}");

    let server = start(ours.identity(&["example.com"]).server()).await;
    let error = refusal(&server, ours.client()).await;
    assert!(
        error.contains("the server's certificate is not for 127.0.0.1, but for example.com: "),
        "{error}"
    );
    is_served(&server, &ours.client().server_name("example.com").unwrap()).await;

    let server = start(ours.expired().server()).await;
    let error = refusal(&server, ours.client()).await;
    assert!(
        error.contains("the server's certificate has expired at 2002-01-01T00:00:00Z: renew it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_is_not_trusted() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = start(TlsServer::from_pem(&chain, key).unwrap()).await;
    let error = refusal(&server, Authority::new("ours").client()).await;
    assert!(error.contains("unknown issuer"), "{error}");
    // Unless it is the root that was given.
    is_served(&server, &TlsClient::new().root_certificate(chain).unwrap()).await;
}

#[tokio::test]
async fn an_authority_is_no_server_and_the_error_says_what_to_do() {
    // As `openssl req -x509` makes it: CA:TRUE, and its own root.
    let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let server = start(TlsServer::from_pem(&chain, key.serialize_pem()).unwrap()).await;
    let error = refusal(&server, TlsClient::new().root_certificate(chain).unwrap()).await;
    assert!(error.contains("is that of an authority (CA:TRUE)") && error.contains("CA:FALSE"), "{error}");

    // What a server has not yet, is not for, or was made for another purpose.
    let ours = Authority::new("ours");
    let server = start(ours.early().server()).await;
    let error = refusal(&server, ours.client()).await;
    assert!(error.contains("is not valid yet, but from 2999-01-01T00:00:00Z on"), "{error}");
    let server = start(ours.for_clients().server()).await;
    let error = refusal(&server, ours.client()).await;
    assert!(error.contains("is not one for servers: its extended key usage needs serverAuth"), "{error}");
    let mismatch = TlsServer::from_pem(ours.local().chain, ours.local().key).unwrap_err().to_string();
    assert!(
        mismatch.ends_with("does not fit its private key: give the key that it was made for"),
        "{mismatch}"
    );
}

#[tokio::test]
async fn the_roots_of_the_system_are_asked_when_none_are_given() {
    let server = start(Authority::new("ours").local().server()).await;
    let address = server.addresses()[0].to_string();
    // A system may have none at all.
    let error =
        Error::from(Client::builder(&address).no_reconnect().connect().await.unwrap_err()).to_string();
    assert!(
        error.contains("unknown issuer") || error.contains("the system has no root certificates"),
        "{error}"
    );
    let error = refusal(&server, TlsClient::new().system_roots()).await;
    assert!(error.contains("root"), "{error}");
}

#[tokio::test]
async fn mutual_tls_admits_only_known_clients() {
    let (ours, people, strangers) =
        (Authority::new("ours"), Authority::new("people"), Authority::new("strangers"));
    let tls = ours.local().server().client_certificates(people.root()).unwrap();
    let server = start(tls.clone()).await;

    let ada = people.identity(&["ada"]);
    let with_ada = ours.client().client_certificate(&ada.chain, &ada.key).unwrap();
    let client = client(&server, with_ada.clone()).connect().await.unwrap();
    let shown = der(&ada.chain).to_vec();
    assert_eq!(proof::call(&client).await.unwrap(), ("tls".to_owned(), Some(shown.clone())));

    let error = refusal(&server, ours.client()).await;
    assert!(error.contains("the server wants to see a certificate of the client"), "{error}");
    let mallory = strangers.identity(&["ada"]);
    let with_mallory = ours.client().client_certificate(&mallory.chain, &mallory.key).unwrap();
    let error = refusal(&server, with_mallory.clone()).await;
    assert!(error.contains("the server does not know the issuer of the client's certificate"), "{error}");
    let late = people.expired();
    let error = refusal(&server, ours.client().client_certificate(late.chain, late.key).unwrap()).await;
    assert!(error.contains("the server finds the client's certificate expired"), "{error}");
    assert_eq!(double::call(&client, 4).await.unwrap(), 8);

    let server = start(tls.optional_client_certificates().unwrap()).await;
    is_served(&server, &ours.client()).await;
    let error = refusal(&server, with_mallory).await;
    assert!(error.contains("does not know the issuer"), "{error}");
    let client = super::client(&server, with_ada).connect().await.unwrap();
    assert_eq!(proof::call(&client).await.unwrap().1, Some(shown));
}

#[tokio::test]
async fn a_client_reconnects_over_tls() {
    let authority = Authority::new("ours");
    let identity = authority.local();
    let server = start(identity.server()).await;
    let client = client(&server, authority.client()).connect().await.unwrap();
    let mut events = client.events();
    let address = server.addresses()[0].to_string();
    server.shutdown(Duration::from_secs(5)).await;
    drop(server);
    let server = super::builder(identity.server()).handlers([double::handler()]).listen(address);
    let _server = server.start().await.unwrap();
    while events.next().await.expect("it goes on") != jidda::client::ClientEvent::Reconnected {}
    assert_eq!(double::call(&client, 3).await.unwrap(), 6);
}

#[tokio::test]
async fn a_plain_peer_of_another_make_is_served_with_tls_1_2_and_without_alpn() {
    let authority = Authority::new("ours");
    let server = start(authority.local().server()).await;
    for (protocols, chosen) in [(&[][..], None), (&["jidda"][..], Some(&b"jidda"[..]))] {
        let connector = TlsConnector::from(authority.foreign(protocols, &[&TLS12]));
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, tcp(&server).await).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
        stream.write_all(b"\x94\x00\x01\xa6double\x91\x15").await.unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"\x94\x01\x01\xc0\x2a");
    }
    // One that knows only what nobody speaks here is told at once.
    let connector = TlsConnector::from(Arc::clone(&authority.foreign(&["h2"], rustls::ALL_VERSIONS)));
    let refused = connector.connect("localhost".try_into().unwrap(), tcp(&server).await).await;
    assert!(refused.unwrap_err().to_string().contains("NoApplicationProtocol"));
}

#[tokio::test]
async fn an_address_and_what_protects_it_belong_together() {
    let authority = Authority::new("ours");
    let error = super::clear().listen("tls://127.0.0.1:0").start().await.unwrap_err().to_string();
    assert!(error.contains("it needs a certificate, `.tls(TlsServer::from_pem_files("), "{error}");
    let tls = authority.local().server();
    let error = super::clear().listen("127.0.0.1:0").tls(tls.clone()).start().await.unwrap_err().to_string();
    assert!(error.contains("begin with tls://"), "{error}");
    // Both kinds of address are a choice.
    let builder = super::builder(tls).listen("127.0.0.1:0");
    let server = builder.start().await.unwrap();
    let clear = server.addresses()[1].to_string();
    let error = Client::builder(&clear).tls(authority.client()).connect().await.unwrap_err().to_string();
    assert!(error.contains("begin with tls://"), "{error}");
    assert_eq!(double::call(&Client::connect(&clear).await.unwrap(), 1).await.unwrap(), 2);
    is_served(&server, &authority.client()).await;
}

#[tokio::test]
async fn a_server_may_dial_a_client_that_listens_in_tls() {
    let authority = Authority::new("ours");
    let error = Client::builder("tls://127.0.0.1:0").listen().await.unwrap_err().to_string();
    assert!(error.contains("it needs a certificate, `.tls_server("), "{error}");
    let identity = authority.local();
    let listening = Client::builder("tls://127.0.0.1:0").tls_server(identity.server());
    let listening = listening.connect_timeout(Duration::from_secs(2)).listen().await.unwrap();
    let address = listening.address().to_string();
    // Somebody who stalls has the client's time, but not for ever.
    let stalled = TcpStream::connect(address.strip_prefix("tls://").unwrap()).await.unwrap();
    let wrong =
        super::clear().dial(Dial::to("127.0.0.1:1").tls(authority.client())).start().await.unwrap_err();
    assert!(wrong.to_string().contains("begin with tls://"), "{wrong}");
    let server = super::clear().dial(Dial::to(&address).tls(authority.client())).start().await.unwrap();
    let client = tokio::time::timeout(LIMIT, listening.connected()).await.unwrap().unwrap();
    let shown = der(&identity.chain).to_vec();
    assert_eq!(proof::call(&client).await.unwrap(), ("tls".to_owned(), Some(shown)));
    assert!(server.shutdown(Duration::from_secs(5)).await);
    drop(stalled);
}
