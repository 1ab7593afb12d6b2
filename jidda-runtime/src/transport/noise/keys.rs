//! Who a peer is: a secret that never leaves it, and the public key that the others know it by.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::Dh;
use zeroize::{Zeroize, Zeroizing};

/// How long a key is as text.
const CHARACTERS: usize = 43;

/// Why something is no key. Nothing of it is repeated: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is too short or too long.
    #[error("a key has {CHARACTERS} characters, this text has {0}")]
    Length(usize),
    /// It is no base64url.
    #[error("a key is base64url: letters, digits, `-` and `_`, and no other end than a key of 32 bytes has")]
    Text,
    /// It is one of the few keys whose secret is public.
    #[error("this public key protects nothing: it is one of those that any secret fits")]
    Weak,
}

fn decode(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    if text.len() != CHARACTERS {
        return Err(KeyError::Length(text.chars().count()));
    }
    // The decoder needs room for its estimate, which is larger than the result.
    let mut room = Zeroizing::new([0; 33]);
    match BASE64_URL_SAFE_NO_PAD.decode_slice(text, room.as_mut_slice()) {
        Ok(32) => {
            let mut bytes = Zeroizing::new([0; 32]);
            bytes.copy_from_slice(&room[..32]);
            Ok(bytes)
        }
        _ => Err(KeyError::Text),
    }
}

/// What a peer is known by. It is no secret.
///
/// As text it is 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The bytes, as [`Security::Noise`](crate::Security::Noise) has them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether a shared secret with it is always the same: the points of low order, in each of their forms.
    fn is_weak(&self) -> bool {
        // The highest bit means nothing.
        let mut bytes = self.0;
        bytes[31] &= 0x7f;
        WEAK.contains(&bytes)
    }
}

/// The points of low order on the curve and its twist: 0, 1, two of order 8, and -1, 0 and 1 once more above the prime.
const WEAK: [[u8; 32]; 7] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    below(0xec),
    below(0xed),
    below(0xee),
];

/// A number around the prime, by its lowest byte.
const fn below(lowest: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = lowest;
    bytes[31] = 0x7f;
    bytes
}

impl TryFrom<[u8; 32]> for PublicKey {
    type Error = KeyError;

    fn try_from(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = Self(bytes);
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(key) }
    }
}

impl From<PublicKey> for [u8; 32] {
    fn from(key: PublicKey) -> Self {
        key.0
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::try_from(*decode(text)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// What a peer proves to be itself with. It is wiped from memory when it is dropped, and never shown by accident:
/// it has no `Display`, and its `Debug` is empty.
///
/// As text it is 43 characters of base64url, too: see [`reveal`](Self::reveal).
// Boxed: a key that moves leaves a copy behind.
#[derive(Clone)]
pub struct SecretKey(Box<Zeroizing<[u8; 32]>>);

impl SecretKey {
    /// The secret as text, for whoever keeps it elsewhere than in a file. The text is wiped as well.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(self.bytes()))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        decode(text).map(|bytes| Self(Box::new(bytes)))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").finish_non_exhaustive()
    }
}

/// A secret key and the public key that belongs to it. Cheap to clone.
///
/// ```
/// use jidda::noise::{KeyPair, PublicKey};
///
/// let keys = KeyPair::generate();
/// let known: PublicKey = keys.public().to_string().parse()?;
/// assert_eq!(known, keys.public());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyPair {
    secret: Arc<SecretKey>,
    public: PublicKey,
}

impl KeyPair {
    /// Makes a new one.
    ///
    /// # Panics
    ///
    /// If the system has no random source.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).expect("the system has a random source");
        SecretKey(Box::new(bytes)).into()
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        SecretKey(Box::new(Zeroizing::new(bytes))).into()
    }

    /// Reads the secret from a file. A file that others may read is a warning in the log.
    ///
    /// # Errors
    ///
    /// The operating system's, or what is wrong with the text; both name the file.
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let explain = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot read the key file `{}`: {error}", path.display()))
        };
        let text = read(path).map_err(explain)?;
        let secret: SecretKey = text
            .trim()
            .parse()
            .map_err(|error: KeyError| explain(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        Ok(secret.into())
    }

    /// Reads the secret from a file; if there is none, makes a new pair and writes its secret there, for this
    /// user only.
    ///
    /// ```
    /// use jidda::noise::KeyPair;
    ///
    /// let path = std::env::temp_dir().join(format!("jidda-docs-{}.key", std::process::id()));
    /// let keys = KeyPair::from_file_or_generate(&path)?;
    /// println!("clients have to know {}", keys.public());
    /// assert_eq!(KeyPair::from_file_or_generate(&path)?.public(), keys.public());
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file) and [`write_file`](Self::write_file).
    ///
    /// # Panics
    ///
    /// As [`generate`](Self::generate).
    pub fn from_file_or_generate(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        match Self::from_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let keys = Self::generate();
        match keys.write_file(path) {
            Ok(()) => Ok(keys),
            // Another process was faster: its key is the one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::from_file(path),
            Err(error) => Err(error),
        }
    }

    /// Writes the secret to a new file, which only this user may read. A file that is there is left alone.
    ///
    /// # Errors
    ///
    /// The operating system's, with the file's name; `AlreadyExists` if there is one.
    pub fn write_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let explain = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot write the key file `{}`: {error}", path.display()))
        };
        let mut file = create(path).map_err(explain)?;
        let mut text = self.secret.reveal();
        text.push('\n');
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
            // Half a key would be in the way of the next attempt.
            fs::remove_file(path).ok();
            explain(error)
        })
    }

    /// What others know this one by.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The secret.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl From<SecretKey> for KeyPair {
    fn from(secret: SecretKey) -> Self {
        let mut curve = curve();
        curve.set(secret.bytes());
        let mut public = [0; 32];
        public.copy_from_slice(curve.pubkey());
        // It does not wipe what it was given.
        curve.set(&[1; 32]);
        Self { secret: Arc::new(secret), public: PublicKey(public) }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

fn curve() -> Box<dyn Dh> {
    DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("the feature is on")
}

/// A key file's text. What is no key may be of any size, and is not read to its end.
fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    use io::Read;

    const LONGEST: u64 = 1024;
    let file = File::open(path)?;
    warn_if_readable_by_others(&file, path);
    let mut text = Zeroizing::new(String::with_capacity(2 * CHARACTERS));
    // A text that grows leaves its old places behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * CHARACTERS));
    file.take(LONGEST).read_to_end(&mut bytes)?;
    match std::str::from_utf8(&bytes) {
        Ok(read) => text.push_str(read),
        Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, KeyError::Text)),
    }
    bytes.zeroize();
    Ok(text)
}

