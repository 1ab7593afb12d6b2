//! The certificate of a server, and which clients it trusts.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;

use super::pem::{Pem, Stamp};
use super::{HTTP, JIDDA, PROVIDER, TlsError};
use crate::deadline::milliseconds;

use crate::foreign::printable;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};

/// How long files are taken to be what they were.
const TRUSTED: Duration = Duration::from_secs(1);

/// The certificate and key of a server that listens at `tls://`, and the roots of the client certificates that it requires.
///
/// It offers TLS 1.3 and 1.2. Changed files are detected when a client connects, at most once a second, and used from then on
/// without a restart, unless they are invalid. Open connections continue unchanged. Clones share the settings: keep one of them
/// to [`reload`](Self::reload).
///
/// ```no_run
/// # use jidda::tls::TlsServer;
/// # use jidda::{Error, Server};
/// # async fn start() -> Result<(), Error> {
/// let tls = TlsServer::from_pem_files("cert.pem", "key.pem")?.client_certificates_file("people.pem")?;
/// let server = Server::builder().listen("tls://0.0.0.0:8443").tls(tls).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsServer {
    inner: Arc<Inner>,
}

struct Inner {
    sources: Sources,
    current: RwLock<Arc<ServerConfig>>,
    files: Mutex<Files>,
    began: Instant,
    /// When the files were last looked at, in milliseconds from the beginning.
    checked: AtomicU64,
}

#[derive(Clone, Debug)]
struct Sources {
    chain: Pem,
    key: Pem,
    client_roots: Option<Pem>,
    /// Whether clients may also show no certificate.
    is_optional: bool,
}

/// The files as they were when they were last read.
#[derive(Default)]
struct Files {
    used: Vec<Stamp>,
    /// Those that were no good: that is said once.
    refused: Option<Vec<Stamp>>,
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").field("sources", &self.inner.sources).finish_non_exhaustive()
    }
}

impl TlsServer {
    /// From files: the server's certificate with those between it and the root behind it, and its private key
    /// (PKCS #8, PKCS #1 or SEC 1, not encrypted).
    ///
    /// # Errors
    ///
    /// A file cannot be read, is no PEM, or the two do not belong together.
    pub fn from_pem_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        Self::load(Pem::File(chain.into()), Pem::File(key.into()))
    }

    /// From PEM text instead of files.
    ///
    /// # Errors
    ///
    /// It is no PEM, or the two do not belong together.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        Self::load(Pem::given(chain), Pem::given(key))
    }

    fn load(chain: Pem, key: Pem) -> Result<Self, TlsError> {
        Self::with(Sources { chain, key, client_roots: None, is_optional: false })
    }

    fn with(sources: Sources) -> Result<Self, TlsError> {
        let files = Files { used: sources.stamps(), refused: None };
        let config = sources.config()?;
        Ok(Self {
            inner: Arc::new(Inner {
                sources,
                current: RwLock::new(config),
                files: Mutex::new(files),
                began: Instant::now(),
                checked: AtomicU64::new(0),
            }),
        })
    }

    /// Lets in only clients that prove to own a certificate of one of these roots: mutual TLS. Handlers see it as
    /// [`Handshake::security`](crate::Handshake::security).
    ///
    /// # Errors
    ///
    /// The roots are no certificates in PEM.
    pub fn client_certificates(self, roots: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let client_roots = Some(Pem::given(roots));
        Self::with(Sources { client_roots, ..self.inner.sources.clone() })
    }

    /// The same with a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has no certificates in PEM.
    pub fn client_certificates_file(self, roots: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let client_roots = Some(Pem::File(roots.into()));
        Self::with(Sources { client_roots, ..self.inner.sources.clone() })
    }

    /// Lets in clients without a certificate, too. One that is shown has to be good all the same.
    ///
    /// # Errors
    ///
    /// As when it was made: files are read again.
    pub fn optional_client_certificates(self) -> Result<Self, TlsError> {
        Self::with(Sources { is_optional: true, ..self.inner.sources.clone() })
    }

    /// Reads the files again, for new connections.
    ///
    /// # Errors
    ///
    /// There is something wrong with them. What was in use stays so.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.inner.reload(&mut self.inner.files.lock())
    }

    /// What the next client gets. At most once a second the files are looked at first.
    pub(super) async fn config(&self) -> Arc<ServerConfig> {
        if self.inner.is_check_due() {
            let inner = Arc::clone(&self.inner);
            // On the blocking pool: the disk may be slow.
            let _ = tokio::task::spawn_blocking(move || inner.refresh()).await;
        }
        Arc::clone(&self.inner.current.read())
    }
}

