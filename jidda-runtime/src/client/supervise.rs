//! One connection's life: made, served, lost, made again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::backoff::{Backoff, chance};
use super::credentials::{Credentials, renew};
use super::listen::Source;
use super::{ClientEvent, ConnectError};
use crate::connection::{Acquaintance, Connection, Driver};
use crate::error::{CallError, Error};
use crate::failure::Failure;
use crate::reason::DisconnectReason;

/// How long a client that is connected to waits after it could not accept, as a server does.
const PAUSE: Duration = Duration::from_millis(50);

/// What a supervisor knows of its connection.
pub(super) struct Plan {
    pub(super) connection: Arc<Connection>,
    pub(super) source: Source,
    pub(super) backoff: Option<Backoff>,
    pub(super) is_patient: bool,
    pub(super) connect_timeout: Duration,
    pub(super) events: broadcast::Sender<ClientEvent>,
    pub(super) credentials: Credentials,
}

impl Plan {
    /// Whether the first connection may take as long as it likes.
    fn is_patient(&self) -> bool {
        self.is_patient || matches!(self.source, Source::Accept(..))
    }

    pub(super) fn tell(&self, event: ClientEvent) {
        // Nobody has to listen.
        let _ = self.events.send(event);
    }
}

/// Keeps one connection alive until it is closed on purpose, refused or given up.
pub(super) async fn supervise(plan: Plan, ready: oneshot::Sender<Result<(), ConnectError>>) {
    let mut ready = Some(ready);
    let mut attempt = 0;
    let is_connected_to = matches!(plan.source, Source::Accept(..));
    let reason = loop {
        let mut is_stuck = false;
        let ending = match establish(&plan).await {
            Ok(driver) => {
                attempt = 0;
                match ready.take() {
                    Some(ready) => {
                        plan.tell(ClientEvent::Connected);
                        let _ = ready.send(Ok(()));
                    }
                    None => plan.tell(ClientEvent::Reconnected),
                }
                let reason = tokio::select! {
                    reason = driver => reason.unwrap_or(DisconnectReason::TransportError),
                    never = renew(&plan) => match never {},
                };
                plan.tell(ClientEvent::Disconnected(reason.clone()));
                reason
            }
            Err(error) => {
                let is_final = match &error {
                    // Anyone may connect to a client that listens: who refuses it does not speak for the server.
                    ConnectError::Refused(refusal) if is_connected_to => {
                        tracing::warn!(address = %plan.source.address(), %refusal, "a server that came refused us");
                        false
                    }
                    // What passes by itself is tried again by one who was let in before: the server may not have
                    // noticed yet that the connection before is lost, or what it asks may be away.
                    ConnectError::Refused(refusal) => ready.is_some() || !passes(refusal),
                    _ => false,
                };
                if ready.is_some() && (is_final || !plan.is_patient()) {
                    let _ = ready.take().map(|ready| ready.send(Err(error)));
                    break DisconnectReason::TransportError;
                }
                tracing::debug!(address = %plan.source.address(), %error, "cannot connect");
                is_stuck = matches!(error, ConnectError::Io { .. });
                if is_final {
                    plan.tell(ClientEvent::GaveUp);
                    break DisconnectReason::Other(error.to_string().into());
                }
                DisconnectReason::TransportError
            }
        };
        if plan.connection.is_closed() {
            break ending;
        }
        let wait = plan.backoff.as_ref().and_then(|backoff| backoff.wait(attempt, chance()));
        // Who is connected to has nobody to spare, and does not count who comes; but the system may be unable to accept.
        let wait = match wait {
            _ if is_connected_to && is_stuck => Some(PAUSE),
            // Whoever came was not the server: it is still to come.
            _ if is_connected_to && ready.is_some() => Some(Duration::ZERO),
            Some(_) if is_connected_to => Some(Duration::ZERO),
            wait => wait,
        };
        let Some(wait) = wait else {
            plan.tell(ClientEvent::GaveUp);
            break ending;
        };
        plan.tell(ClientEvent::Reconnecting { attempt, wait });
        attempt = if is_connected_to { 0 } else { attempt.saturating_add(1) };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            reason = plan.connection.abandoned() => break reason,
        }
    };
    plan.connection.abandon(reason);
}

/// Whether a refusal says nothing about the next attempt.
fn passes(refusal: &CallError<Error>) -> bool {
    matches!(refusal, CallError::Internal { .. } | CallError::Timeout)
        || refusal.code().is_some_and(Failure::is_passing)
}

/// Connects, says hello and joins every namespace that was joined before. The driver runs by then.
async fn establish(plan: &Plan) -> Result<JoinHandle<DisconnectReason>, ConnectError> {
    let address = plan.source.address();
    let late = |_| ConnectError::Timeout(address.to_string());
    let failed = |source| ConnectError::Io { address: address.to_string(), source };
    let limit = plan.connect_timeout;
    let stream = match &plan.source {
        Source::Dial(..) => timeout(limit, plan.source.stream(limit)).await.map_err(late)?,
        Source::Accept(..) => tokio::select! {
            stream = plan.source.stream(limit) => stream,
            _ = plan.connection.abandoned() => return Err(ConnectError::Lost(address.to_string())),
        },
    };
    let stream = stream.map_err(failed)?;
    let verdict = stream.verdict();
    let driver = tokio::spawn(Driver::new(Arc::clone(&plan.connection), stream));
    let result = match timeout(plan.connect_timeout, introduce(plan)).await {
        Ok(result) => result,
        Err(elapsed) => Err(late(elapsed)),
    };
    match result {
        Ok(()) => Ok(driver),
        Err(error) => {
            // A reason to come back after: it is for the loop above to say that it is over.
            plan.connection.close(DisconnectReason::TransportError);
            let _ = driver.await;
            match verdict.error() {
                Some(source) if matches!(error, ConnectError::Lost(_)) => Err(failed(source)),
                _ => Err(error),
            }
        }
    }
}

async fn introduce(plan: &Plan) -> Result<(), ConnectError> {
    let lost = || ConnectError::Lost(plan.source.address().to_string());
    let introduced = plan.credentials.present(async |shown| plan.connection.hello(shown).await).await;
    let acquaintance = match introduced.map_err(ConnectError::Credentials)? {
        Ok(acquaintance) => acquaintance,
        Err(error) if error.is_disconnected() => return Err(lost()),
        Err(error) => return Err(ConnectError::Refused(error)),
    };
    for socket in plan.connection.wanted_sockets() {
        if acquaintance == Acquaintance::Plain {
            if socket.path() == "/" {
                socket.take_for_joined();
            }
            continue;
        }
        match socket.rejoin::<crate::Error>().await {
            Ok(()) => {}
            Err(error) if error.is_disconnected() => return Err(lost()),
            // Without the root namespace there is no client; another one ends alone.
            Err(error) if socket.path() == "/" => return Err(ConnectError::Refused(error)),
            Err(error) => {
                tracing::warn!(namespace = socket.path(), %error, "the namespace cannot be joined again");
                if !matches!(error, CallError::Send(_)) {
                    socket.finish(&DisconnectReason::Other(error.to_string().into()));
                }
            }
        }
    }
    Ok(())
}
