//! How a client's connection is made: a stream, a hello, and every namespace that was joined before.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{broadcast, oneshot};
use tokio::time::timeout;

use super::credentials::Credentials;
use super::error::ConnectError;
use super::source::Source;
#[cfg(feature = "web-client")]
use super::web;
use crate::client::join::{Acquaintance, Asked};
#[cfg(feature = "web-client")]
use crate::deadline;
use crate::driver::Driver;
use crate::error::{CallError, Error, describe};
use crate::failure::Failure;
use crate::foreign::{in_one_line, printable, shown};
use crate::objects::Connection;
use crate::payload::Payload;
#[cfg(feature = "web-client")]
use crate::peer::Transport;
use crate::reason::DisconnectReason;
use crate::reconnect::{ClientEvent, Departure, Kept, Role, Serving, Setback};
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;
use crate::transport::{PeerAlert, Stream};
#[cfg(feature = "web-client")]
use crate::wire::engine_io::Version;

/// One of a client's connections, for its keeper.
pub(super) struct Connecting {
    pub(super) connection: Arc<Connection>,
    pub(super) source: Source,
    pub(super) connect_timeout: Duration,
    pub(super) events: broadcast::Sender<ClientEvent>,
    pub(super) credentials: Credentials,
    /// Whoever waits for the first connection.
    pub(super) ready: Mutex<Option<oneshot::Sender<Result<(), ConnectError>>>>,
    /// Why the peer ended the stream, where its medium has words for that.
    pub(super) alert: Mutex<PeerAlert>,
    /// The answer that a server of version 3 gives unasked.
    pub(super) root: Mutex<Option<Asked>>,
}

impl Kept for Connecting {
    type Error = ConnectError;

    async fn open(&self) -> Result<Serving, ConnectError> {
        let stream = self.stream().await?;
        *self.alert.lock() = stream.peer_alert();
        let connection = Arc::clone(&self.connection);
        let driver = Driver::new(Arc::clone(&connection), stream);
        self.expect_root();
        let driver = tokio::spawn(driver);
        let serving = async move {
            // One that broke down left its connection as if the stream had been lost.
            let reason = driver.await.unwrap_or(DisconnectReason::TransportError);
            Departure { reason, returns: !connection.is_closed() }
        };
        Ok(serving.boxed())
    }

    async fn introduce(&self) -> Result<(), ConnectError> {
        timeout(self.connect_timeout, self.introduction()).await.unwrap_or_else(|_| Err(self.late()))
    }

    async fn attend(&self) -> Infallible {
        renew(self).await
    }

    async fn ending(&self) -> DisconnectReason {
        self.connection.ending().await
    }

    fn hang_up(&self, reason: DisconnectReason) {
        self.connection.close(reason);
    }

    fn setback(&self, error: &ConnectError) -> Setback {
        let address = self.source.address();
        match error {
            ConnectError::Refused(refusal) => {
                match self.source.role() {
                    // Anyone may connect to it: a refusal may not be the server's.
                    Role::Listens => {
                        tracing::warn!(%address, refusal = %printable(refusal), "refused by a server that connected");
                    }
                    Role::Dials => {
                        tracing::debug!(%address, error = %printable(describe(error)), "cannot connect");
                    }
                }
                let reason = DisconnectReason::Other(describe(error).into());
                if passes(refusal) { Setback::Postponed(reason) } else { Setback::Refused(reason) }
            }
            #[cfg(feature = "web-client")]
            ConnectError::Web { source, .. } if !source.is_temporary() => {
                tracing::debug!(%address, error = %printable(describe(error)), "cannot connect");
                Setback::Refused(DisconnectReason::Other(describe(error).into()))
            }
            _ => {
                tracing::debug!(%address, error = %printable(describe(error)), "cannot connect");
                if matches!(error, ConnectError::Io { .. }) { Setback::System } else { Setback::Passing }
            }
        }
    }

    fn show(&self, event: ClientEvent) {
        let is_first = event == ClientEvent::Connected;
        self.show_event(event);
        if is_first {
            self.answer(Ok(()));
        }
    }

    fn finish(&self, reason: &DisconnectReason, error: Option<ConnectError>) {
        self.connection.finish(reason);
        let error = match (error.unwrap_or_else(|| self.lost()), self.alert.lock().error()) {
            (ConnectError::Lost { .. }, Some(source)) => self.io(source),
            (error, _) => error,
        };
        self.answer(Err(error));
    }
}

impl Connecting {
    pub(super) fn show_event(&self, event: ClientEvent) {
        // Nobody has to listen.
        let _ = self.events.send(event);
    }

    fn answer(&self, outcome: Result<(), ConnectError>) {
        let ready = self.ready.lock().take();
        if let Some(ready) = ready {
            // Whoever asked may have given up.
            let _ = ready.send(outcome);
        }
    }

    fn late(&self) -> ConnectError {
        ConnectError::Timeout { address: self.source.address().to_string() }
    }

    fn lost(&self) -> ConnectError {
        ConnectError::Lost { address: self.source.address().to_string() }
    }

    fn io(&self, source: std::io::Error) -> ConnectError {
        ConnectError::Io { address: self.source.address().to_string(), source }
    }

