//! Where a client's streams come from.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::reconnect::Role;
use crate::transport::{Address, ClientSecrets, Incoming, Listener, Stream};

/// Where a client's streams come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// It connects.
    Dial(Address, ClientSecrets),
    /// It is connected to. Its connections take turns in waiting.
    Accept(Address, Arc<Mutex<Listener>>),
}

impl Source {
    pub(super) fn address(&self) -> &Address {
        match self {
            Self::Dial(address, _) | Self::Accept(address, _) => address,
        }
    }

    pub(super) fn role(&self) -> Role {
        match self {
            Self::Dial(..) => Role::Dials,
            Self::Accept(..) => Role::Listens,
        }
    }

    /// The next stream. `limit` is how long the handshake of an accepted one may take.
    pub(super) async fn stream(&self, limit: Duration) -> io::Result<Stream> {
        match self {
            Self::Dial(address, secrets) => Ok(Stream::connect(address, secrets).await?.0),
            Self::Accept(_, listener) => {
                // Others may wait for theirs while this one's handshake goes on.
                let (incoming, _) = listener.lock().await.accept().await?;
                match incoming {
                    Incoming::Clear(stream) => Ok(stream),
                    Incoming::Encrypted(handshaking) => Ok(timeout(limit, handshaking.finish()).await??.0),
                }
            }
        }
    }
}