impl Inner {
    /// Whether the caller has to read the files.
    fn is_check_due(&self) -> bool {
        if !self.sources.files().any(Pem::is_file) {
            return false;
        }
        let (now, checked) = (milliseconds(self.began.elapsed()), self.checked.load(Ordering::Relaxed));
        now - checked.min(now) >= milliseconds(TRUSTED)
            && self.checked.compare_exchange(checked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn refresh(&self) {
        let mut files = self.files.lock();
        let stamps = self.sources.stamps();
        if stamps == files.used {
            return;
        }
        let is_news = files.refused.as_ref() != Some(&stamps);
        match self.reload(&mut files) {
            Ok(()) => tracing::info!("the files changed: new certificates are in use"),
            // Half of them may be written; the next look may find them whole.
            Err(error) if is_news => {
                tracing::warn!(error = %printable(&error), "the certificates changed, and the old ones stay in use");
            }
            Err(_) => {}
        }
    }

    fn reload(&self, files: &mut Files) -> Result<(), TlsError> {
        // Before they are read: what changes meanwhile is a change.
        let stamps = self.sources.stamps();
        match self.sources.config() {
            Ok(config) => {
                // Dropped after the lock: it may hold what the program gave.
                let _before = std::mem::replace(&mut *self.current.write(), config);
                *files = Files { used: stamps, refused: None };
                Ok(())
            }
            Err(error) => {
                files.refused = Some(stamps);
                Err(error)
            }
        }
    }
}

impl Sources {
    fn files(&self) -> impl Iterator<Item = &Pem> {
        [&self.chain, &self.key].into_iter().chain(&self.client_roots)
    }

    fn stamps(&self) -> Vec<Stamp> {
        self.files().map(Pem::stamp).collect()
    }

    /// Resumable sessions belong to it: no session is resumed that was authenticated by certificates that were replaced.
    fn config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let unusable = |error: rustls::Error| TlsError::of("the certificate", &error);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &self.client_roots {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let roots = Arc::new(roots.roots()?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&PROVIDER));
                let verifier = if self.is_optional { verifier.allow_unauthenticated() } else { verifier };
                let verifier = verifier.build().map_err(|error| {
                    TlsError::new(format!("the roots of clients cannot be used: {error}"))
                })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config =
            builder.with_single_cert(self.chain.certificates()?, self.key.key()?).map_err(unusable)?;
        config.alpn_protocols = vec![JIDDA.to_vec(), HTTP.to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_key_of_another_certificate_is_found_at_once() {
        let ((chain, key), (_, other)) = (pair(), pair());
        let server = TlsServer::from_pem(&chain, &key).unwrap();
        let error = TlsServer::from_pem(&chain, other).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the certificate does not fit its private key: give the key that it was made for"
        );
        let error = server.client_certificates("nothing").unwrap_err();
        assert!(error.to_string().contains("there is no CERTIFICATE"), "{error}");
        assert!(!format!("{:?}", TlsServer::from_pem(&chain, &key)).contains("PRIVATE"));
    }

    #[tokio::test]
    async fn files_that_are_no_good_change_nothing() {
        let folder = std::env::temp_dir().join(format!("jidda-tls-server-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (chain_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
        let write = |chain: &str, key: &str| {
            std::fs::write(&chain_file, chain).unwrap();
            std::fs::write(&key_file, key).unwrap();
        };
        let ((chain, key), (new_chain, new_key)) = (pair(), pair());
        write(&chain, &key);
        let server = TlsServer::from_pem_files(&chain_file, &key_file).unwrap();
        let first = server.config().await;
        write(&new_chain, &key);
        server.reload().unwrap_err();
        server.inner.refresh();
        assert!(Arc::ptr_eq(&first, &server.config().await));
        write(&new_chain, &new_key);
        server.inner.refresh();
        let second = server.config().await;
        assert!(!Arc::ptr_eq(&first, &second));
        server.inner.refresh();
        assert!(Arc::ptr_eq(&second, &server.config().await), "what did not change is not read again");
        std::fs::remove_file(&key_file).unwrap();
        let error = server.reload().unwrap_err().to_string();
        assert!(error.starts_with("cannot read the private key in "), "{error}");
        assert!(Arc::ptr_eq(&second, &server.config().await));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