#[cfg(unix)]
fn warn_if_readable_by_others(file: &File, path: &Path) {
    use std::os::unix::fs::MetadataExt;

    if file.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "others may read this key file: `chmod 600` it");
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_file: &File, _path: &Path) {}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("jidda-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_key_is_text_and_back() {
        let keys = KeyPair::generate();
        assert_ne!(keys.public(), KeyPair::generate().public());
        let text = keys.public().to_string();
        assert_eq!(text.len(), CHARACTERS);
        assert_eq!(text.parse(), Ok(keys.public()));
        let again: SecretKey = keys.secret().reveal().parse().unwrap();
        assert_eq!(KeyPair::from(again).public(), keys.public());
        assert_eq!(PublicKey::try_from(*keys.public().as_bytes()), Ok(keys.public()));
    }

    #[test]
    fn an_invalid_key_is_reported_without_its_text() {
        let good = KeyPair::generate().public().to_string();
        let with_end = |end: &str| format!("{}{end}", &good[..42]);
        for (text, error) in [
            ("", KeyError::Length(0)),
            (&good[1..], KeyError::Length(42)),
            (&with_end("AA"), KeyError::Length(44)),
            (&with_end("+"), KeyError::Text),
            (&with_end("="), KeyError::Text),
            // Two bits too many: a key has one text only.
            (&with_end("B"), KeyError::Text),
            (&format!("{}é", &good[..41]), KeyError::Text),
        ] {
            assert_eq!(text.parse::<PublicKey>(), Err(error), "{text}");
            let secret = text.parse::<SecretKey>().unwrap_err();
            assert_eq!(secret, error);
            assert!(text.is_empty() || !secret.to_string().contains(text), "{secret}");
        }
    }

    #[test]
    fn weak_keys_are_those_whose_shared_secret_is_nothing() {
        let mut curve = curve();
        curve.set(&[7; 32]);
        for weak in WEAK {
            for high in [0, 0x80] {
                let mut bytes = weak;
                bytes[31] |= high;
                let mut shared = [1; 32];
                curve.dh(&bytes, &mut shared).unwrap();
                assert_eq!(shared, [0; 32], "{weak:02x?}");
                assert_eq!(PublicKey::try_from(bytes), Err(KeyError::Weak));
            }
        }
        let text = BASE64_URL_SAFE_NO_PAD.encode([0; 32]);
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Weak));
    }

    #[test]
    fn no_debug_shows_the_secret() {
        let keys = KeyPair::generate();
        let secret = keys.secret().reveal();
        let shown = format!("{keys:?} {:?}", keys.secret());
        assert!(!shown.contains(&*secret) && shown.contains(&keys.public().to_string()), "{shown}");
    }

    #[test]
    fn a_file_is_made_once_and_for_this_user() {
        let folder = folder("once");
        let path = folder.join("server.key");
        let keys = KeyPair::from_file_or_generate(&path).unwrap();
        assert_eq!(KeyPair::from_file_or_generate(&path).unwrap().public(), keys.public());
        assert_eq!(KeyPair::from_file(&path).unwrap().public(), keys.public());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        let other = KeyPair::generate().write_file(&path).unwrap_err();
        assert_eq!(other.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(KeyPair::from_file(&path).unwrap().public(), keys.public());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_bad_file_is_named_and_left_alone() {
        let folder = folder("bad");
        let path = folder.join("bad.key");
        for content in [&b""[..], b"not a key", b"\xff\xfe", &[b'A'; 4096]] {
            fs::write(&path, content).unwrap();
            let error = KeyPair::from_file_or_generate(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains("bad.key"), "{error}");
            assert!(!error.to_string().contains("not a key"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(KeyPair::from_file(folder.join("none.key")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let nowhere = KeyPair::from_file_or_generate(folder.join("none/a.key")).unwrap_err();
        assert!(nowhere.to_string().contains("cannot write the key file"), "{nowhere}");
        fs::remove_dir_all(folder).unwrap();
    }
}
