//! Which servers a client trusts, and its own certificate.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};

#[cfg(feature = "web-client")]
use super::HTTP;
use super::pem::Pem;
use super::{JIDDA, PROVIDER, TlsError};
use crate::foreign::printable;

/// Which servers a client trusts at `tls://`, `https://` and `wss://`, and the certificate that it presents.
///
/// Without it a client uses the system's trust store. The server's certificate is always verified, and has to be for the host in
/// the address.
///
/// ```no_run
/// # use jidda::tls::TlsClient;
/// # use jidda::{Client, Error};
/// # async fn connect(root: &[u8]) -> Result<(), Error> {
/// let tls = TlsClient::new().root_certificate(root)?;
/// let client = Client::builder("tls://chat.example.com:8443").tls(tls).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct TlsClient {
    /// `None` for those of the system.
    roots: Option<RootCertStore>,
    with_system: bool,
    identity: Option<Arc<SingleCertAndKey>>,
    name: Option<ServerName<'static>>,
    /// Made at the first connection, and kept for the sessions that later ones resume.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
    #[cfg(feature = "web-client")]
    config_for_http: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("roots", &self.roots)
            .field("has_certificate", &self.identity.is_some())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl TlsClient {
    /// Believes the roots of the system.
    pub fn new() -> Self {
        Self::default()
    }

    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.config = Arc::default();
        #[cfg(feature = "web-client")]
        {
            self.config_for_http = Arc::default();
        }
        self
    }

    fn trust(self, pem: &Pem) -> Result<Self, TlsError> {
        let added = pem.roots()?;
        Ok(self.changed(|this| {
            this.roots.get_or_insert_with(RootCertStore::empty).extend(added.roots);
        }))
    }

    /// Trusts servers with a certificate of this root, in PEM; can be called several times. The system's trust store is not
    /// used then, unless [`system_roots`](Self::system_roots) adds it.
    ///
    /// # Errors
    ///
    /// It is no certificate in PEM.
    pub fn root_certificate(self, pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        self.trust(&Pem::given(pem))
    }

    /// The same with a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has no certificate in PEM.
    pub fn root_certificate_file(self, path: impl Into<PathBuf>) -> Result<Self, TlsError> {
        self.trust(&Pem::File(path.into()))
    }

    /// Believes the roots of the system as well as those that were given.
    #[must_use]
    pub fn system_roots(self) -> Self {
        self.changed(|this| this.with_system = true)
    }

    fn identify(self, chain: &Pem, key: &Pem) -> Result<Self, TlsError> {
        let identity = CertifiedKey::from_der(chain.certificates()?, key.key()?, &PROVIDER);
        let identity = identity.map_err(|error| TlsError::of("the client's certificate", &error))?;
        Ok(self.changed(|this| this.identity = Some(Arc::new(identity.into()))))
    }

    /// Proves itself with a certificate and its private key, both in PEM, to servers that ask for one.
    ///
    /// # Errors
    ///
    /// It is no PEM, or the two do not belong together.
    pub fn client_certificate(
        self,
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        self.identify(&Pem::given(chain), &Pem::given(key))
    }

    /// The same with files.
    ///
    /// # Errors
    ///
    /// A file cannot be read, is no PEM, or the two do not belong together.
    pub fn client_certificate_files(
        self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        self.identify(&Pem::File(chain.into()), &Pem::File(key.into()))
    }

    /// The name or IP address that the server's certificate has to be for, where it is not the address's.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn server_name(self, name: impl Into<String>) -> Result<Self, TlsError> {
        let name = server_name(&name.into())?;
        Ok(self.changed(|this| this.name = Some(name)))
    }

    /// The name to verify at this host and port.
    pub(super) fn name(&self, authority: &str) -> Result<ServerName<'static>, TlsError> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        server_name(host.trim_start_matches('[').trim_end_matches(']'))
    }

    /// What connections are made with.
    pub(super) async fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let this = self.clone();
        // The system may keep its roots in hundreds of files.
        let made = tokio::task::spawn_blocking(move || this.make()).await?;
        let made = made.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        Ok(Arc::clone(self.config.get_or_init(|| made)))
    }

    /// The same for servers of HTTP.
    #[cfg(feature = "web-client")]
    pub(super) async fn config_for_http(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.config_for_http.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = ClientConfig::clone(&*self.config().await?);
        config.alpn_protocols = vec![HTTP.to_vec()];
        Ok(Arc::clone(self.config_for_http.get_or_init(|| Arc::new(config))))
    }

    fn make(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut roots = self.roots.clone().unwrap_or_else(RootCertStore::empty);
        if self.with_system || self.roots.is_none() {
            let system = rustls_native_certs::load_native_certs();
            for error in &system.errors {
                tracing::debug!(error = %printable(&error), "cannot read a root certificate of the system");
            }
            roots.add_parsable_certificates(system.certs);
        }
        if roots.is_empty() {
            return Err(TlsError::new(
                "the system has no root certificates: give one with `TlsClient::root_certificate`",
            ));
        }
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::of("the client's configuration", &error))?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity) as _),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![JIDDA.to_vec()];
        Ok(Arc::new(config))
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| TlsError::new(format!("`{name}` is no name that a certificate can be for")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_address_unless_another_is_given() {
        let name = |client: &TlsClient, authority| client.name(authority).unwrap().to_str().into_owned();
        let client = TlsClient::new();
        assert_eq!(name(&client, "localhost:1"), "localhost");
        assert_eq!(name(&client, "127.0.0.1:1"), "127.0.0.1");
        assert_eq!(name(&client, "[::1]:1"), "::1");
        assert!(client.name("what is that:1").is_err());
        let client = client.server_name("example.com").unwrap();
        assert_eq!(name(&client, "localhost:1"), "example.com");
        assert!(client.server_name("no name").is_err());
    }
}
