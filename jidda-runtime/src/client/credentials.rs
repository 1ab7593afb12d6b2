//! What a client presents to its server, and presents again before it expires.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::error::{CallError, Error, Result};
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::objects::Connection;
use crate::payload::{Encoding, Payload};
use crate::wire::Introduction;

/// What gives the credentials, in reports.
const CREDENTIALS_WITH: &str = "credentials_with";

type Ask = dyn Fn() -> BoxFuture<'static, Result<Payload>> + Send + Sync;

/// The source of a client's credentials.
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
    /// Whether there are any to present.
    pub(super) fn are_given(&self) -> bool {
        !matches!(self.source, Source::Nowhere)
    }

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

    /// What is to be presented now. The closure is the program's: its panic is an error like any other.
    pub(super) async fn current(&self, connection: &Connection) -> Result<Option<Payload>> {
        let ask = match &self.source {
            Source::Nowhere => return Ok(None),
            Source::Fixed(credentials) => return Ok(Some(credentials.clone())),
            Source::Asked(ask) => ask,
        };
        let report = |failure: Box<Failure>| drop(connection.report_hook(CREDENTIALS_WITH, *failure));
        match Guarded::new(async { ask().await }, report).await {
            Ok(asked) => asked.map(Some),
            Err(failure) => {
                report(failure);
                Err(Error::new("internal", format!("the closure of `{CREDENTIALS_WITH}` panicked")))
            }
        }
    }

    /// Introduces the client to its server as `present` does it.
    pub(super) async fn present<T>(
        &self,
        connection: &Connection,
        present: impl AsyncFnOnce(Introduction<'_>) -> T,
    ) -> Result<T> {
        let credentials = self.current(connection).await?;
        let identity = self.identity.as_deref();
        Ok(present(Introduction { identity, credentials: credentials.as_ref(), ..Introduction::default() })
            .await)
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
