//! Several handlers of one event, of which a caller's permissions choose one.

use super::HandlerEntry;
use crate::error::StartProblem;
use crate::location::Location;

/// A handler that can run, and where those are that it keeps from running.
type Chosen = (&'static HandlerEntry, Vec<Location>);

/// Takes the handlers of a table in the order they are chosen in, gives those that can ever run, and says where the
/// others are.
pub(super) fn reachable(
    entries: &[&'static HandlerEntry],
    problems: &mut Vec<StartProblem>,
) -> Vec<&'static HandlerEntry> {
    let mut reachable = Vec::new();
    for handlers in entries.chunk_by(|a, b| (a.namespace, a.event) == (b.namespace, b.event)) {
        let mut kept: Vec<Chosen> = Vec::new();
        for entry in handlers {
            if is_shadowed(entry, &kept)
                && let Some((_, again)) = kept.iter_mut().find(|(earlier, _)| overlap(earlier, entry))
            {
                again.push(entry.location);
            } else {
                kept.push((entry, Vec::new()));
            }
        }
        problems.extend(kept.iter().filter(|(_, again)| !again.is_empty()).map(duplicates));
        reachable.extend(kept.into_iter().map(|(entry, _)| entry));
    }
    reachable
}

/// Whether every caller that may run `entry` runs one of the earlier ones.
fn is_shadowed(entry: &HandlerEntry, earlier: &[Chosen]) -> bool {
    let mut earlier = earlier.iter().map(|(entry, _)| entry.allow);
    if entry.allow.is_empty() {
        return earlier.any(<[_]>::is_empty);
    }
    entry.allow.iter().all(|permission| earlier.clone().any(|allow| allow.contains(permission)))
}

fn overlap(a: &HandlerEntry, b: &HandlerEntry) -> bool {
    (a.allow.is_empty() && b.allow.is_empty())
        || a.allow.iter().any(|permission| b.allow.contains(permission))
}

fn duplicates((first, again): &Chosen) -> StartProblem {
    StartProblem::DuplicateHandler {
        event: first.event,
        namespace: first.namespace,
        permissions: first.allow,
        location: first.location,
        duplicates: again.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Arguments, Context, Dispatch, HandlerList, Location, RouteId, Side, Table, TableBuilder,
    };
    use super::*;

    fn glue(_: &Context, _: Arguments<'_>) -> Dispatch {
        unreachable!("these are not run")
    }

    const fn at(line: u32) -> HandlerEntry {
        HandlerEntry::new("kick", glue, Location { file: "src/a.rs", line, module: "a::b", package: "a" })
    }

    static ADMIN: HandlerEntry = at(3).allowing(&["admin"]);
    static ADMIN_AGAIN: HandlerEntry = at(4).allowing(&["admin"]);
    static OWNER: HandlerEntry = at(2).allowing(&["owner", "root"]);
    static EITHER: HandlerEntry = at(9).allowing(&["admin", "root"]);
    static ANYONE: HandlerEntry = at(1);
    static ANYONE_AGAIN: HandlerEntry = at(5);

    fn build(entries: &[&'static HandlerEntry]) -> Result<Table, crate::StartError> {
        TableBuilder::new(Side::Server).handlers(HandlerList::Explicit(entries.to_vec())).build()
    }

    fn first(table: &Table, event: &str) -> RouteId {
        let (root, _) = table.find("/").unwrap();
        table.namespace(root).event(event).unwrap()
    }

    fn chosen(table: &Table, has: &[&str]) -> Option<u32> {
        let route = table.permitted(first(table, "kick"), |permission| has.contains(&permission))?;
        Some(table.route(route).entry().unwrap().location().line)
    }

    #[test]
    fn the_first_allowed_one_is_chosen_and_the_open_one_comes_last() {
        let table = build(&[&ANYONE, &ADMIN, &OWNER]).unwrap();
        assert_eq!(chosen(&table, &[]), Some(1));
        assert_eq!(chosen(&table, &["admin"]), Some(3));
        assert_eq!(chosen(&table, &["root"]), Some(2));
        assert_eq!(chosen(&table, &["admin", "owner"]), Some(2), "the first one in the file");
        assert_eq!(chosen(&table, &["guest"]), Some(1));
        let listed = table.to_string();
        assert!(listed.contains("kick() -> ()  needs owner or root  src/a.rs:2"), "{listed}");
        assert!(listed.contains("needs admin  src/a.rs:3") && listed.contains("kick() -> ()  src/a.rs:1"));
    }

    #[test]
    fn without_an_open_one_some_are_refused() {
        let table = build(&[&OWNER, &ADMIN]).unwrap();
        assert_eq!(chosen(&table, &["guest"]), None);
        assert_eq!(chosen(&table, &["owner"]), Some(2));
    }

    #[test]
    fn what_could_never_run_is_an_error_at_start() {
        let told = |entries: &[&'static HandlerEntry]| build(entries).unwrap_err().to_string();
        let text = told(&[&ANYONE, &ANYONE_AGAIN, &ADMIN]);
        assert!(
            text.contains("src/a.rs:1: `kick` in namespace `/` is handled again at src/a.rs:5"),
            "{text}"
        );
        let text = told(&[&ADMIN, &ADMIN_AGAIN]);
        assert!(
            text.contains(
                "src/a.rs:3: `kick` in namespace `/` is handled for `admin`, and again at src/a.rs:4"
            )
        );
        // Every caller that may run it runs one of the others.
        let text = told(&[&OWNER, &ADMIN, &EITHER]);
        assert!(text.contains("for `owner` or `root`, and again at src/a.rs:9"), "{text}");
        assert!(build(&[&OWNER, &EITHER]).is_ok());
    }

    #[test]
    fn the_ends_of_a_sockets_life_and_catch_alls_may_be_several() {
        static ENTER: HandlerEntry = HandlerEntry::new("connect", glue, at(1).location);
        static ENTER_ADMIN: HandlerEntry =
            HandlerEntry::new("connect", glue, at(2).location).allowing(&["admin"]);
        static REST_ADMIN: HandlerEntry = HandlerEntry::new("*", glue, at(3).location).allowing(&["admin"]);
        let table = build(&[&ENTER, &ENTER_ADMIN, &REST_ADMIN]).unwrap();
        let (root, _) = table.find("/").unwrap();
        let line = |route: RouteId, has: &'static str| {
            let route = table.permitted(route, |permission| permission == has)?;
            Some(table.route(route).entry().unwrap().location().line)
        };
        assert_eq!(line(table.namespace(root).connect(), "admin"), Some(2));
        assert_eq!(line(table.namespace(root).connect(), ""), Some(1));
        assert_eq!(line(table.namespace(root).fallback(), "admin"), Some(3));
        assert_eq!(line(table.namespace(root).fallback(), ""), None);
    }
}
