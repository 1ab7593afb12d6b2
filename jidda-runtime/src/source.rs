//! The address by which connections are counted for limits.

use std::net::{IpAddr, SocketAddr};

use crate::peer::PeerAddress;
use crate::shares::Owner;

/// An address by which connections are counted. For IPv6 it is the /64 network, since a peer that has one address of it
/// can usually use all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    V4([u8; 4]),
    V6(u64),
    /// The same machine, or an unknown address.
    Other,
}

impl Source {
    pub(crate) fn of(peer: &PeerAddress) -> Self {
        match peer {
            PeerAddress::Tcp(address) => Self::of_socket(address),
            _ => Self::Other,
        }
    }

    fn of_socket(address: &SocketAddr) -> Self {
        // A listener of both kinds shows those of the fourth version as some of the sixth.
        match address.ip().to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64;
                // The half of a number has half of its bits.
                #[allow(clippy::cast_possible_truncation)]
                Self::V6(network as u64)
            }
        }
    }
}

impl Owner for Source {}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Source {
        Source::of(&PeerAddress::Tcp(address.parse().unwrap()))
    }

    #[test]
    fn addresses_of_one_peer_are_one_source() {
        for (one, other, is_same) in [
            ("10.0.0.1:1", "10.0.0.1:2", true),
            ("10.0.0.1:1", "10.0.0.2:1", false),
            ("[::ffff:10.0.0.1]:1", "10.0.0.1:2", true),
            ("[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2", true),
            ("[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false),
        ] {
            assert_eq!(source(one) == source(other), is_same, "{one} {other}");
        }
        assert_eq!(Source::of(&PeerAddress::Unix), Source::of(&PeerAddress::Unknown));
    }
}
