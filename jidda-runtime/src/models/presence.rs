//! Who is here, while sockets say who they are, are accepted, and end.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{connection, hub};
use crate::config::{Config, DuplicateIdentity};
use crate::handler::Side;
use crate::objects::{Connection, Hub};
use crate::objects::{Socket, SocketInner};
use crate::reason::DisconnectReason;
use crate::room::PresenceEvent;
use crate::room::PresenceEvents;
use crate::room::{RoomKey, Target};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::model::{check, spawn};

fn open(connection: &Arc<Connection>) -> Socket {
    Socket { inner: connection.open_socket("/").expect("the root namespace") }
}

/// What a connection's task does with a socket that ends.
fn end(socket: &Arc<SocketInner>) {
    socket.end(&DisconnectReason::TransportClose);
    socket.rooms.exit(socket.key);
    socket.release();
}

/// What was announced of one name: that it joined, that it left, in turns.
fn assert_in_turns(events: &mut PresenceEvents, names: &[&str]) {
    let mut here = vec![false; names.len()];
    while let Some(Some(event)) = events.next().now_or_never() {
        let (name, joins) = match &event {
            PresenceEvent::Joined(name) => (name, true),
            PresenceEvent::Left(name) => (name, false),
            PresenceEvent::Missed(_) => panic!("few changes were made"),
        };
        let place = names.iter().position(|other| *other == &**name).expect("a name that was said");
        assert_ne!(here[place], joins, "{event:?} twice");
        here[place] = joins;
    }
    assert!(here.iter().all(|here| !here), "somebody is left: {here:?}");
}

fn assert_all_offline(hub: &Arc<Hub>, names: &[&str]) {
    assert_eq!((hub.presence.count(), hub.presence.names()), (0, Vec::new()));
    for rooms in hub.all_rooms() {
        for name in names {
            let groups = vec![RoomKey::Identity((*name).into())];
            assert_eq!(
                rooms.select(&Target { groups, ..Target::default() }).iter().count(),
                0,
                "{name} has members"
            );
        }
        assert_eq!(rooms.select(&Target::default()).iter().count(), 0);
    }
}

#[test]
fn an_identity_that_joined_leaves_exactly_once() {
    check(|| {
        let hub = hub(Side::Server, &[], Config::default());
        let mut events = hub.presence.events();
        let (first, second) = (connection(&hub), connection(&hub));
        let sockets = [open(&first), open(&second)];
        let threads = sockets.clone().map(|socket| {
            spawn(move || {
                // It may be over already.
                let _ = socket.identify("ann");
                socket.inner.accept();
            })
        });
        let other = sockets[0].clone();
        let renames = spawn(move || {
            let _ = other.identify("bob");
        });
        let ended = sockets[0].clone();
        let ends = spawn(move || end(&ended.inner));
        for thread in threads.into_iter().chain([renames, ends]) {
            thread.join().unwrap();
        }
        assert_eq!(hub.presence.names(), ["ann".into()], "the second one stays");
        end(&sockets[1].inner);
        assert_all_offline(&hub, &["ann", "bob"]);
        assert_in_turns(&mut events, &["ann", "bob"]);
    });
}

#[test]
fn of_two_that_may_not_be_there_at_once_one_is() {
    check(|| {
        let duplicate_identity = DuplicateIdentity::RefuseNew;
        let hub = hub(Side::Server, &[], Config { duplicate_identity, ..Config::default() });
        let (here, admitted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let threads = [(); 3].map(|()| {
            let (socket, here, admitted) =
                (open(&connection(&hub)), Arc::clone(&here), Arc::clone(&admitted));
            spawn(move || {
                if socket.identify("ann").is_ok() {
                    assert_eq!(here.fetch_add(1, Ordering::SeqCst), 0, "two are ann");
                    admitted.fetch_add(1, Ordering::SeqCst);
                    here.fetch_sub(1, Ordering::SeqCst);
                }
                end(&socket.inner);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(admitted.load(Ordering::SeqCst) > 0);
        assert_all_offline(&hub, &["ann"]);
    });
}
