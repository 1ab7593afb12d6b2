//! What a site does with a WebSocket: a connection of its own, or the rest of a session that polled.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;

use super::sessions::Entry;
use super::site::Site;
use super::websocket::{Opened, stream};
use crate::driver::Driver;
use crate::foreign::printable;
use crate::objects::{Arrival, Connection};
use crate::polling::{self, Attempt};
use crate::reason::DisconnectReason;
use crate::server::admission::Permit;
use crate::transport::Stream;
use crate::tunnel::Tunnel;
use crate::wire::websocket::close;

async fn serve_counted(driver: Driver, permit: Permit) {
    driver.await;
    drop(permit);
}

impl Site {
    /// Serves what a request opened, once the WebSocket is there. `permit` is what it is counted by, where that is not
    /// its stream's.
    pub(super) fn serve_upgraded(
        self: &Arc<Self>,
        opened: Opened,
        upgrading: OnUpgrade,
        permit: Option<Permit>,
    ) {
        let site = Arc::clone(self);
        tokio::spawn(async move {
            // The host may never be able to write its answer.
            let Some(upgraded) = site.closing.run_until_cancelled(upgrading).await else { return };
            match upgraded {
                Ok(upgraded) => {
                    let (stream, own) = stream(upgraded);
                    let (opened, stream) = match opened {
                        Opened::Native(arrival, serving) => {
                            (Opened::Connection(arrival, serving), Tunnel::of_server(stream))
                        }
                        other => (other, stream),
                    };
                    match opened {
                        Opened::Connection(arrival, _serving) | Opened::Native(arrival, _serving) => {
                            // A task of its own, which holds nothing of all this.
                            let driver = site.connect(arrival, stream);
                            match own.or(permit) {
                                None => tokio::spawn(driver).abort_handle(),
                                Some(permit) => tokio::spawn(serve_counted(driver, permit)).abort_handle(),
                            };
                        }
                        Opened::Successor(entry, attempt, _serving) => {
                            site.succeed(&entry, attempt, stream).await;
                        }
                    }
                }
                Err(error) => tracing::debug!(error = %printable(error), "a WebSocket was not opened"),
            }
        });
    }

    /// A connection on its stream, which is the caller's to run. `arrival` was let in with a token that is still held.
    pub(super) fn connect(&self, arrival: Arrival, stream: Stream) -> Driver {
        self.drive(&Connection::arrive(&self.hub, arrival), stream)
    }

    /// A connection that was let in, with what runs it.
    pub(super) fn drive(&self, connection: &Arc<Connection>, stream: Stream) -> Driver {
        let driver = Driver::new(Arc::clone(connection), stream);
        // A server that began to shut down since then may have closed all others by now.
        if self.is_stopping() {
            driver.connection().drain(DisconnectReason::ServerShuttingDown);
        }
        driver
    }

    /// Lets a WebSocket take a session over, unless something else does. The session has a task that runs it.
    pub(super) async fn succeed(&self, entry: &Entry, attempt: Option<Attempt>, stream: Stream) {
        let limit = self.resource.upgrade_timeout;
        let succeeding = async {
            match attempt {
                Some(attempt) => polling::probe(attempt, stream, limit, || entry.connection.upgraded()).await,
                None => polling::close(stream, close::NORMAL).await,
            }
        };
        if let Some(Err(error)) = self.closing.run_until_cancelled(succeeding).await {
            tracing::debug!(error = %printable(error), "a WebSocket was lost");
        }
    }
}
