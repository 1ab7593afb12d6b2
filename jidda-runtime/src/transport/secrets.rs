//! What the two ends of encrypted addresses prove themselves with, as their builders collect it.

use super::address::Address;
#[cfg(feature = "tls")]
use super::tls::{TlsClient, TlsServer};

/// A server's, one for each kind of address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerSecrets {
    /// For `tls://`.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsServer>,
}

/// A client's, one for each kind of address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClientSecrets {
    /// For `tls://`; without one, the roots of the system are believed.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsClient>,
}

impl ServerSecrets {
    /// What keeps a server from listening at `addresses`: clear text where encryption was meant, or the reverse. `method`
    /// is the builder's that takes it.
    pub(crate) fn problem(&self, addresses: &[Address], [tls]: [&str; 1]) -> Option<String> {
        let is_clear = addresses.iter().any(|address| matches!(address, Address::Tcp(_)));
        let find = |is_kind: fn(&Address) -> bool| addresses.iter().find(|address| is_kind(address));
        #[cfg(feature = "tls")]
        match (find(|address| matches!(address, Address::Tls(_))), &self.tls) {
            (Some(address), None) => {
                return Some(format!(
                    "cannot listen on {address}: it needs a certificate, \
                     `.{tls}(TlsServer::from_pem_files(\"cert.pem\", \"key.pem\")?)`"
                ));
            }
            (None, Some(_)) if is_clear => return Some(unused(tls)),
            _ => {}
        }
        let _ = (is_clear, find);
        None
    }
}

impl ClientSecrets {
    /// What keeps a client from connecting to `address`: it would be in clear text, where that was not meant.
    pub(crate) fn problem(&self, address: &Address) -> Option<String> {
        let is_clear = matches!(address, Address::Tcp(_));
        #[cfg(feature = "tls")]
        if is_clear && self.tls.is_some() {
            return Some(unused("tls"));
        }
        let _ = is_clear;
        None
    }
}

/// There is never a fall-back to clear text, be it by a wrong address.
#[cfg(feature = "tls")]
fn unused(scheme: &str) -> String {
    format!("`.{scheme}(..)` protects addresses that begin with {scheme}://, and there is none")
}
