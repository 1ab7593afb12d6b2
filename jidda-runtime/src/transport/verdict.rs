//! What a server says of a client when the client's part of the handshake is over.

use std::io;
use std::sync::{Arc, OnceLock};

/// Why a stream broke, for whoever made it: in TLS 1.3 a client has long begun to speak when the server judges its
/// certificate. Clones are the same one; a stream that cannot be judged has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict(Option<Arc<OnceLock<String>>>);

impl Verdict {
    /// One that is waited for.
    #[cfg(any(feature = "tls", test))]
    pub(super) fn pending() -> Self {
        Self(Some(Arc::default()))
    }

    /// The first one stays.
    #[cfg(any(feature = "tls", test))]
    pub(super) fn give(&self, text: impl FnOnce() -> String) {
        if let Some(place) = &self.0 {
            place.get_or_init(text);
        }
    }

    /// Why the stream broke, if it did.
    pub(crate) fn error(&self) -> Option<io::Error> {
        let text = self.0.as_ref()?.get()?;
        Some(io::Error::new(io::ErrorKind::ConnectionAborted, text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_stays() {
        let verdict = Verdict::pending();
        assert!(verdict.error().is_none());
        verdict.clone().give(|| "first".to_owned());
        verdict.give(|| "second".to_owned());
        assert_eq!(verdict.error().unwrap().to_string(), "first");
        Verdict::default().give(|| "nobody hears it".to_owned());
    }
}
