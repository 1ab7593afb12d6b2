//! What is between client and server.

use jidda::tls::TlsClient;

use crate::certificates::root_and_acceptor;
use crate::relay::Relay;
use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting};

pub(super) fn all(_: &Setting) -> Vec<Scenario> {
    scenarios![
        tls_with_a_root_of_its_own,
        tls_with_a_root_that_is_unknown_is_refused,
        tls_through_a_proxy,
        two_relays,
    ]
}

async fn tls_with_a_root_of_its_own(session: Session) -> jidda::Result<()> {
    let (root, acceptor) = root_and_acceptor()?;
    let relay = Relay::with_tls(&session.address, acceptor).await?;
    let tls = TlsClient::new().root_certificate(root)?;
    let url = format!("https://{}", relay.address);
    let client = session.setting.builder(&url, Some("ada")).tls(tls).connect().await?;
    let text = "x".repeat(100_000);
    assert_eq!(client.call::<String>("echo", &text).await?, text);
    client.disconnect().await;
    Ok(())
}

async fn tls_with_a_root_that_is_unknown_is_refused(session: Session) -> jidda::Result<()> {
    let (_, acceptor) = root_and_acceptor()?;
    let (root, _) = root_and_acceptor()?;
    let relay = Relay::with_tls(&session.address, acceptor).await?;
    let tls = TlsClient::new().root_certificate(root)?;
    let url = format!("https://{}", relay.address);
    let connecting = session.setting.builder(&url, Some("ada")).no_reconnect().tls(tls).connect();
    assert!(connecting.await.is_err(), "another root signed the certificate");
    Ok(())
}

async fn tls_through_a_proxy(session: Session) -> jidda::Result<()> {
    let (root, acceptor) = root_and_acceptor()?;
    let relay = Relay::with_tls(&session.address, acceptor).await?;
    let proxy = Relay::tunnel(&relay.address).await?;
    let tls = TlsClient::new().root_certificate(root)?;
    // The proxy finds a server that the client could not reach.
    let builder = session.setting.builder("https://127.0.0.1:9", Some("ada")).tls(tls);
    let client = builder.proxy(format!("http://{}", proxy.address)).connect().await?;
    assert_eq!(client.call::<i64>("add", &(20, 22)).await?, 42);
    client.disconnect().await;
    Ok(())
}

async fn two_relays(session: Session) -> jidda::Result<()> {
    let far = Relay::to(&session.address).await?;
    let near = Relay::to(&far.address).await?;
    let client = session.at(&near.address).connect().await?;
    assert_eq!(client.call::<i64>("add", &(20, 22)).await?, 42);
    client.disconnect().await;
    Ok(())
}
