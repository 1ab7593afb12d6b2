//! Thousands of registered events.
//!
//! Ten thousand functions with `#[on]` would keep the compiler busy for minutes. What is measured is how they are found,
//! so that one handler is registered under as many names, as with the peers. An entry is what `#[on]` writes; only its
//! name is made here, by what a contract's method does to it.

use jidda::__private::{AppKey, Contract, ContractEvent, Registered, Side, inventory};
use jidda::handler::HandlerEntry;

use super::echo;
use crate::wire::called::registered;

const CONTRACT: Contract = Contract { namespace: "/", side: Side::Server, app: AppKey::of::<()>() };

/// The handlers of this program, and so many more.
pub(super) fn handlers(more: usize) -> Vec<&'static HandlerEntry> {
    let linked = inventory::iter::<Registered>().map(|registered| registered.0);
    linked.chain((0..more).map(|index| renamed(registered(index)))).collect()
}

/// The entry of `echo` under another name. It lives as long as the process, as all entries do.
fn renamed(name: String) -> &'static HandlerEntry {
    let event = ContractEvent {
        event: name.leak(),
        allow: &[],
        sequential: false,
        timeout_ms: None,
        docs: "",
        deprecated: false,
    };
    Box::leak(Box::new(echo::handler().under(CONTRACT, event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_registered_beside_the_handlers_of_the_program() {
        let names = |more| handlers(more).iter().map(|entry| entry.event()).collect::<Vec<_>>();
        assert_eq!(names(1_000).len(), names(0).len() + 1_000);
        assert!(names(1_000).contains(&"event-00999") && names(1_000).contains(&"echo"));
    }
}