    /// The next stream, and with it what its beginning says of the server.
    async fn stream(&self) -> Result<Stream, ConnectError> {
        #[cfg(feature = "web-client")]
        if let Some(opened) = self.source.open_socket_io(self.connect_timeout).await {
            let web::Opened { stream, version, handshake, transport, security, upgraded } = opened?;
            tracing::debug!(address = %self.source.address(), ?version, ?transport, ?security, "the server speaks Engine.IO");
            if let Some(negotiated) = self.connection.negotiated() {
                let milliseconds = |time| u32::try_from(deadline::milliseconds(time)).unwrap_or(u32::MAX);
                negotiated.is_version_3.store(version == Version::V3, Ordering::Relaxed);
                negotiated.began_polling.store(transport == Transport::Polling, Ordering::Relaxed);
                *negotiated.upgraded.lock() = upgraded;
                negotiated.ping_interval.store(milliseconds(handshake.ping_interval), Ordering::Relaxed);
                negotiated.ping_timeout.store(milliseconds(handshake.ping_timeout), Ordering::Relaxed);
            }
            return Ok(stream);
        }
        self.source.stream(self.connect_timeout).await
    }

    /// Waits for the answer of a server of version 3 to a wish that clients do not utter: to be in the root namespace. It may
    /// be the first thing that is read.
    fn expect_root(&self) {
        let connection = &self.connection;
        connection.link.change().speaks_native |= connection.negotiated().is_some();
        *self.root.lock() = None;
        let is_version_3 =
            connection.negotiated().is_some_and(|negotiated| negotiated.is_version_3.load(Ordering::Relaxed));
        let root = connection.wanted_sockets().into_iter().find(|socket| socket.namespace() == "/");
        if let Some(root) = root
            && is_version_3
        {
            *self.root.lock() = root.begin_to_join(None).ok();
        }
    }

    /// Joins every namespace that is to be joined at a server of Socket.IO.
    async fn join_all(&self) -> Result<(), ConnectError> {
        // One that is in no namespace has said all that it has to say.
        self.connection.is_established.store(true, Ordering::Relaxed);
        let auth = self.credentials.current(&self.connection).await;
        let auth = auth.map_err(|error| ConnectError::Credentials(error.into_std()))?;
        let root = self.root.lock().take();
        if let Some(root) = root {
            match root.joined::<Error>().await {
                Ok(()) => {}
                Err(error) if error.is_disconnected() => return Err(self.lost()),
                Err(error) => return Err(ConnectError::Refused(error)),
            }
        }
        self.join_wanted(Acquaintance::Jidda, auth.as_ref()).await
    }

    /// Says hello and joins every namespace that is to be joined.
    async fn introduction(&self) -> Result<(), ConnectError> {
        let connection = &self.connection;
        if connection.negotiated().is_some() {
            return self.join_all().await;
        }
        let introduced =
            self.credentials.present(connection, async |shown| connection.hello(shown).await).await;
        let acquaintance = match introduced.map_err(|error| ConnectError::Credentials(error.into_std()))? {
            Ok(acquaintance) => acquaintance,
            Err(error) if error.is_disconnected() => return Err(self.lost()),
            Err(error) => return Err(ConnectError::Refused(error)),
        };
        self.join_wanted(acquaintance, None).await
    }

    async fn join_wanted(
        &self,
        acquaintance: Acquaintance,
        auth: Option<&Payload>,
    ) -> Result<(), ConnectError> {
        for socket in self.connection.wanted_sockets() {
            if acquaintance == Acquaintance::Plain {
                if socket.namespace() == "/" {
                    socket.take_for_joined();
                }
                continue;
            }
            if !socket.is_away() {
                // The program was faster.
                continue;
            }
            match socket.rejoin::<Error>(auth).await {
                Ok(()) => {}
                Err(error) if error.is_disconnected() => return Err(self.lost()),
                // Without the root namespace there is no client; another one ends alone.
                Err(error) if socket.namespace() == "/" => return Err(ConnectError::Refused(error)),
                Err(error) => {
                    tracing::warn!(namespace = &*shown(socket.namespace()), error = %printable(&error), "the namespace cannot be joined again");
                    if !matches!(error, CallError::Send(_)) {
                        socket.finish(&DisconnectReason::Other(error.to_string().into()));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Tells whenever the credentials are about to expire, and presents new ones where there may be some.
async fn renew(client: &Connecting) -> Infallible {
    loop {
        client.connection.expiring().await;
        client.show_event(ClientEvent::CredentialsExpiring);
        if !client.credentials.are_given() {
            continue;
        }
        let connection = &client.connection;
        let presented =
            client.credentials.present(connection, async |shown| connection.authenticate(shown).await).await;
        let address = client.source.address();
        match presented {
            Ok(Ok(())) => tracing::debug!(%address, "presented new credentials"),
            Ok(Err(error)) => {
                tracing::warn!(%address, error = %printable(error), "the server refused the new credentials");
            }
            Err(error) => {
                tracing::warn!(%address, error = %in_one_line(error), "there are no new credentials");
            }
        }
    }
}

/// Whether a refusal says nothing about the next attempt.
fn passes(refusal: &CallError<Error>) -> bool {
    matches!(refusal, CallError::Internal { .. } | CallError::Timeout)
        || refusal.code().is_some_and(Failure::is_passing)
}
