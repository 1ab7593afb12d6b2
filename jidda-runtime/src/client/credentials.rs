//! What a client presents to its server, and presents again before it expires.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::ClientEvent;
use super::supervise::Plan;
use crate::connection::Connection;
use crate::error::{CallError, Error, Result};
use crate::payload::{Encoding, Payload};
use crate::wire::Introduction;

type Ask = dyn Fn() -> BoxFuture<'static, Result<Payload>> + Send + Sync;

/// Where a client's credentials come from.
#[derive(Clone, Default)]
enum Source {
    #[default]
    Nowhere,
    Fixed(Payload),
    Asked(Arc<Ask>),
}

/// Who a client says it is, and what is to prove that.
#[derive(Clone, Default)]
pub(super) struct Credentials {
    pub(super) identity: Option<Arc<str>>,
    source: Source,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Credentials {
    pub(super) fn fix(&mut self, credentials: Payload) {
        self.source = Source::Fixed(credentials);
    }

    pub(super) fn ask<V, O>(&mut self, ask: impl Fn() -> O + Send + Sync + 'static)
    where
        V: Serialize,
        O: Future<Output = Result<V>> + Send + 'static,
    {
        self.source = Source::Asked(Arc::new(move || {
            let asked = ask();
            Box::pin(async move { Ok(Payload::encode(&asked.await?, Encoding::MessagePack)?) })
        }));
    }

    /// What is to be presented now.
    async fn current(&self) -> Result<Option<Payload>> {
        match &self.source {
            Source::Nowhere => Ok(None),
            Source::Fixed(credentials) => Ok(Some(credentials.clone())),
            Source::Asked(ask) => ask().await.map(Some),
        }
    }

    /// Introduces the client to its server as `present` does it.
    pub(super) async fn present<T>(&self, present: impl AsyncFnOnce(Introduction<'_>) -> T) -> Result<T> {
        let credentials = self.current().await?;
        let identity = self.identity.as_deref();
        Ok(present(Introduction { identity, credentials: credentials.as_ref(), ..Introduction::default() })
            .await)
    }
}

/// Tells whenever the credentials are about to expire, and presents new ones where there may be some.
pub(super) async fn renew(plan: &Plan) -> Infallible {
    loop {
        plan.connection.expiring().await;
        plan.tell(ClientEvent::CredentialsExpiring);
        if matches!(plan.credentials.source, Source::Nowhere) {
            continue;
        }
        let connection = &plan.connection;
        let presented = plan.credentials.present(async |shown| connection.authenticate(shown).await).await;
        let address = plan.source.address();
        match presented {
            Ok(Ok(())) => tracing::debug!(%address, "presented new credentials"),
            Ok(Err(error)) => tracing::warn!(%address, %error, "the server refused the new credentials"),
            Err(error) => tracing::warn!(%address, %error, "there are no new credentials"),
        }
    }
}

/// Presents credentials on one connection.
pub(super) async fn authenticate(
    connection: &Arc<Connection>,
    identity: Option<&str>,
    credentials: &Payload,
) -> Result<(), CallError<Error>> {
    connection
        .authenticate(Introduction { identity, credentials: Some(credentials), ..Introduction::default() })
        .await
}
