//! What the two ends of encrypted addresses prove themselves with, as their builders collect it.

use super::address::Address;
#[cfg(feature = "noise")]
use super::noise::{NoiseClient, NoiseServer};
#[cfg(feature = "tls")]
use super::tls::{TlsClient, TlsServer};

/// A server's, one for each kind of address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerSecrets {
    /// For `tls://`.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsServer>,
    /// For `noise://`.
    #[cfg(feature = "noise")]
    pub noise: Option<NoiseServer>,
}

/// A client's, one for each kind of address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClientSecrets {
    /// For `tls://`; without it the roots of the system are trusted.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsClient>,
    /// For `noise://`.
    #[cfg(feature = "noise")]
    pub noise: Option<NoiseClient>,
}

impl ServerSecrets {
    /// What keeps a server from listening at `addresses`: clear text where encryption was meant, or the reverse.
    /// `suffix` is that of the builder's methods which take these.
    pub(crate) fn problem(&self, addresses: &[Address], suffix: &str) -> Option<String> {
        #[cfg(feature = "tls")]
        match (addresses.iter().find(|address| matches!(address, Address::Tls(_))), &self.tls) {
            (Some(address), None) => {
                return Some(format!(
                    "cannot listen on {address}: it needs a certificate, \
                     `.tls{suffix}(TlsServer::from_pem_files(\"cert.pem\", \"key.pem\")?)`"
                ));
            }
            (None, Some(_)) if addresses.iter().any(is_clear) => return Some(unused("tls", suffix)),
            _ => {}
        }
        #[cfg(feature = "noise")]
        match (addresses.iter().find(|address| matches!(address, Address::Noise(_))), &self.noise) {
            (Some(address), None) => {
                return Some(format!(
                    "cannot listen on {address}: it needs keys, \
                     `.noise{suffix}(NoiseServer::new(KeyPair::from_file_or_generate(\"server.key\")?))`"
                ));
            }
            (None, Some(_)) if addresses.iter().any(is_clear) => return Some(unused("noise", suffix)),
            _ => {}
        }
        let _ = (self, addresses, suffix);
        None
    }
}

impl ClientSecrets {
    /// Why a client cannot connect to `address`: the connection would be plaintext although keys were given, or the trusted
    /// keys are missing.
    pub(crate) fn problem(&self, address: &Address) -> Option<String> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() && is_clear(address) {
            return Some(format!(
                "`.tls(..)` protects addresses that begin with tls://, https:// or wss://, which {address} does not"
            ));
        }
        #[cfg(feature = "noise")]
        match &self.noise {
            None if matches!(address, Address::Noise(_)) => {
                return Some(format!(
                    "cannot connect to {address}: it needs keys, `.noise(NoiseClient::new(keys, server_key))`"
                ));
            }
            Some(_) if is_clear(address) => {
                return Some(format!(
                    "`.noise(..)` protects addresses that begin with noise://, which {address} does not"
                ));
            }
            _ => {}
        }
        let _ = (self, address);
        None
    }
}

#[cfg(any(feature = "noise", feature = "tls"))]
fn is_clear(address: &Address) -> bool {
    match address {
        Address::Tcp(_) => true,
        Address::Web(address) => !address.is_secure(),
        _ => false,
    }
}

/// There is never a fall-back to clear text, be it by a wrong address.
#[cfg(any(feature = "noise", feature = "tls"))]
fn unused(scheme: &str, suffix: &str) -> String {
    format!("`.{scheme}{suffix}(..)` protects addresses that begin with {scheme}://, and there is none")
}
