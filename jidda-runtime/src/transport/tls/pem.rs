//! Certificates and keys as they are kept: PEM, in a file or given by the program.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use super::explain::certificate as certificate_problem;

/// The source of PEM text.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Given(Arc<[u8]>),
}

/// Changes when the file is replaced; `None` if there is no file.
pub(super) type Stamp = Option<(Option<SystemTime>, u64, u64)>;

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            // It may be a key.
            Self::Given(_) => f.write_str("(given)"),
        }
    }
}

/// Whether it is what PEM wraps, without the wrapping.
fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x30)
}

/// Whether a section of this kind begins in it.
fn has(pem: &[u8], kind: &str) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(kind))
}

/// What is wrong with PEM, without anything of it: it may be a key.
fn describe(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section of it has no end, and may have been cut off".to_owned()
        }
        pem::Error::IllegalSectionStart { .. } => "a line that begins a section is broken".to_owned(),
        pem::Error::Base64Decode(_) => "a section of it is not base64".to_owned(),
        other => other.to_string(),
    }
}

impl Pem {
    pub(super) fn given(pem: impl AsRef<[u8]>) -> Self {
        Self::Given(pem.as_ref().into())
    }

    /// How an error names it.
    fn name(&self, what: &str) -> String {
        match self {
            Self::File(path) => format!("the {what} in {}", path.display()),
            Self::Given(_) => format!("the given {what}"),
        }
    }

    fn read(&self, what: &str) -> Result<Cow<'_, [u8]>, TlsError> {
        match self {
            Self::File(path) => {
                let read = std::fs::read(path).map(Cow::Owned);
                read.map_err(|error| {
                    TlsError::new(format!("cannot read the {what} in {}: {error}", path.display()))
                })
            }
            Self::Given(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// All certificates in it, in their order.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let pem = self.read("certificates")?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let problem = match certificates {
            Ok(certificates) if !certificates.is_empty() => return Ok(certificates),
            Ok(_) if is_der(&pem) => {
                "it is DER and not PEM, which `openssl x509 -inform der` makes of it".to_owned()
            }
            Ok(_) if has(&pem, "PRIVATE KEY") => {
                "there is a PRIVATE KEY and no CERTIFICATE: are the two exchanged?".to_owned()
            }
            Ok(_) => "there is no CERTIFICATE in it, as PEM has it".to_owned(),
            Err(error) => describe(&error),
        };
        Err(TlsError::new(format!("{} cannot be read: {problem}", self.name("certificates"))))
    }

    /// The first private key in it.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let pem = self.read("private key")?;
        PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
            let problem = match error {
                pem::Error::NoItemsFound if is_der(&pem) => {
                    "it is DER and not PEM, which `openssl pkey -inform der` makes of it".to_owned()
                }
                pem::Error::NoItemsFound if has(&pem, "ENCRYPTED PRIVATE KEY") => {
                    "it is encrypted: `openssl pkey` decrypts it".to_owned()
                }
                pem::Error::NoItemsFound if has(&pem, "CERTIFICATE") => {
                    "there is a CERTIFICATE and no PRIVATE KEY: are the two exchanged?".to_owned()
                }
                pem::Error::NoItemsFound => "there is no PRIVATE KEY in it, as PEM has it".to_owned(),
                other => describe(&other),
            };
            TlsError::new(format!("{} cannot be read: {problem}", self.name("private key")))
        })
    }

    /// All certificates in it, as roots of trust.
    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| {
                let problem = match &error {
                    rustls::Error::InvalidCertificate(problem) => {
                        format!("one {}", certificate_problem(problem))
                    }
                    other => other.to_string(),
                };
                TlsError::new(format!("{} cannot be trusted: {problem}", self.name("certificates")))
            })?;
        }
        Ok(roots)
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    pub(super) fn stamp(&self) -> Stamp {
        let Self::File(path) = self else { return None };
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some((metadata.modified().ok(), metadata.len(), inode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_pem_says_so_and_shows_nothing_of_it() {
        let given = Pem::given("-----BEGIN PRIVATE KEY-----\nsecret!\n");
        for error in [
            given.key().unwrap_err(),
            given.certificates().unwrap_err(),
            given.roots().unwrap_err(),
            Pem::given("").key().unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("the given "), "{error}");
            assert!(error.to_string().contains(" cannot be read: "), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert_eq!(format!("{given:?}"), "(given)");
        let absent = Pem::File("/no/such/file.pem".into());
        let error = absent.certificates().unwrap_err().to_string();
        assert!(error.starts_with("cannot read the certificates in /no/such/file.pem: "), "{error}");
        assert_eq!(absent.stamp(), None);
    }

    #[test]
    fn what_is_the_matter_with_a_file_is_said_with_what_to_do() {
        let section =
            |kind: &str, body: &str| format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n");
        let certificate = section("CERTIFICATE", "AAAA");
        let key = section("PRIVATE KEY", "AAAA");
        for (pem, words) in [
            (key.as_str(), "are the two exchanged?"),
            ("0\u{82}", "`openssl x509 -inform der`"),
            ("nothing", "there is no CERTIFICATE"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "has no end"),
            (&section("CERTIFICATE", "?"), "not base64"),
        ] {
            let error = Pem::given(pem).certificates().unwrap_err().to_string();
            assert!(error.contains(words), "`{words}` is not in: {error}");
        }
        for (pem, words) in [
            (certificate.as_str(), "are the two exchanged?"),
            ("0\u{82}", "`openssl pkey -inform der`"),
            ("nothing", "there is no PRIVATE KEY"),
            (&section("ENCRYPTED PRIVATE KEY", "AAAA"), "`openssl pkey` decrypts it"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "has no end"),
        ] {
            let error = Pem::given(pem).key().unwrap_err().to_string();
            assert!(error.contains(words), "`{words}` is not in: {error}");
        }
    }

    #[test]
    fn a_broken_certificate_is_no_root() {
        let broken = Pem::given("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        assert_eq!(broken.certificates().unwrap().len(), 1);
        let error = broken.roots().unwrap_err().to_string();
        assert!(error.starts_with("the given certificates cannot be trusted: "), "{error}");
    }
}
