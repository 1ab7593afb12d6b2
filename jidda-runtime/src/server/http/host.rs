//! What requests have among their extensions: the peer, as jidda knows it and as axum does.

use http::Extensions;

use crate::peer::PeerAddress;

/// Adds the peer of a connection to a request that was received on it.
pub(super) fn introduce(extensions: &mut Extensions, peer: &PeerAddress) {
    #[cfg(feature = "axum")]
    if let PeerAddress::Tcp(address) = peer {
        extensions.insert(axum::extract::ConnectInfo(*address));
    }
    extensions.insert(peer.clone());
}

/// Finds the peer of a request that another server accepted, if that server added it.
pub(super) fn recognize(extensions: &mut Extensions) {
    #[cfg(feature = "axum")]
    if extensions.get::<PeerAddress>().is_none()
        && let Some(axum::extract::ConnectInfo(address)) = extensions.get()
    {
        let peer = PeerAddress::Tcp(*address);
        extensions.insert(peer);
    }
    let _ = extensions;
}
