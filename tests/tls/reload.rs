//! Certificates that change while the server runs.

use std::path::PathBuf;

use jidda::prelude::*;
use jidda::tls::TlsServer;
use tokio_rustls::TlsConnector;

use super::authority::{Authority, Identity, der};
use super::{client, double, eventually, is_served, refusal, start, tcp};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("jidda-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, identity: &Identity) {
        std::fs::write(self.0.join("cert.pem"), &identity.chain).unwrap();
        std::fs::write(self.0.join("key.pem"), &identity.key).unwrap();
    }

    fn server(&self) -> TlsServer {
        TlsServer::from_pem_files(self.0.join("cert.pem"), self.0.join("key.pem")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Whether the server shows this certificate.
async fn shows(server: &Server, authority: &Authority, identity: &Identity) -> bool {
    let connector = TlsConnector::from(authority.foreign(&[], rustls::ALL_VERSIONS));
    let name = "localhost".try_into().unwrap();
    let stream = connector.connect(name, tcp(server).await).await.expect("either certificate is good");
    let certificates = stream.get_ref().1.peer_certificates();
    certificates.is_some_and(|shown| shown[0] == der(&identity.chain))
}

#[tokio::test]
async fn new_connections_see_the_new_certificate_and_old_ones_live_on() {
    let folder = Folder::new("reload");
    let (before, after) = (Authority::new("before"), Authority::new("after"));
    folder.write(&before.local());
    let tls = folder.server();
    let server = start(tls.clone()).await;
    let old = client(&server, before.client()).connect().await.unwrap();

    // What is no good is said, and changes nothing.
    std::fs::write(folder.0.join("key.pem"), "nothing").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("there is no PRIVATE KEY"), "{error}");
    is_served(&server, &before.client()).await;

    folder.write(&after.local());
    tls.reload().unwrap();
    is_served(&server, &after.client()).await;
    assert!(refusal(&server, before.client()).await.contains("unknown issuer"));
    assert_eq!(double::call(&old, 21).await.unwrap(), 42);
}

#[tokio::test]
async fn changed_files_are_found_without_a_call() {
    let folder = Folder::new("watch");
    let authority = Authority::new("ours");
    let (first, second) = (authority.local(), authority.local());
    folder.write(&first);
    let server = start(folder.server()).await;
    assert!(shows(&server, &authority, &first).await);
    let old = client(&server, authority.client()).connect().await.unwrap();
    // The new certificate with the old key, as a handshake may find them in the middle of a change.
    std::fs::write(folder.0.join("cert.pem"), &second.chain).unwrap();
    assert!(shows(&server, &authority, &first).await);
    folder.write(&second);
    eventually(async || shows(&server, &authority, &second).await).await;
    assert_eq!(double::call(&old, 21).await.unwrap(), 42);
}

#[tokio::test]
async fn trusted_roots_are_reloaded_as_well() {
    let folder = Folder::new("people");
    let (ours, before, after) = (Authority::new("ours"), Authority::new("before"), Authority::new("after"));
    let people = folder.0.join("people.pem");
    std::fs::write(&people, before.root()).unwrap();
    let tls = ours.local().server().client_certificates_file(&people).unwrap();
    let server = start(tls.clone()).await;
    let ada = before.identity(&["ada"]);
    let ada = ours.client().client_certificate(ada.chain, ada.key).unwrap();
    is_served(&server, &ada).await;
    std::fs::write(&people, after.root()).unwrap();
    tls.reload().unwrap();
    // Nor does it help to resume the session of before.
    assert!(refusal(&server, ada).await.contains("does not know the issuer"));
    let bob = after.identity(&["bob"]);
    is_served(&server, &ours.client().client_certificate(bob.chain, bob.key).unwrap()).await;
}
