//! Why the peer ended a stream, if it said so after the handshake of this side was complete.

use std::io;
use std::sync::{Arc, OnceLock};

/// In TLS 1.3 a client's handshake is complete before the server has checked its certificate, so that a refusal is received
/// as an alert later. Clones share it; streams without such alerts have none.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerAlert(Option<Arc<OnceLock<String>>>);

impl PeerAlert {
    /// An alert that may be received later.
    #[cfg(any(feature = "tls", test))]
    pub(super) fn pending() -> Self {
        Self(Some(Arc::default()))
    }

    /// Keeps the first one.
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
    fn the_first_alert_is_kept() {
        let alert = PeerAlert::pending();
        assert!(alert.error().is_none());
        alert.clone().give(|| "first".to_owned());
        alert.give(|| "second".to_owned());
        assert_eq!(alert.error().unwrap().to_string(), "first");
        PeerAlert::default().give(|| "not kept".to_owned());
    }
}
