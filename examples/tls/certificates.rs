//! Certificates for trying things out. Real ones come from an authority that others know, too.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// A folder with an authority, and what it signed.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Opens a folder; what is missing in it is made.
    pub(crate) fn open(path: &Path) -> jidda::Result<Self> {
        let folder = Self(path.to_owned());
        if !folder.file("client.pem").exists() {
            fs::create_dir_all(path)?;
            folder.fill()?;
            println!("made certificates in {}", path.display());
        }
        Ok(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn fill(&self) -> jidda::Result<()> {
        let mut authority = CertificateParams::new([])?;
        authority.distinguished_name.push(DnType::CommonName, "authority of an example");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages.push(KeyUsagePurpose::KeyCertSign);
        // Its key is forgotten: nobody signs anything else with it.
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        fs::write(self.file("authority.pem"), authority.pem())?;
        self.sign(&authority, "server", &["localhost", "127.0.0.1", "::1"])?;
        self.sign(&authority, "client", &["ada"])
    }

    fn sign(&self, authority: &Issuer<'_, KeyPair>, whose: &str, names: &[&str]) -> jidda::Result<()> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, authority)?;
        self.write_secret(&format!("{whose}.key"), &key.serialize_pem())?;
        fs::write(self.file(&format!("{whose}.pem")), certificate.pem())?;
        Ok(())
    }

    /// Writes what is for nobody else to read.
    fn write_secret(&self, name: &str, text: &str) -> jidda::Result<()> {
        let mut options = fs::OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.write(true).create(true).truncate(true).open(self.file(name))?.write_all(text.as_bytes())?;
        Ok(())
    }
}
