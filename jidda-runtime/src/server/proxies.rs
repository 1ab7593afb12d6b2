//! The settings of what a server forwards to other servers, and of the gateways that it trusts.

use std::sync::Arc;

use super::builder::ServerBuilder;
use crate::identity::Identity;
use crate::proxy::Proxy;

impl ServerBuilder {
    /// Lets peers ask for others, whose identities they [pass on](Proxy::pass_identity): gateways, whose own identity
    /// `is_trusted`. For such an event, `&Identity` and the permissions are those of the original caller. Every other peer that
    /// asks on behalf of another is denied. By default no peer is trusted.
    ///
    /// ```
    /// use jidda::Server;
    ///
    /// let builder = Server::builder().trust_identities_from(|peer| peer.allows("gateway"));
    /// # let _ = builder;
    /// ```
    pub fn trust_identities_from(
        mut self,
        is_trusted: impl Fn(&Identity) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.options.policies.trust = Some(Arc::new(is_trusted));
        self
    }

    /// Passes events that no handler takes on to another server. May be given several times.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        if let Some(namespace) = proxy.namespace {
            self.options = self.options.table(|table| table.declare(namespace));
        }
        self.problems.extend(proxy.problem());
        self.proxies.push(proxy.into_rule());
        self
    }
}
