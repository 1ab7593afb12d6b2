//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Extensions;

use crate::config::Config;
use crate::objects::Hub;
use crate::peer::PeerAddress;
use crate::source::Source;
use crate::sync::Mutex;

/// How long after a warning the next one may follow: an attack must not fill the log.
const QUIET: Duration = Duration::from_secs(10);

/// Which limit keeps a connection out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    All,
    Address,
}

impl Limit {
    /// The setting that raises it.
    fn setting(self) -> &'static str {
        match self {
            Self::All => "max_connections",
            Self::Address => "max_connections_per_address",
        }
    }

    /// Its name in logs and metrics.
    fn label(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// The connections of a server that count. There is none of it where nothing is limited.
pub(super) struct Admission {
    hub: Arc<Hub>,
    most: usize,
    most_of_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_source: HashMap<Source, usize>,
    /// When a warning was logged, and how many were refused since.
    warned: Option<Instant>,
    refused: u64,
}

/// A connection that is counted until the last clone of this is dropped.
#[derive(Clone)]
pub(super) struct Permit(Arc<Counted>);

struct Counted {
    admission: Arc<Admission>,
    source: Source,
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").field("most", &self.most).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("source", &self.0.source).finish_non_exhaustive()
    }
}

impl Admission {
    /// The limits of a server, if it has any.
    pub(super) fn new(config: &Config, hub: &Arc<Hub>) -> Option<Arc<Self>> {
        let (most, most_of_address) = (config.max_connections, config.max_connections_per_address);
        if most == usize::MAX && most_of_address == usize::MAX {
            return None;
        }
        Some(Arc::new(Self { hub: Arc::clone(hub), most, most_of_address, counts: Mutex::default() }))
    }

    /// Counts one more connection.
    ///
    /// # Errors
    ///
    /// The limit that it would be beyond.
    pub(super) fn admit(self: &Arc<Self>, source: Source) -> Result<Permit, Limit> {
        let mut counts = self.counts.lock();
        if counts.all >= self.most {
            return Err(Limit::All);
        }
        // All that is on the same machine has one address, and is no stranger.
        if source != Source::Other {
            let own = counts.by_source.entry(source).or_default();
            if *own >= self.most_of_address {
                if *own == 0 {
                    counts.by_source.remove(&source);
                }
                return Err(Limit::Address);
            }
            *own += 1;
        }
        counts.all += 1;
        drop(counts);
        Ok(Permit(Arc::new(Counted { admission: Arc::clone(self), source })))
    }

    /// Counts a connection that a request asks for, by the address that the request has among its extensions.
    ///
    /// # Errors
    ///
    /// The limit that it would be beyond, which is reported.
    pub(super) fn admit_or_report(self: &Arc<Self>, extensions: &Extensions) -> Result<Permit, Limit> {
        let peer = extensions.get().unwrap_or(&PeerAddress::Unknown);
        self.admit(Source::of(peer)).inspect_err(|limit| self.refused(*limit, peer))
    }

    /// Reports that a connection was refused.
    pub(super) fn refused(&self, limit: Limit, peer: &PeerAddress) {
        self.hub.metrics.connection_refused(limit.label());
        let mut counts = self.counts.lock();
        counts.refused += 1;
        if counts.warned.is_some_and(|warned| warned.elapsed() < QUIET) {
            drop(counts);
            return tracing::debug!(%peer, limit = limit.setting(), "a connection was refused");
        }
        counts.warned = Some(Instant::now());
        let (connections, refused) = (counts.all, std::mem::take(&mut counts.refused));
        drop(counts);
        tracing::warn!(
            %peer, connections, refused,
            "connections are refused: `{}` is reached, raise it if they are wanted", limit.setting()
        );
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock();
        counts.all -= 1;
        if let Some(own) = counts.by_source.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                counts.by_source.remove(&self.source);
            }
        }
        if counts.by_source.capacity() > 64 && counts.by_source.len() < counts.by_source.capacity() / 4 {
            let length = counts.by_source.len();
            counts.by_source.shrink_to(2 * length);
        }
    }
}
